//! Downloads of exports of personal data.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;

use super::authentication::authenticate_request;
use super::rejection::{Rejection, reject};
use super::request_head::Head;
use super::server::Server;
use crate::pages::{self, Download, DownloadProblem, Refused};
use crate::schema::error::{Error, ErrorCode};

/// The file of an export, for the bearer of its owner's access token. Cookies do not count: another
/// site could make a browser send them.
pub(super) async fn download(
    State(server): State<Arc<Server>>,
    Extension(head): Head,
    Path(id): Path<String>,
) -> Response {
    let client = head.client(&server);
    let opened = async {
        let identity = authenticate_request(&server, &head, client).await?;
        let opened = pages::data_export(&server.app, &identity.caller, &id).await;
        opened.map_err(rejection)
    };
    match opened.await {
        Ok(download) => file(download),
        Err(rejection) => reject(rejection.status, rejection.error, head.request_id()),
    }
}

fn rejection(refused: Refused<DownloadProblem, Infallible>) -> Rejection {
    match refused {
        Refused::Because(DownloadProblem::NotFound) => {
            let message = "There is nothing to download here. Ask `dataExport` for the address.";
            Rejection::of(StatusCode::NOT_FOUND, ErrorCode::BadUserInput, message)
        }
        Refused::Invalid(never) => match never {},
        Refused::RateLimited(limit) => {
            let message = "Too many requests. Try again later.";
            let mut error = Error::of(ErrorCode::TooManyRequests, message);
            error.retry_after = Some(limit.retry_after.as_secs().max(1));
            Rejection::new(StatusCode::TOO_MANY_REQUESTS, error)
        }
        Refused::Unauthenticated => {
            Rejection::new(StatusCode::UNAUTHORIZED, Error::unauthenticated())
        }
        Refused::RegistrationClosed | Refused::Unavailable => {
            Rejection::new(StatusCode::SERVICE_UNAVAILABLE, Error::unavailable())
        }
        Refused::Fault(fault) => Rejection::hiding(fault),
    }
}

/// The response. A part that cannot be read ends the connection: the length then tells the client that
/// the file is not complete.
fn file(download: Download) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CONTENT_LENGTH, download.size.to_string()),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"idgate-data.json\"".to_owned(),
        ),
    ];
    let parts = stream::try_unfold(download, |mut download| async move {
        match download.next_part().await {
            Ok(part) => Ok(part.map(|part| (Bytes::copy_from_slice(&part), download))),
            Err(fault) => {
                tracing::error!(?fault, "the download of an export was cut off");
                Err(std::io::Error::other("a part cannot be read"))
            }
        }
    });
    (headers, Body::from_stream(parts)).into_response()
}
