//! How avatars are served on the embedded default.

use reqwest::Method;

use super::bucket::S3Server;
use super::{png, wear};
use crate::harness::{Answer, TestApp, http};

const FOREVER: &str = "public, max-age=31536000, immutable";

#[tokio::test(flavor = "multi_thread")]
async fn an_avatar_is_cached_for_ever_and_is_no_page() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let url = wear(&ada, png(1)).await;
    let head = http().head(&url).send().await.unwrap();
    let get = http().get(&url).send().await.unwrap();
    for response in [&head, &get] {
        assert_eq!(response.status(), 200);
        let header = |name: &str| response.headers()[name].to_str().unwrap();
        assert_eq!(header("content-type"), "image/jpeg");
        assert_eq!(header("cache-control"), FOREVER);
        assert_eq!(header("x-content-type-options"), "nosniff");
        let policy = header("content-security-policy");
        assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"));
        // Front ends of other origins show it.
        assert_eq!(header("cross-origin-resource-policy"), "cross-origin");
        assert!(response.headers().get("set-cookie").is_none());
    }
    assert_eq!(
        head.headers()["content-length"],
        get.headers()["content-length"]
    );
    let etag = get.headers()["etag"].to_str().unwrap().to_owned();
    for known in [etag.clone(), format!("\"x\", W/{etag}"), "*".to_owned()] {
        let request = http().get(&url).header("if-none-match", &known);
        let answer = Answer::of(request).await;
        assert_eq!((answer.status, answer.text.as_str()), (304, ""), "{known}");
        assert_eq!(answer.header("etag"), etag);
        assert_eq!(answer.header("cache-control"), FOREVER);
    }
    let other = http().get(&url).header("if-none-match", "\"x\"");
    assert_eq!(other.send().await.unwrap().status(), 200);
    let posted = Answer::of(http().post(&url)).await;
    posted.assert_refusal(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_of_the_disk_is_served() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let url = wear(&ada, png(1)).await;
    let name = url.rsplit('/').next().unwrap();
    let upload = super::upload(&ada, png(2)).await;
    for path in [
        "/media/".to_owned(),
        "/media/avatars/".to_owned(),
        "/media/avatars".to_owned(),
        format!("/media/avatars/../uploads/{}", upload.id),
        format!("/media/avatars/..%2Fuploads%2F{}", upload.id),
        format!("/media/uploads/{}", upload.id),
        "/media/avatars/..%2F..%2Fmaster.key".to_owned(),
        "/media/avatars/%2e%2e%2f%2e%2e%2fidgate.sqlite3".to_owned(),
        "/media/avatars/%2Fetc%2Fpasswd".to_owned(),
        format!("/media/avatars/{}.svg", "a".repeat(64)),
        format!("/media/avatars/{}.jpg", "a".repeat(64)),
        format!("/media/avatars/{}.jpg", "A".repeat(64)),
        format!("/media/avatars/{name}.part"),
        format!("/media/avatars/{name}%00"),
        format!("/media/avatars/./{name}"),
    ] {
        // Written by hand: a client would resolve the dots.
        let sent = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let received =
            app.exchange(|connection| std::io::Write::write_all(connection, sent.as_bytes()));
        let status = received.split(' ').nth(1).unwrap_or_default();
        assert!(
            ["404", "405", "400"].contains(&status),
            "{path}: {received}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_named_origins_alone_may_upload() {
    let origin = "https://app.example.com";
    let app = TestApp::with(&[("IDGATE_SERVER__CORS_ORIGINS", origin)]).await;
    let preflight = async |origin: &str| {
        let request = app
            .request(Method::OPTIONS, "/media/uploads/x")
            .header("origin", origin)
            .header("access-control-request-method", "PUT")
            .header(
                "access-control-request-headers",
                "content-type,idgate-upload-secret",
            );
        Answer::of(request).await
    };
    let named = preflight(origin).await;
    assert_eq!(named.header("access-control-allow-origin"), origin);
    assert!(named.header("access-control-allow-methods").contains("PUT"));
    let headers = named.header("access-control-allow-headers");
    assert!(headers.contains("idgate-upload-secret"), "{headers}");
    let other = preflight("https://evil.test").await;
    assert_eq!(other.header("access-control-allow-origin"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_listeners_and_other_storages_serve_no_pictures() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let url = wear(&ada, png(1)).await;
    let path = &url[url.find("/media/").unwrap()..];
    assert_eq!(app.get(path).await.status, 200);
    assert_eq!(app.staff().await.get(path).await.status, 404);
    let bucket = S3Server::start().await;
    let app = bucket.gateway(&[]).await;
    assert_eq!(app.get(path).await.status, 404);
}
