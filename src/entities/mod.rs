//! The tables as SeaORM entities: columns and relations, no behaviour.
//!
//! `convert` turns rows into values of [`crate::domain`].

mod convert;

/// Reads a model by the positions of its columns: finding each of them by its name takes longer than
/// decoding it. The fields stand in the order of their declaration, which is that of a `SELECT`.
macro_rules! read_by_position {
    ($($field:ident),+ $(,)?) => {
        impl Model {
            /// Reads the columns from `position` on, and moves it behind them.
            pub fn read(row: &QueryResult, position: &mut usize) -> Result<Self, DbErr> {
                $(
                    let $field = row.try_get_by_index(*position)?;
                    *position += 1;
                )+
                Ok(Self { $($field),+ })
            }
        }

        #[test]
        fn columns_are_read_in_the_order_of_a_select() {
            use sea_orm::{IdenStatic as _, Iterable as _};
            let columns: Vec<&str> = Column::iter().map(|column| column.as_str()).collect();
            assert_eq!(columns, [$(stringify!($field)),+]);
        }
    };
}

pub mod audit_chain;
pub mod audit_checkpoint;
pub mod audit_event;
pub mod audit_link;
pub mod audit_tally;
pub mod audit_unlinked;
pub mod avatar_upload;
pub mod data_export;
pub mod data_export_part;
pub mod deleted_record;
pub mod erasure_request;
pub mod identity;
pub mod import_record;
pub mod import_run;
pub mod legacy_sign_out;
pub mod link;
pub mod media_removal;
pub mod outbox_message;
pub mod password;
pub mod person_key;
pub mod redemption;
pub mod refresh_token;
pub mod session;
pub mod signing_key;
pub mod user;
