//! GraphiQL: its HTML page and assets; `tabs` has the contents of its editors.
//!
//! Access is not decided here: the router mounts these routes, behind the check of `Host`, if the
//! configuration enables them. `build.rs` provides the files.

mod tabs;

use std::iter;
use std::sync::{Arc, LazyLock};

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::json;
use sha2::{Digest as _, Sha384};

use super::server::Server;

/// The CDN. Its URLs carry a version, and the browser checks the digests (subresource integrity).
const CDN: &str = "https://cdn.jsdelivr.net/npm";

/// The path of the page; its assets are below.
const BASE: &str = "/graphiql";

/// A file of an npm package that the page loads.
struct Pinned {
    /// Package, version and path.
    path: &'static str,
    /// The digest that `web/pinned.txt` demands.
    integrity: &'static str,
    /// The verified file; `None` where the CDN is used.
    bytes: Option<&'static [u8]>,
}

/// Written by `build.rs` from `web/pinned.txt`, in the order in which the page loads them.
static PINNED: &[Pinned] = include!(concat!(env!("OUT_DIR"), "/graphiql.rs"));

static PAGE: LazyLock<Page> = LazyLock::new(Page::assemble);

/// The page at `/graphiql` and what it loads below that.
pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route(BASE, get(page))
        .route("/graphiql/setting.json", get(setting))
        .route("/graphiql/{*path}", get(asset))
}

async fn page() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, PAGE.policy.as_str()),
    ];
    (headers, PAGE.html.as_str()).into_response()
}

/// The settings of the page: its tabs, the ids of the documents of its sign-in panel, and whether
/// introspection requires signing in.
async fn setting(State(server): State<Arc<Server>>) -> Response {
    let setting = json!({
        "tabs": tabs::of(server.audience),
        "documents": tabs::panel_documents(),
        "staffOnly": server.exempts_staff(),
    });
    Json(setting).into_response()
}

async fn asset(Path(path): Path<String>) -> Response {
    let served = PAGE.assets.iter().find(|asset| asset.path == path);
    let Some((asset, bytes)) = served.and_then(|asset| Some((asset, asset.bytes?))) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, asset.content_type()),
        // A path contains a version or a digest, so its content never changes.
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, bytes).into_response()
}

// ── The page ────────────────────────────────────────────────────────────────────────────────────

/// The page, its policy and what it loads, the same for every request.
struct Page {
    html: String,
    policy: String,
    assets: Vec<Asset>,
}

impl Page {
    fn assemble() -> Self {
        let ours = [
            Asset::of_ours(
                "page",
                Kind::Style,
                include_bytes!("../../../web/graphiql.css"),
            ),
            Asset::of_ours(
                "panel",
                Kind::Style,
                include_bytes!("../../../web/panel.css"),
            ),
            Asset::of_ours(
                "session",
                Kind::Script,
                include_bytes!("../../../web/session.js"),
            ),
            Asset::of_ours(
                "panel",
                Kind::Script,
                include_bytes!("../../../web/panel.js"),
            ),
            Asset::of_ours(
                "page",
                Kind::Script,
                include_bytes!("../../../web/graphiql.js"),
            ),
        ];
        let assets: Vec<Asset> = PINNED.iter().map(Asset::of_npm).chain(ours).collect();
        let tags: Vec<String> = assets.iter().map(Asset::tag).collect();
        let template = include_str!("../../../web/graphiql.html");
        Self {
            html: template.replace("<!-- assets -->", &tags.join("\n    ")),
            policy: policy(&assets),
            assets,
        }
    }
}

