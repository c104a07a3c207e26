//! Accounts of the legacy system: which tables and columns hold them, a row as it was read, and the
//! person that it describes.
//!
//! Nothing here reads a database: `stores/legacy` does.

mod addresses;
mod back;
mod csv;
mod fills;
mod grants;
mod mapping;
mod person;
mod reason;
mod row;
mod sql;
mod values;
mod written;

pub use back::{Account, ChangedRow, NewRow, Value, Written, changed_row, erased_row, new_row};
pub use csv::{CsvFile, CsvLines, csv_of_changed, csv_of_new};
pub use mapping::{
    Column, EmailTable, Export, Field, Fill, Fills, Grant, GroupTable, Mapping, MembershipTable,
    ProfileTable, SocialTable, SourceTable, UserTable,
};
pub use person::{Person, Rules, read_person};
pub use reason::{Quarantine, Reason, Resolution, SetAside};
pub use row::{Cell, Cells, LegacyRow, Orphan};
pub use sql::{SqlDialect, SqlFile};
pub use written::{EXAMPLE, MappingError};
