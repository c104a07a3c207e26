//! Cross-site and malformed form posts.

use reqwest::Method;

use super::{ADA, KINDS, filled, has_effect, send, send_with, token_for};
use crate::harness::{Answer, TestApp};

/// Text that must be escaped in HTML.
const MARKUP: &str =
    "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;{{ heading }}\u{202e}";

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_is_refused_and_costs_the_link_nothing() {
    for (path, _) in KINDS {
        let app = TestApp::spawn().await;
        let token = token_for(&app, path).await;
        let fields = filled(path, &token);
        let own = app.url("");
        let ((), work) = app
            .work_of(async {
                for headers in [
                    &[("sec-fetch-site", "cross-site")][..],
                    &[("sec-fetch-site", "same-site")],
                    &[("sec-fetch-site", "SAME-ORIGIN")],
                    &[("sec-fetch-site", "")],
                    &[("sec-fetch-site", "cross-site"), ("origin", &*own)],
                    &[
                        ("sec-fetch-site", "same-origin"),
                        ("origin", "https://evil.test"),
                    ],
                    &[("origin", "https://evil.test")],
                    &[("origin", "null")],
                    &[("origin", "")],
                    &[("origin", "http://127.0.0.1:1")],
                    &[("origin", &format!("{own}.evil.test"))],
                    // Whichever of them a proxy checked.
                    &[("origin", &*own), ("origin", "https://evil.test")],
                ] {
                    let answer = send_with(&app, path, headers, &fields).await;
                    assert_eq!(answer.status, 403, "{path} {headers:?}: {}", answer.text);
                    assert!(answer.text.contains("not sent from this page"), "{path}");
                }
            })
            .await;
        assert_eq!((work.statements, work.hashes), (0, 0), "{path}");
        assert!(!has_effect(&app, path).await, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_this_server_is_taken_however_its_browser_says_so() {
    let own = |app: &TestApp| app.url("");
    for number in 0..5 {
        let app = TestApp::spawn().await;
        let token = token_for(&app, "verify_email").await;
        let own = own(&app);
        let headers = match number {
            0 => vec![],
            1 => vec![("origin", &*own)],
            2 => vec![("sec-fetch-site", "same-origin"), ("origin", "null")],
            3 => vec![("sec-fetch-site", "same-origin"), ("origin", &*own)],
            _ => vec![("sec-fetch-site", "none")],
        };
        let fields = filled("verify_email", &token);
        let answer = send_with(&app, "verify_email", &headers, &fields).await;
        assert_eq!(answer.status, 200, "{headers:?}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allowed_origin_of_scripts_sends_no_form() {
    let other = "https://app.example.com";
    let app = TestApp::with(&[("IDGATE_SERVER__CORS_ORIGINS", other)]).await;
    let token = token_for(&app, "verify_email").await;
    let fields = filled("verify_email", &token);
    let answer = send_with(&app, "verify_email", &[("origin", other)], &fields).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_sent_becomes_markup() {
    let app = TestApp::spawn().await;
    for (path, _) in KINDS {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("token", MARKUP)
            .append_pair(MARKUP, MARKUP);
        let shown = app.get(&format!("/{path}?{}", query.finish())).await;
        let sent = send(&app, path, &filled(path, MARKUP)).await;
        for answer in [shown, sent] {
            assert_eq!(answer.status, 400, "{path}: {}", answer.text);
            assert!(!answer.text.contains("<script"), "{}", answer.text);
        }
    }
    let token = format!("idl_{}", "A".repeat(43));
    let fields = [
        ("token", &*token),
        ("emailOrPhone", MARKUP),
        ("password", "x"),
    ];
    let answer = send(&app, "change_email", &fields).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    let escaped = "value=\"&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;";
    assert!(answer.text.contains(escaped), "{}", answer.text);
    assert!(!answer.text.contains("<script") && !answer.text.contains("<img"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_served_under_a_policy_without_scripts() {
    let app = TestApp::spawn().await;
    let mut nonces = Vec::new();
    for path in [
        "",
        "password_reset",
        "password_reset?token=x",
        "verify_email",
    ] {
        let page = app.get(&format!("/{path}")).await;
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.header("x-frame-options"), "DENY");
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; style-src 'nonce-"),
            "{policy}"
        );
        assert!(
            !policy.contains("script-src") && !policy.contains("unsafe"),
            "{policy}"
        );
        for needed in [
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(needed), "{policy}");
        }
        let (_, rest) = policy.split_once("'nonce-").unwrap();
        let nonce = rest.split('\'').next().unwrap().to_owned();
        assert!(page.text.contains(&format!("<style nonce=\"{nonce}\">")));
        assert!(!page.text.contains("<script") && !page.text.contains(" style="));
        assert!(!nonces.contains(&nonce), "a nonce is used twice");
        nonces.push(nonce);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_form_is_refused() {
    let app = TestApp::spawn().await;
    let token = token_for(&app, "verify_email").await;
    let form = "application/x-www-form-urlencoded";
    let good = format!("token={token}&password=x");
    let large = format!("token={token}&password={}", "x".repeat(20_000));
    for (media, body) in [
        ("application/json", good.as_str()),
        ("text/plain", &good),
        ("multipart/form-data; boundary=x", &good),
        (form, ""),
        (form, "password=x"),
        (form, &format!("{good}&token={token}")),
        (form, &format!("{good}&password=y")),
        (form, &format!("token={token}&password=%ff")),
        (form, &large),
    ] {
        let request = app
            .request(Method::POST, "/verify_email")
            .header("content-type", media)
            .body(body.to_owned());
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 400, "{media} {body:.80}: {}", answer.text);
        assert!(
            answer.text.contains("could not be read"),
            "{media} {body:.80}"
        );
    }
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = Answer::of(app.request(method, "/verify_email")).await;
        assert_eq!(answer.status, 405);
    }
    assert_eq!(
        app.number("SELECT COUNT(*) FROM users WHERE email_verified")
            .await,
        0
    );
    assert!(app.message(ADA, "verify_email").await.is_some());
}
