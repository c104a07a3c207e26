//! Where the pages are served, and in which language.

use reqwest::Method;

use super::KINDS;
use crate::harness::{Answer, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_speaks_the_language_of_its_reader() {
    let app = TestApp::spawn().await;
    let address = format!("/password_reset?token=idl_{}", "A".repeat(43));
    for (languages, lang, heading) in [
        (
            "fr-CA,fr;q=0.9,en;q=0.8",
            "fr",
            "Choisissez un nouveau mot de passe",
        ),
        ("de,en;q=0.5", "en", "Choose a new password"),
        ("", "en", "Choose a new password"),
    ] {
        let request = app.request(Method::GET, &address);
        let page = Answer::of(request.header("accept-language", languages)).await;
        assert!(
            page.text.contains(&format!("<html lang=\"{lang}\"")),
            "{languages}"
        );
        assert!(page.text.contains(heading), "{languages}: {}", page.text);
        assert_eq!(page.header("vary"), "Accept-Language");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_are_there_only_while_links_lead_here() {
    let elsewhere = ("IDGATE_LINKS__BASE_URL", "https://app.example.com/account");
    let off = ("IDGATE_LINKS__HOSTED", "false");
    for settings in [elsewhere, off] {
        let app = TestApp::with(&[settings]).await;
        for (path, _) in KINDS {
            app.get(&format!("/{path}"))
                .await
                .assert_refusal(404, "BAD_USER_INPUT");
        }
    }
    let below = TestApp::with(&[
        ("IDGATE_SERVER__PUBLIC_URL", "http://127.0.0.1:8080"),
        ("IDGATE_LINKS__BASE_URL", "http://127.0.0.1:8080/account"),
    ])
    .await;
    for (path, _) in KINDS {
        assert_eq!(below.get(&format!("/account/{path}")).await.status, 400);
        assert_eq!(below.get(&format!("/{path}")).await.status, 404);
    }
    let home = below.get("/account/").await;
    assert_eq!(home.status, 200, "messages lead there to sign in");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_at_the_root_says_what_this_is_and_where_to_go() {
    let app = TestApp::spawn().await;
    let page = app.get("/").await;
    assert_eq!(page.status, 200);
    for place in [
        "graphiql",
        "dev/mailbox",
        ".well-known/openid-configuration",
        "health/ready",
    ] {
        assert!(
            page.text.contains(&format!("href=\"{place}\"")),
            "{}",
            page.text
        );
        assert_eq!(app.get(&format!("/{place}")).await.status, 200, "{place}");
    }
    let staff = app.staff().await;
    assert_eq!(staff.get("/").await.status, 200);
    assert_eq!(staff.get("/password_reset").await.status, 404);
}
