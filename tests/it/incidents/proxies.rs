//! Proxies whose clients shared one address, and so one rate limit.

use crate::harness::{PASSWORD, SignedIn, TestApp};

const COUNTER: &str = "idgate_untrusted_forwarding_total ";

/// The address that a sign-in through this chain of proxies is recorded with.
async fn seen(app: &TestApp, forwarded: &str) -> String {
    let client = app.anonymous().with("x-forwarded-for", forwarded);
    let answer = client.login("ada@example.com", PASSWORD).await;
    let session = SignedIn::from_answer(app, &answer, "login");
    let sessions = session.sessions().await;
    let current = sessions.iter().find(|session| session["current"] == true);
    current.unwrap()["ipAddress"].as_str().unwrap().to_owned()
}

fn noticed(app: &TestApp) -> usize {
    let metrics = app.app.metrics.render();
    let line = metrics.lines().find_map(|line| line.strip_prefix(COUNTER));
    line.map_or(0, |count| count.parse().unwrap())
}

/// `process/serving.rs` has the warning, which is given once in the life of a process.
#[tokio::test(flavor = "multi_thread")]
async fn openwork_4197_an_unconfigured_proxy_is_counted_and_not_trusted() {
    let app = TestApp::with(&[
        ("IDGATE_THROTTLE__SCALE", "1"),
        ("IDGATE_THROTTLE__LOGIN_ADDRESS", "6/60"),
    ])
    .await;
    let headers = ["x-forwarded-for", "x-real-ip", "forwarded"];
    for (place, name) in headers.into_iter().cycle().take(6).enumerate() {
        let client = app.anonymous().with(name, format!("203.0.113.{place}"));
        let identifier = format!("person{place}@example.com");
        let guess = client.login(&identifier, "guess").await;
        assert_eq!(guess.typename("login"), "InvalidCredentials");
        assert_eq!(noticed(&app), place + 1, "{name}");
    }
    // They all spent the budget of one address, with or without a header.
    let one_more = app.anonymous().login("other@example.com", "guess").await;
    assert_eq!(one_more.typename("login"), "RateLimited");
    assert_eq!(
        noticed(&app),
        6,
        "a client without a proxy is nothing to notice"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn baalda_187_configured_proxies_are_read_hop_by_hop() {
    let trusted = "127.0.0.1/32, 10.0.0.0/8, 2001:db8:ffff::/48";
    let app = TestApp::with(&[("IDGATE_SERVER__TRUSTED_PROXIES", trusted)]).await;
    app.register("ada@example.com").await;
    for (forwarded, client) in [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, 10.0.0.5", "203.0.113.9"),
        ("203.0.113.9:4711, 10.0.0.6:80, 10.0.0.5", "203.0.113.9"),
        ("203.0.113.9, 2001:db8:ffff::1, 10.0.0.5", "203.0.113.9"),
        ("2001:db8:1::7, [2001:db8:ffff::1]:443", "2001:db8:1::7"),
        // Entries left of the first untrusted one are forged by the client.
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1, 203.0.113.9, 10.0.0.5", "203.0.113.9"),
        (
            "198.51.100.1, 10.0.0.1, 203.0.113.9, 10.0.0.5",
            "203.0.113.9",
        ),
        // The walk stops at an entry that is no address.
        ("203.0.113.9, unknown, 10.0.0.5", "10.0.0.5"),
        // An empty entry was written by no proxy.
        ("203.0.113.9, ,10.0.0.5", "203.0.113.9"),
        ("unknown", "127.0.0.1"),
        // Only proxies: the first of them counts as the client.
        ("10.0.0.6, 10.0.0.5", "10.0.0.6"),
    ] {
        assert_eq!(seen(&app, forwarded).await, client, "{forwarded}");
    }
    // The other requests of this test have no proxy and no such header.
    assert_eq!(noticed(&app), 0, "a configured proxy is nothing to notice");
    // One address is one budget, however it came here.
    let narrow = app
        .over(&[
            ("IDGATE_THROTTLE__SCALE", "1"),
            ("IDGATE_THROTTLE__LOGIN_ADDRESS", "3/60"),
        ])
        .await;
    let mut outcomes = Vec::new();
    for forwarded in [
        "192.0.2.1",
        "192.0.2.1, 10.0.0.5",
        "198.51.100.1, 192.0.2.1",
        "192.0.2.1, 10.0.0.6, 10.0.0.5",
        "192.0.2.2, 10.0.0.6, 10.0.0.5",
    ] {
        let client = narrow.anonymous().with("x-forwarded-for", forwarded);
        let identifier = format!("person{}@example.com", outcomes.len());
        let answer = client.login(&identifier, "guess").await;
        outcomes.push(answer.typename("login") == "RateLimited");
    }
    assert_eq!(outcomes, [false, false, false, true, false]);
}
