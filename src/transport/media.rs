//! Pictures over HTTP, where idgate stores them itself: taking uploads and serving avatars.
//!
//! Neither reads or sets a cookie. An upload is authorized by its secret alone, and an avatar by nothing:
//! its address is public, and says nothing about its owner.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use axum::{Extension, Router};
use secrecy::ExposeSecret as _;
use tokio::time::timeout;

use super::negotiation::MediaType;
use super::rejection::{Rejection, reject_graphql};
use super::request_head::{Head, RequestHead};
use super::server::{Audience, Server};
use crate::domain::ids::UploadId;
use crate::domain::media::AvatarName;
use crate::schema::error::{Error, ErrorCode};
use crate::services::Refused;
use crate::services::media::{ReceiveProblem, receive};

/// Headers of avatars. They are shown by pages of any origin, and never as pages: the policy keeps what
/// is in one from running if it is opened by itself.
const HEADERS: [(HeaderName, &str); 3] = [
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "cross-origin",
    ),
    (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'; sandbox",
    ),
];

/// The routes of the public listener, where idgate stores pictures.
pub(super) fn routes(server: &Server) -> Router<Arc<Server>> {
    if server.audience != Audience::Public || !server.app.serves_media() {
        return Router::new();
    }
    Router::new()
        .route("/media/uploads/{id}", any(upload))
        .route("/media/avatars/{name}", any(avatar))
}

async fn upload(
    State(server): State<Arc<Server>>,
    Extension(head): Head,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let limit = Duration::from_secs(server.app.config.media.receive_seconds);
    let received = match *request.method() {
        Method::PUT => timeout(limit, take(&server, &head, &id, request.into_body())).await,
        _ => Ok(Err(Rejection::method_not_allowed("PUT", "Use PUT."))),
    };
    let rejection = match received {
        Ok(Ok(())) => return StatusCode::NO_CONTENT.into_response(),
        Ok(Err(rejection)) => rejection,
        Err(_) => Rejection::of(
            StatusCode::REQUEST_TIMEOUT,
            ErrorCode::RequestTimeout,
            "The upload took too long.",
        ),
    };
    reject_graphql(&server, MediaType::Json, rejection, head.request_id())
}

async fn take(server: &Server, head: &RequestHead, id: &str, body: Body) -> Result<(), Rejection> {
    let not_found = || {
        let message = "There is no such upload, or it has expired.";
        Rejection::of(StatusCode::NOT_FOUND, ErrorCode::BadUserInput, message)
    };
    let id: UploadId = id.parse().map_err(|_| not_found())?;
    let secret = head.upload_secret.as_ref().ok_or_else(not_found)?;
    if head.has_content_coding {
        let message = "Send the picture without a content coding.";
        let code = ErrorCode::UnsupportedMediaType;
        return Err(Rejection::of(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            code,
            message,
        ));
    }
    let announced = body.size_hint().exact();
    let (client, place) = (head.client(server), (id, secret.expose_secret()));
    let body = body.into_data_stream();
    let received = receive(&server.app, &client, place, announced, body).await;
    received.map_err(|refused| match refused {
        Refused::Because(ReceiveProblem::NotFound)
        | Refused::Unauthenticated
        | Refused::RegistrationClosed => not_found(),
        Refused::Because(ReceiveProblem::Busy) => Rejection::of(
            StatusCode::CONFLICT,
            ErrorCode::BadUserInput,
            "Another request is uploading to this place.",
        ),
        Refused::Because(ReceiveProblem::TooLong) => Rejection::of(
            StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::PayloadTooLarge,
            "The upload is longer than announced.",
        ),
        Refused::Because(ReceiveProblem::TooShort) => {
            Rejection::bad_request("The upload is shorter than announced.")
        }
        Refused::Invalid(never) => match never {},
        Refused::RateLimited(_) => Rejection::of(
            StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::TooManyRequests,
            "Too many uploads. Try again later.",
        ),
        Refused::Unavailable => {
            Rejection::new(StatusCode::SERVICE_UNAVAILABLE, Error::unavailable())
        }
        Refused::Fault(fault) => Rejection::hiding(fault),
    })
}

async fn avatar(
    State(server): State<Arc<Server>>,
    Extension(head): Head,
    Path(name): Path<String>,
    method: Method,
) -> Response {
    let outcome = match method {
        Method::GET | Method::HEAD => serve(&server, &head, &name).await,
        _ => Err(Rejection::method_not_allowed("GET, HEAD", "Use GET.")),
    };
    outcome.unwrap_or_else(|rejection| {
        reject_graphql(&server, MediaType::Json, rejection, head.request_id())
    })
}

async fn serve(server: &Server, head: &RequestHead, name: &str) -> Result<Response, Rejection> {
    let not_found = || {
        let message = "There is no such picture.";
        Rejection::of(StatusCode::NOT_FOUND, ErrorCode::BadUserInput, message)
    };
    let name: AvatarName = name.parse().map_err(|_| not_found())?;
    let etag = format!("\"{}\"", name.hash());
    let known = head.if_none_match.as_ref();
    let found = server.app.served_avatar(&name).await;
    let bytes = found
        .map_err(|fault| Rejection::new(StatusCode::INTERNAL_SERVER_ERROR, Error::from(fault)))?;
    let bytes = bytes.ok_or_else(not_found)?;
    let mut response = if known.is_some_and(|known| matches_etag(known, &etag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let content_type = [(header::CONTENT_TYPE, name.format().content_type())];
        (content_type, bytes).into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    Ok(response)
}

/// RFC 9110 §13.1.2, with the weak comparison.
fn matches_etag(known: &HeaderValue, etag: &str) -> bool {
    let known = known.to_str().unwrap_or_default();
    let mut tags = known.split(',').map(str::trim);
    tags.any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}
