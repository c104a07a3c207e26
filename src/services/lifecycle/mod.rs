//! The end of accounts: deleted by staff or by their owners, restored, and erased; and copies of
//! personal data.
//!
//! One file per use case. `deletion` has what both deletions and both ways back share, `erasure` what
//! `eraseUser` shares with the removal of accounts whose time is over.

mod cancel_deletion;
mod delete_account;
mod delete_user;
mod download_data_export;
mod erase_user;
mod request_data_export;
mod restore_user;

pub use crate::services::deletion::CancellationOffer;
pub use cancel_deletion::{CancelDeletionProblem, cancel_account_deletion};
pub use delete_account::{DeleteAccountProblem, delete_my_account};
pub use delete_user::delete_user;
pub use download_data_export::{Download, DownloadProblem, download_data_export};
pub use erase_user::{Erasure, erase_user};
pub use request_data_export::request_data_export;
pub use restore_user::{RestoreProblem, restore_user};

use chrono::{DateTime, Utc};

use crate::domain::user::User;

/// A deleted account.
#[derive(Debug)]
pub struct Deleted {
    /// The account.
    pub user: User,
    /// Until when it can be restored.
    pub restorable_until: DateTime<Utc>,
}