/// Content Security Policy 3: this origin only, and the files of the CDN where it is used.
fn policy(assets: &[Asset]) -> String {
    // Full URLs, not the host: the CDN serves every package of npm.
    let sources = |kind: Kind| {
        let foreign = assets
            .iter()
            .filter(|asset| asset.kind == kind && asset.bytes.is_none());
        let own = iter::once("'self'".to_owned());
        own.chain(foreign.map(Asset::address))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let (scripts, styles) = (sources(Kind::Script), sources(Kind::Style));
    // The menus and editors of GraphiQL set inline styles; its fonts and cursors are data.
    format!(
        "default-src 'none'; script-src {scripts}; style-src {styles} 'unsafe-inline'; \
         img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'"
    )
}

// ── Its files ───────────────────────────────────────────────────────────────────────────────────

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Script,
    Style,
    License,
}

/// A file that the page refers to.
struct Asset {
    kind: Kind,
    /// Below `/graphiql/` or below the CDN.
    path: String,
    integrity: String,
    /// `None` where the CDN serves it.
    bytes: Option<&'static [u8]>,
}

impl Asset {
    fn of_npm(pinned: &Pinned) -> Self {
        let extension = std::path::Path::new(pinned.path).extension();
        Self {
            kind: match extension.and_then(|extension| extension.to_str()) {
                Some("js") => Kind::Script,
                Some("css") => Kind::Style,
                _ => Kind::License,
            },
            path: pinned.path.to_owned(),
            integrity: pinned.integrity.to_owned(),
            bytes: pinned.bytes,
        }
    }

    fn of_ours(name: &str, kind: Kind, bytes: &'static [u8]) -> Self {
        let digest = Sha384::digest(bytes);
        let version = BASE64_URL_SAFE_NO_PAD.encode(digest);
        let extension = if kind == Kind::Script { "js" } else { "css" };
        Self {
            kind,
            path: format!("{name}@{version}.{extension}"),
            integrity: format!("sha384-{}", BASE64_STANDARD.encode(digest)),
            bytes: Some(bytes),
        }
    }

    fn content_type(&self) -> &'static str {
        match self.kind {
            Kind::Script => "text/javascript; charset=utf-8",
            Kind::Style => "text/css; charset=utf-8",
            Kind::License => "text/plain; charset=utf-8",
        }
    }

    fn address(&self) -> String {
        let base = if self.bytes.is_some() { BASE } else { CDN };
        format!("{base}/{}", self.path)
    }

    /// The HTML element that loads it. Deferred scripts run in order.
    fn tag(&self) -> String {
        let address = self.address();
        let checked = format!(r#"integrity="{}" crossorigin="anonymous""#, self.integrity);
        match self.kind {
            Kind::Script => format!(r#"<script defer src="{address}" {checked}></script>"#),
            Kind::Style => format!(r#"<link rel="stylesheet" href="{address}" {checked}>"#),
            Kind::License => format!(r#"<link rel="license" href="{address}">"#),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::server::GRAPHIQL_EMBEDDED;
    use super::*;

    #[test]
    fn the_policy_allows_the_cdn_only_where_it_is_used() {
        assert_eq!(PAGE.policy.contains(CDN), !GRAPHIQL_EMBEDDED);
        assert_eq!(PAGE.html.contains(CDN), !GRAPHIQL_EMBEDDED);

        let integrity = "sha384-x";
        let pinned = Pinned {
            path: "graphiql@4.1.2/graphiql.min.js",
            integrity,
            bytes: None,
        };
        let policy = policy(&[Asset::of_npm(&pinned)]);
        let expected = format!("script-src 'self' {CDN}/graphiql@4.1.2/graphiql.min.js; ");
        assert!(policy.contains(&expected), "{policy}");
    }

    #[test]
    fn the_page_loads_its_files_in_order_and_has_no_inline_script() {
        let order = [
            "react@",
            "react-dom@",
            "graphiql@",
            "session@",
            "panel@",
            "page@",
        ];
        let scripts: Vec<&str> = PAGE
            .html
            .lines()
            .filter(|line| line.contains("<script"))
            .collect();
        assert_eq!(scripts.len(), order.len());
        for (script, package) in scripts.iter().zip(order) {
            assert!(script.contains(&format!("/{package}")), "{script}");
            assert!(script.contains(" src=") && script.contains(" integrity=\"sha384-"));
        }
    }
}
