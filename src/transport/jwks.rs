//! The JWK set and discovery document, for services that verify our access tokens.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::server::Server;

/// The public keys (RFC 7517 §5). Cacheable for as long as a new key waits before it signs.
pub(super) async fn keys(State(server): State<Arc<Server>>) -> Response {
    let age = server.app.config.keys.jwks_max_age_seconds;
    let headers = [
        (header::CONTENT_TYPE, "application/jwk-set+json".to_owned()),
        (header::CACHE_CONTROL, format!("public, max-age={age}")),
    ];
    (headers, server.app.signing_keys().jwks().to_string()).into_response()
}

/// Provider metadata (OpenID Connect Discovery 1.0 §3), as far as it applies to a token issuer.
pub(super) async fn configuration(State(server): State<Arc<Server>>) -> Response {
    let config = &server.app.config;
    let keys = config.server.public_url.join("/.well-known/jwks.json");
    let document = json!({
        "issuer": config.tokens.issuer,
        "jwks_uri": keys.map(|url| url.to_string()).unwrap_or_default(),
        "id_token_signing_alg_values_supported": [config.keys.algorithm.as_str()],
        "subject_types_supported": ["public"],
        "response_types_supported": ["token"],
    });
    let age = config.keys.jwks_max_age_seconds;
    (
        [(header::CACHE_CONTROL, format!("public, max-age={age}"))],
        Json(document),
    )
        .into_response()
}
