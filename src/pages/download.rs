//! Downloading a copy of one's own data.

use std::sync::Arc;

use crate::app::App;
use crate::domain::caller::Caller;
use crate::services::Refused;
use crate::services::lifecycle::{self, Download, DownloadProblem};

/// Opens the caller's export with this id, for a download.
pub async fn data_export(
    app: &Arc<App>,
    caller: &Caller,
    id: &str,
) -> Result<Download, Refused<DownloadProblem, std::convert::Infallible>> {
    lifecycle::download_data_export(app, caller, id.parse().ok()).await
}
