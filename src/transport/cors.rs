//! What browsers ask before a page of another origin speaks to us (the Fetch standard, "CORS").

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::server::Server;
use super::{REQUEST_ID, caller};

/// How long an allowance may be kept. Browsers shorten it: Chromium to two hours.
const MAX_AGE: Duration = Duration::from_hours(24);

/// Headers that clients send by themselves, besides `server.cors_headers`. One that is missing
/// fails every request of its client; what is allowed here is allowed to named origins alone.
const HEADERS: [&str; 60] = [
    // Fetch itself, where a value is not of the safelisted kind, and caches.
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
    "x-request-id",
    // Apollo's clients for the web, Kotlin and iOS.
    "apollo-require-preflight",
    "apollographql-client-name",
    "apollographql-client-version",
    "x-apollo-operation-id",
    "x-apollo-operation-name",
    "x-apollo-operation-type",
    // Other GraphQL clients, and what they send to servers that ask for it against CSRF.
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
    // What monitoring in the page adds: Sentry, Datadog, New Relic, Elastic, Application Insights,
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

/// Other origins may read answers only where the configuration names them, and none on the staff
/// surface: a page for everybody, once taken over, would speak for the staff who look at it.
pub(super) fn layer(server: &Arc<Server>) -> CorsLayer {
    let asked = Arc::clone(server);
    let is_named = AllowOrigin::predicate(move |origin, _| caller::is_named(&asked, origin));
    let added = &server.app.config.server.cors_headers;
    let added = added.iter().filter_map(|name| name.parse().ok());
    let usual = HEADERS.into_iter().map(HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(is_named)
        .allow_credentials(!caller::named_origins(server).is_empty())
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(usual.chain(added).collect::<Vec<_>>())
        .expose_headers([REQUEST_ID, header::RETRY_AFTER])
        .max_age(MAX_AGE)
}
