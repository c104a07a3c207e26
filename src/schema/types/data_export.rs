//! Exports of a person's data.

use async_graphql::{Context, Enum, ID, Object};
use chrono::{DateTime, Utc};

use crate::domain::data_export;
use crate::schema::request::ContextExt as _;

/// How far an export is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "data_export::DataExportState")]
pub enum DataExportState {
    /// It has not been begun.
    Waiting,
    /// It is being written.
    Running,
    /// It can be downloaded.
    Ready,
    /// It failed. Request another one.
    Failed,
}

/// Within the range of `Int`.
fn counted(records: i64) -> i32 {
    i32::try_from(records).unwrap_or(i32::MAX)
}

#[derive(Clone, Debug)]
pub struct DataExport(pub data_export::DataExport);

/// A copy of a user's data, as one JSON file.
#[Object]
impl DataExport {
    /// The ID, for `dataExport`.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// How far it is. Ask again every few seconds while it is `WAITING` or `RUNNING`.
    async fn state(&self) -> DataExportState {
        self.0.state.into()
    }

    /// When it was requested.
    async fn requested_at(&self) -> DateTime<Utc> {
        self.0.requested_at
    }

    /// How many records have been written.
    async fn records_written(&self) -> i32 {
        counted(self.0.records_written)
    }

    /// How many records there were when writing began; 0 before.
    async fn records_total(&self) -> i32 {
        counted(self.0.records_total)
    }

    /// The address of the file while it is `READY`: a GET request with the access token of its owner
    /// in the `Authorization` header.
    async fn download_url(&self, context: &Context<'_>) -> Option<String> {
        if !self.0.is_downloadable(context.now()) {
            return None;
        }
        let base = &context.app().config.server.public_url;
        let url = base.join(&format!("exports/{}", self.0.id));
        url.ok().map(String::from)
    }

    /// Proof that the file is unchanged, once it is ready: a JWS whose payload has the `sha256` digest
    /// of the file, signed by a key of the JWK set.
    async fn signature(&self) -> Option<&str> {
        self.0.signature.as_deref()
    }

    /// After which the file is deleted.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }
}
