//! What is served beside the graph: health, JWKS, the development pages.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, TestApp, queries};

#[tokio::test(flavor = "multi_thread")]
async fn health_tells_whether_this_instance_can_serve() {
    let app = TestApp::spawn().await;
    assert_eq!(
        app.get("/health/live").await.json,
        json!({ "status": "ok" })
    );
    let ready = app.get("/health/ready").await;
    assert_eq!((ready.status, &ready.json["status"]), (200, &json!("ok")));
    assert_eq!(ready.json["database"]["status"], "up");
    assert_eq!(ready.json["volatile"]["status"], "up");
    app.drain();
    let ready = app.get("/health/ready").await;
    assert_eq!(
        (ready.status, &ready.json["status"]),
        (503, &json!("draining"))
    );
    assert_eq!(app.get("/health/live").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn access_tokens_verify_with_the_published_keys() {
    let app = TestApp::with(&[("IDGATE_SERVER__PUBLIC_URL", "https://id.example.com")]).await;
    let ada = app.register("ada@example.com").await;
    let answer = app.get("/.well-known/jwks.json").await;
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    assert_eq!(answer.header("content-type"), "application/jwk-set+json");
    for key in answer.json["keys"].as_array().unwrap() {
        assert!(
            key["d"].is_null() && key["p"].is_null(),
            "a private part is published"
        );
    }

    let keys: JwkSet = serde_json::from_value(answer.json).unwrap();
    let header = jsonwebtoken::decode_header(&ada.access_token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    assert_eq!(header.alg, jsonwebtoken::Algorithm::ES256);
    let key = keys
        .find(&header.kid.unwrap())
        .expect("the key is published");
    let key = DecodingKey::from_jwk(key).unwrap();
    let mut validation = Validation::new(jsonwebtoken::Algorithm::ES256);
    validation.set_issuer(&["https://id.example.com/", "https://id.example.com"]);
    validation.set_audience(&["idgate"]);
    // The test's clock differs from the library's.
    validation.validate_exp = false;
    let token = jsonwebtoken::decode::<Value>(&ada.access_token, &key, &validation).unwrap();
    let claims = token.claims;
    assert_eq!(claims["sub"], ada.user_id);
    assert_eq!(claims["sid"], ada.session_id().await);
    assert_eq!(claims["role"], "client");
    assert_eq!(claims["amr"], json!(["pwd"]));
    let (issued, expires) = (&claims["iat"], &claims["exp"]);
    assert_eq!(expires.as_i64().unwrap() - issued.as_i64().unwrap(), 600);

    let discovery = app.get("/.well-known/openid-configuration").await;
    assert_eq!(discovery.json["issuer"], claims["iss"]);
    assert_eq!(
        discovery.json["jwks_uri"],
        "https://id.example.com/.well-known/jwks.json"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_name_opens_no_page_of_this_machine() {
    let app = TestApp::spawn().await;
    for path in ["/dev/mailbox", "/dev/mailbox.json", "/graphiql"] {
        for host in [
            "evil.test",
            "localhost.evil.test",
            "127.0.0.1.evil.test:80",
            "",
        ] {
            let request = app.request(Method::GET, path).header("host", host);
            let answer = Answer::of(request).await;
            assert_eq!(answer.status, 403, "{path} under {host:?}: {}", answer.text);
            answer.assert_refusal(403, "FORBIDDEN");
        }
        let answer = Answer::of(app.request(Method::GET, path).header("host", "localhost")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn graphiql_runs_under_a_policy_that_lets_nothing_else_in() {
    let app = TestApp::spawn().await;
    let page = app.get("/graphiql").await;
    assert!(page.header("content-type").starts_with("text/html"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("'unsafe-eval'"), "{policy}");
    let off = TestApp::with(&[("IDGATE_GRAPHQL__GRAPHIQL", "false")]).await;
    off.get("/graphiql")
        .await
        .assert_refusal(404, "BAD_USER_INPUT");
}

#[tokio::test(flavor = "multi_thread")]
async fn graphiql_finds_its_own_files_and_every_document() {
    let app = TestApp::spawn().await;
    let page = app.get("/graphiql").await;
    let own: Vec<&str> = page
        .text
        .split('"')
        .filter(|text| text.starts_with("/graphiql/"))
        .collect();
    assert!(own.len() >= 2, "{}", page.text);
    for path in own {
        let file = app.get(path).await;
        assert_eq!(file.status, 200, "{path}");
        assert!(file.header("cache-control").contains("immutable"), "{path}");
        let kind = match path.rsplit_once('.') {
            Some((_, "js")) => "javascript",
            Some((_, "css")) => "css",
            _ => "text/plain",
        };
        assert!(file.header("content-type").contains(kind), "{path}");
    }
    let setting = app.get("/graphiql/setting.json").await;
    assert_eq!(setting.header("cache-control"), "no-store");
    assert_eq!(setting.json["staffOnly"], false);
    let tabs = setting.json["tabs"].as_array().unwrap();
    assert_eq!(tabs.len(), queries::DOCUMENTS.len());
    for path in [
        "/graphiql/none.js",
        "/graphiql/../Cargo.toml",
        "/graphiql/%2e%2e%2f",
    ] {
        assert_eq!(app.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mailbox_shows_a_message_without_running_its_scripts() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    let mail = app.mail().await;
    assert_eq!(mail.len(), 1);
    assert_eq!(mail[0]["to"], "ada@example.com");
    assert_eq!(mail[0]["channel"], "email");
    assert_eq!(mail[0]["createdAt"], "2026-03-01T12:00:00.000Z");
    let page = app.get("/dev/mailbox").await;
    // The script loads messages as text, into a sandboxed frame without scripts.
    assert!(!page.text.contains("ada@example.com"));
    assert!(
        page.text
            .contains("\"sandbox\", \"allow-popups allow-popups-to-escape-sandbox\"")
    );
    assert!(!page.text.contains("innerHTML"));
    let policy = page.header("content-security-policy");
    let (_, rest) = policy.split_once("script-src 'nonce-").unwrap();
    let nonce = rest.split('\'').next().unwrap();
    assert!(page.text.contains(&format!("<script nonce=\"{nonce}\">")));
    assert_eq!(page.text.matches("<script").count(), 1);
    for needed in [
        "default-src 'none'",
        "connect-src 'self'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(needed), "{policy}");
    }
    assert!(!policy.contains("script-src 'unsafe"), "{policy}");
    let again = app.get("/dev/mailbox").await;
    assert!(!again.header("content-security-policy").contains(nonce));
    assert!(app.mail().await.len() == 1, "a message is delivered once");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mailbox_is_sent_again_only_when_it_changed() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    app.mail().await;
    let ask = async |known: &str| {
        let request = app.request(Method::GET, "/dev/mailbox.json");
        Answer::of(request.header("if-none-match", known)).await
    };
    let first = ask("\"another\"").await;
    assert_eq!(
        (first.status, first.json.as_array().unwrap().len()),
        (200, 1)
    );
    let tag = first.header("etag");
    let same = ask(tag).await;
    assert_eq!((same.status, same.text.as_str()), (304, ""));
    app.register("grace@example.com").await;
    app.mail().await;
    assert_eq!(ask(tag).await.json.as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mailbox_is_cleared_by_its_own_page_alone() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    assert_eq!(app.mail().await.len(), 1);
    let clear = async |name: &str, value: &str| {
        let request = app.request(Method::DELETE, "/dev/mailbox.json");
        Answer::of(request.header(name, value)).await.status
    };
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.test"),
        ("origin", "null"),
        ("host", "evil.test"),
    ] {
        assert_eq!(clear(name, value).await, 403, "{name}: {value}");
    }
    let request = app.request(Method::POST, "/dev/mailbox.json");
    assert_eq!(
        Answer::of(request).await.status,
        405,
        "no form of a page clears it"
    );
    assert_eq!(app.mail().await.len(), 1);
    assert_eq!(clear("sec-fetch-site", "same-origin").await, 204);
    assert_eq!(app.mail().await.len(), 0);
    app.register("grace@example.com").await;
    assert_eq!(app.mail().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_where_nothing_is_answers_in_the_same_shape() {
    let app = TestApp::spawn().await;
    for path in ["/graphql/", "/admin", "/dev", "/.well-known/../etc/passwd"] {
        app.get(path).await.assert_refusal(404, "BAD_USER_INPUT");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn production_serves_none_of_the_development_pages() {
    let app = TestApp::with(&[
        ("IDGATE_ENV", "production"),
        ("IDGATE_SERVER__PUBLIC_URL", "https://id.example.com"),
        ("IDGATE_REDIS__ALLOW_IN_PROCESS", "true"),
        ("IDGATE_HASHING__MEMORY_KIB", "19456"),
        ("IDGATE_HASHING__ITERATIONS", "2"),
        (
            "IDGATE_KEYS__MASTER",
            "q83vEjRWeJCrze8SNFZ4kBHhE7p2r0yPo6bWkJ1x5Hc=",
        ),
    ])
    .await;
    assert_eq!(app.get("/health/live").await.status, 200);
    for path in [
        "/dev/mailbox",
        "/dev/mailbox.json",
        "/graphiql",
        "/metrics",
        "/password_reset",
    ] {
        assert_eq!(app.get(path).await.status, 404, "{path}");
    }
    // The page for stray visitors does not say what runs here.
    let home = app.get("/").await;
    assert_eq!(home.status, 200, "{}", home.text);
    assert!(!home.text.contains("graphql") && !home.text.contains("href="));
}
