//! When subscriptions through a router end: exactly as without one.

use serde_json::json;

use super::{Way, ways, with_router};
use crate::federation::surface::Listener;
use crate::harness::{SignedIn, TestApp};

/// What ends a user's right to subscribe.
#[derive(Clone, Copy, Debug)]
enum Cause {
    Logout,
    Revoked,
    AllRevoked,
    Suspended,
    Role,
    Functions,
    Expired,
}

impl Cause {
    async fn happens(self, root: &SignedIn<'_>, person: &SignedIn<'_>, elsewhere: &SignedIn<'_>) {
        let mut by_root = json!({ "userId": person.user_id });
        let document = match self {
            Self::Logout => {
                person.run("Logout", json!({})).await;
                return;
            }
            Self::Revoked => {
                let id = person.session_id().await;
                let input = json!({ "input": { "sessionId": id } });
                elsewhere.run("RevokeSession", input).await;
                return;
            }
            Self::Expired => return,
            Self::AllRevoked => "RevokeUserSessions",
            Self::Suspended => "SuspendUser",
            Self::Role => {
                by_root["role"] = json!("CLIENT");
                "SetUserRole"
            }
            Self::Functions => {
                by_root["staffFunctions"] = json!([]);
                "SetStaffFunctions"
            }
        };
        let answer = root.run(document, json!({ "input": by_root })).await;
        assert!(answer.json["errors"].is_null(), "{}", answer.text);
    }
}

const EMAIL: &str = "support@example.com";

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_end_alike_through_a_router() {
    for cause in [
        Cause::Logout,
        Cause::Revoked,
        Cause::AllRevoked,
        Cause::Suspended,
        Cause::Role,
        Cause::Functions,
        Cause::Expired,
    ] {
        let (app, router) = with_router(&[]).await;
        ends(&app, &router, cause).await;
    }
}

async fn ends(app: &TestApp, router: &Listener, cause: Cause) {
    let root = app.appoint("root@example.com", "admin").await;
    let person = app.appoint(EMAIL, "staff support").await;
    let elsewhere = app.login(EMAIL).await;
    // Direct subscribers give the expected messages.
    let mut socket = person.listen("SessionEvents", json!({})).await;
    let mut stream = super::Listening::Stream(person.stream("SessionEvents").await);
    let mut through = Vec::new();
    for way in ways() {
        through.push((way.clone(), way.listen(router, &person).await));
    }
    app.login(EMAIL).await;
    socket.event("sessionEvents").await;
    stream.event().await;
    for (way, listening) in &mut through {
        let event = listening.event().await;
        assert_eq!(event["kind"], "SIGNED_IN", "{way:?}");
    }

    cause.happens(&root, &person, &elsewhere).await;
    if matches!(cause, Cause::Expired) {
        app.advance(600);
    }
    // The last event, which none of these callers may receive.
    app.login("root@example.com").await;
    app.anonymous().login(EMAIL, crate::harness::PASSWORD).await;
    let (closed, ended) = (socket.end().await.to_string(), stream.end().await);
    let code = if matches!(cause, Cause::Expired) {
        "4403"
    } else {
        "4401"
    };
    assert_eq!(
        (closed.as_str(), ended.as_str()),
        (code, "UNAUTHENTICATED complete"),
        "{cause:?}"
    );
    for (way, listening) in &mut through {
        let expected = if listening.is_socket() {
            &closed
        } else {
            &ended
        };
        assert_eq!(listening.end().await, *expected, "{way:?} {cause:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unannounced_changes_end_subscriptions_through_a_router_too() {
    let often = [("IDGATE_SUBSCRIPTIONS__RECHECK_SECONDS", "1")];
    let (app, router) = with_router(&often).await;
    let ada = app.register("ada@example.com").await;
    let mut through = Vec::new();
    for way in ways() {
        through.push(way.listen(&router, &ada).await);
    }
    app.execute("UPDATE users SET suspended_at = created_at")
        .await;
    for listening in &mut through {
        let end = if listening.is_socket() {
            "4401"
        } else {
            "UNAUTHENTICATED complete"
        };
        assert_eq!(listening.end().await, end);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_receives_each_users_own_events() {
    let (app, router) = with_router(&[]).await;
    let ada = app.register("ada@example.com").await;
    let eve = app.register("eve@example.com").await;
    let way = Way::Socket("/graphql");
    let mut for_ada = way.listen(&router, &ada).await;
    let mut for_eve = way.listen(&router, &eve).await;
    app.login("eve@example.com").await;
    app.caught_up().await;
    let own = app.login("ada@example.com").await;
    let event = for_ada.event().await;
    assert_eq!(event["session"]["id"], own.session_id().await);
    // Ending one user's subscriptions leaves those of others.
    eve.run("Logout", json!({})).await;
    for_eve.event().await;
    assert_eq!(for_eve.end().await, "4401");
    app.login("ada@example.com").await;
    for_ada.event().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_closes_router_connections() {
    let (app, router) = with_router(&[]).await;
    let ada = app.register("ada@example.com").await;
    let mut through = Vec::new();
    for way in ways() {
        through.push(way.listen(&router, &ada).await);
    }
    router.stop.cancel();
    for listening in &mut through {
        // Streams without `complete`, so that the router comes back elsewhere.
        let end = if listening.is_socket() { "1001" } else { "" };
        assert_eq!(listening.end().await, end);
    }
}
