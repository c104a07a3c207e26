//! Cross-origin resource sharing (Fetch standard, "CORS protocol").

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::origin;
use super::request_head::REQUEST_ID;
use super::server::Server;

/// How long browsers may cache a preflight. They cap it themselves: Chromium at two hours.
const MAX_AGE: Duration = Duration::from_hours(24);

/// Headers that common clients send, besides `server.cors_headers`. A missing one would fail every
/// request of its client; they are allowed to the configured origins only.
const HEADERS: [&str; 61] = [
    // Fetch, for values that are not CORS-safelisted, and caches.
    "accept",
    "accept-language",
    "cache-control",
    "content-language",
    "content-type",
    "if-modified-since",
    "if-none-match",
    "last-event-id",
    "pragma",
    "user-agent",
    // Ours.
    "authorization",
    "idgate-csrf",
    "idgate-delivery",
    "idgate-upload-secret",
    "x-request-id",
    // Apollo's clients for the web, Kotlin and iOS.
    "apollo-require-preflight",
    "apollographql-client-name",
    "apollographql-client-version",
    "x-apollo-operation-id",
    "x-apollo-operation-name",
    "x-apollo-operation-type",
    // Other GraphQL clients, and CSRF headers that servers require.
    "graphql-client-name",
    "graphql-client-version",
    "graphql-preflight",
    "graphql-require-preflight",
    "x-graphql-client-name",
    "x-graphql-client-version",
    "x-graphql-csrf",
    "x-graphql-yoga-csrf",
    "x-requested-with",
    "x-csrf-token",
    "x-xsrf-token",
    "idempotency-key",
    // W3C Trace Context and Baggage; OpenTelemetry's B3 and Jaeger propagators.
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-flags",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-spanid",
    "x-b3-traceid",
    "uber-trace-id",
    // Monitoring: Sentry, Datadog, New Relic, Elastic, Application Insights,
    // the clouds, Honeycomb, Instana.
    "sentry-trace",
    "x-datadog-origin",
    "x-datadog-parent-id",
    "x-datadog-sampled",
    "x-datadog-sampling-priority",
    "x-datadog-tags",
    "x-datadog-trace-id",
    "newrelic",
    "elastic-apm-traceparent",
    "request-context",
    "request-id",
    "x-correlation-id",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "x-honeycomb-trace",
    "x-instana-l",
    "x-instana-s",
    "x-instana-t",
];

/// Only configured origins may read responses, and none on the staff listener: a compromised public
/// page could otherwise act for staff who visit it.
pub(super) fn layer<const N: usize>(server: &Arc<Server>, methods: [Method; N]) -> CorsLayer {
    let state = Arc::clone(server);
    let is_allowed =
        AllowOrigin::predicate(move |origin, _| origin::is_cors_origin(&state, origin));
    let configured = &server.app.config.server.cors_headers;
    let configured = configured.iter().filter_map(|name| name.parse().ok());
    let common = HEADERS.into_iter().map(HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(is_allowed)
        .allow_credentials(!origin::cors_origins(server).is_empty())
        .allow_methods(methods)
        .allow_headers(common.chain(configured).collect::<Vec<_>>())
        .expose_headers([REQUEST_ID, header::RETRY_AFTER])
        .max_age(MAX_AGE)
}
