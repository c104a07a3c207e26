//! GraphiQL, the page on which people try the graph: its HTML, its files and its prepared tabs.
//!
//! Who may see it is not decided here: the router mounts these routes, behind its check of `Host`,
//! where the configuration wants them. Where the files come from is `build.rs`.

use std::iter;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use rust_embed::Embed;
use serde::Serialize;
use sha2::{Digest as _, Sha384};

/// Whether the binary carries GraphiQL; otherwise its page loads the public copy.
pub(crate) const EMBEDDED: bool = cfg!(graphiql_embedded);

/// Where the public copy is. Its addresses carry a version, and the browser checks the digests.
const PUBLIC_COPY: &str = "https://cdn.jsdelivr.net/npm";

/// Where everything but the page itself is served.
const BASE: &str = "/graphiql";

/// A file of npm that the page needs.
struct Pinned {
    /// Package, version and path.
    path: &'static str,
    /// The digest that `web/pinned.txt` demands.
    integrity: &'static str,
    /// The file, which has been checked; none where the public copy is used.
    bytes: Option<&'static [u8]>,
}

/// Written by `build.rs` from `web/pinned.txt`, in the order in which the page loads them.
static PINNED: &[Pinned] = include!(concat!(env!("OUT_DIR"), "/graphiql.rs"));

/// The documents that become tabs.
#[derive(Embed)]
#[folder = "queries"]
struct Documents;

static PAGE: LazyLock<Page> = LazyLock::new(Page::assemble);
static TABS: LazyLock<Vec<Tab>> = LazyLock::new(prepared_tabs);

/// What goes with every answer.
const GUARDS: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    // For browsers that do not know `frame-ancestors`.
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// The page at `/graphiql` and what it loads below that.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route(BASE, get(page))
        .route("/graphiql/tabs.json", get(tabs))
        .route("/graphiql/{*path}", get(asset))
}

async fn page() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, PAGE.policy.as_str()),
    ];
    (GUARDS, headers, PAGE.html.as_str()).into_response()
}

async fn tabs() -> Response {
    (
        GUARDS,
        [(header::CACHE_CONTROL, "no-store")],
        Json(TABS.as_slice()),
    )
        .into_response()
}

async fn asset(Path(path): Path<String>) -> Response {
    let served = PAGE.assets.iter().find(|asset| asset.path == path);
    let Some((asset, bytes)) = served.and_then(|asset| Some((asset, asset.bytes?))) else {
        return (StatusCode::NOT_FOUND, GUARDS).into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, asset.content_type()),
        // A path names a version or a digest, so what it stands for never changes.
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (GUARDS, headers, bytes).into_response()
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
            Asset::of_ours("css", include_bytes!("../../web/graphiql.css")),
            Asset::of_ours("js", include_bytes!("../../web/graphiql.js")),
        ];
        let assets: Vec<Asset> = PINNED.iter().map(Asset::of_npm).chain(ours).collect();
        let tags: Vec<String> = assets.iter().map(Asset::tag).collect();
        let template = include_str!("../../web/graphiql.html");
        Self {
            html: template.replace("<!-- assets -->", &tags.join("\n    ")),
            policy: policy(&assets),
            assets,
        }
    }
}

/// Content Security Policy 3: this origin alone, and the files of the public copy where it is used.
fn policy(assets: &[Asset]) -> String {
    // Whole addresses, not their host: that serves every package there is.
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
    /// Below `/graphiql/` or below the public copy.
    path: String,
    integrity: String,
    /// None where the public copy serves it.
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

    fn of_ours(extension: &str, bytes: &'static [u8]) -> Self {
        let digest = Sha384::digest(bytes);
        let version = BASE64_URL_SAFE_NO_PAD.encode(digest);
        Self {
            kind: if extension == "js" {
                Kind::Script
            } else {
                Kind::Style
            },
            path: format!("page@{version}.{extension}"),
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
        let base = if self.bytes.is_some() {
            BASE
        } else {
            PUBLIC_COPY
        };
        format!("{base}/{}", self.path)
    }

    /// How the page loads it. Scripts are deferred, which keeps their order.
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

// ── Its tabs ────────────────────────────────────────────────────────────────────────────────────

/// What an editor is filled with; GraphiQL names the tab by the operation.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Tab {
    query: String,
    /// JSON, laid out by the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    variables: Option<String>,
}

impl Tab {
    /// Takes the example out of a document: the comment `# variables: { … }` on a line of its own.
    fn of_document(document: &str) -> Self {
        let example = |line: &str| {
            line.strip_prefix("# variables:")
                .map(|text| text.trim().to_owned())
        };
        let kept: Vec<&str> = document
            .lines()
            .filter(|line| example(line).is_none())
            .collect();
        Self {
            query: kept.join("\n"),
            variables: document.lines().find_map(example),
        }
    }
}

/// One tab for each document, by capability and name.
fn prepared_tabs() -> Vec<Tab> {
    let mut paths: Vec<_> = Documents::iter()
        .filter(|path| path.ends_with(".graphql"))
        .collect();
    paths.sort();
    let documents = paths.iter().filter_map(|path| Documents::get(path));
    documents
        .map(|file| Tab::of_document(&String::from_utf8_lossy(&file.data)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tab_keeps_its_comment_and_takes_its_example_out() {
        let document = "# Signs in.\n# variables: {\"id\": 1}\nquery A($id: ID!) {\n  a\n}\n";
        let tab = Tab::of_document(document);
        assert_eq!(tab.query, "# Signs in.\nquery A($id: ID!) {\n  a\n}");
        assert_eq!(tab.variables.as_deref(), Some("{\"id\": 1}"));
        assert_eq!(Tab::of_document("{ me { id } }\n").variables, None);
    }

    #[test]
    fn every_example_is_a_json_object() {
        for tab in TABS.iter() {
            let Some(variables) = &tab.variables else {
                continue;
            };
            let value: serde_json::Value = serde_json::from_str(variables).expect(&tab.query);
            assert!(value.is_object(), "{}", tab.query);
        }
    }

    #[test]
    fn the_policy_names_foreign_files_only_where_they_are_used() {
        assert_eq!(PAGE.policy.contains(PUBLIC_COPY), !EMBEDDED);
        assert_eq!(PAGE.html.contains(PUBLIC_COPY), !EMBEDDED);

        let integrity = "sha384-x";
        let pinned = Pinned {
            path: "graphiql@4.1.2/graphiql.min.js",
            integrity,
            bytes: None,
        };
        let policy = policy(&[Asset::of_npm(&pinned)]);
        let expected = format!("script-src 'self' {PUBLIC_COPY}/graphiql@4.1.2/graphiql.min.js; ");
        assert!(policy.contains(&expected), "{policy}");
    }

    #[test]
    fn the_page_loads_its_files_in_order_and_has_no_inline_script() {
        let order = ["react@", "react-dom@", "graphiql@", "page@"];
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
