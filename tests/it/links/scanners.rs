//! Clients that open links before the user does: mail scanners, previews, prefetching browsers.

use reqwest::Method;
use serde_json::json;

use super::{KINDS, filled, has_effect, send, token_for};
use crate::harness::{Answer, TestApp, queries};

/// Headers by which they announce a prefetch; most send none.
const AHEAD: [&[(&str, &str)]; 6] = [
    &[],
    &[("purpose", "prefetch")],
    &[("sec-purpose", "prefetch")],
    &[
        ("sec-purpose", "prefetch;prerender"),
        ("sec-fetch-dest", "document"),
    ],
    &[("x-moz", "prefetch")],
    &[("x-purpose", "preview"), ("sec-fetch-site", "cross-site")],
];

/// A page without its CSP nonce, which is new each time.
fn without_nonce(page: &str) -> String {
    let (before, rest) = page.split_once("nonce=\"").unwrap();
    let (_, after) = rest.split_once('"').unwrap();
    format!("{before}{after}")
}

/// Asserts that every GET of this path has the same response and sets no cookie.
async fn look(app: &TestApp, path: &str, address: &str) {
    for headers in AHEAD {
        let mut seen = Vec::new();
        for method in [Method::GET, Method::HEAD, Method::GET, Method::HEAD] {
            let mut request = app.request(method.clone(), address);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = Answer::of(request).await;
            assert_eq!(answer.status, 200, "{method} {path} {headers:?}");
            assert_eq!(answer.text.is_empty(), method == Method::HEAD, "{path}");
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.header("referrer-policy"), "no-referrer");
            assert_eq!(answer.header("set-cookie"), "");
            if method == Method::GET {
                seen.push(without_nonce(&answer.text));
            }
        }
        assert_eq!(seen[0], seen[1], "{path} {headers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn supabase_auth_713_and_emdash_3298_opening_a_link_does_not_consume_it() {
    for (path, _) in KINDS {
        let app = TestApp::spawn().await;
        let token = token_for(&app, path).await;
        let address = format!("/{path}?token={token}");
        let ((), work) = app.work_of(look(&app, path, &address)).await;
        assert_eq!((work.statements, work.hashes), (0, 0), "{path}");
        assert_eq!((work.messages, work.events), (0, 0), "{path}");
        assert!(!has_effect(&app, path).await, "{path}");
        let answer = send(&app, path, &filled(path, &token)).await;
        assert_eq!(
            answer.status, 200,
            "{path}: the link was used up by looking"
        );
        assert!(has_effect(&app, path).await, "{path}: {}", answer.text);
    }
}

/// Scanners may try the API too: redeeming a link is a mutation, which no GET runs.
#[tokio::test(flavor = "multi_thread")]
async fn supabase_auth_1214_no_get_of_a_mutation_redeems_a_link() {
    for (path, document) in [
        ("verify_email", "VerifyEmail"),
        ("password_reset", "ConfirmPasswordReset"),
        ("invitation", "ConfirmPasswordReset"),
        ("change_email", "ConfirmEmailChange"),
        ("revert_email", "RevertEmailChange"),
    ] {
        let app = TestApp::spawn().await;
        let token = token_for(&app, path).await;
        let mut input = json!({ "token": token });
        for (name, value) in filled(path, &token) {
            if ["password", "newPassword"].contains(&name) && path != "change_email" {
                input[name] = json!(value);
            }
        }
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("query", queries::text(document));
        query.append_pair("variables", &json!({ "input": input }).to_string());
        let address = format!("/graphql?{}", query.finish());
        for headers in AHEAD {
            for method in [Method::GET, Method::HEAD] {
                let request = app.request(method, &address);
                let mut request = request.header("idgate-csrf", "1");
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                assert_eq!(Answer::of(request).await.status, 405, "{path}");
            }
        }
        assert!(!has_effect(&app, path).await, "{path}");
        let answer = send(&app, path, &filled(path, &token)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert!(has_effect(&app, path).await, "{path}");
    }
}
