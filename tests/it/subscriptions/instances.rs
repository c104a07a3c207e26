//! Events between instances, and without Redis, which carries them.

use serde_json::json;

use crate::harness::{Relay, Socket, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn events_reach_other_instances_exactly_once() {
    let app = TestApp::spawn().await;
    let Some(other) = app.neighbour().await else {
        return;
    };
    let ada = app.register("ada@example.com").await;
    let mut here = ada.listen("SessionEvents", json!({})).await;
    let mut there = ada.at(&other).listen("SessionEvents", json!({})).await;
    for place in [&other, &app] {
        let laptop = place.login("ada@example.com").await;
        let id = laptop.session_id().await;
        for socket in [&mut here, &mut there] {
            let event = socket.event("sessionEvents").await;
            assert_eq!(event["session"]["id"], id);
        }
    }
    app.login("ada@example.com")
        .await
        .run("Logout", json!({}))
        .await;
    for socket in [&mut here, &mut there] {
        for kind in ["SIGNED_IN", "ENDED"] {
            assert_eq!(socket.event("sessionEvents").await["kind"], kind);
        }
    }
    ada.at(&other).run("Logout", json!({})).await;
    assert_eq!(here.end().await, 4401);
    assert_eq!(there.end().await, 4401);
}

/// Signs in at an instance until a socket receives a sign-in event from it.
async fn hears_of(socket: &mut Socket, app: &TestApp) {
    let hearing = socket.event("sessionEvents");
    tokio::pin!(hearing);
    loop {
        tokio::select! {
            event = &mut hearing => {
                assert_eq!(event["kind"], "SIGNED_IN");
                return;
            }
            _ = app.login("ada@example.com") => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_shared_store_an_instance_hears_itself_and_later_the_others_again() {
    let Some(url) = TestApp::redis_url() else {
        return;
    };
    let relay = Relay::to(&url).await;
    let through = relay.through(&url);
    let app = TestApp::with(&[("IDGATE_REDIS__URL", &through)]).await;
    let ada = app.register("ada@example.com").await;
    let other = app.second_instance().await;
    let mut socket = ada.listen("SessionEvents", json!({})).await;
    let laptop = other.login("ada@example.com").await;
    let event = socket.event("sessionEvents").await;
    assert_eq!(event["session"]["id"], laptop.session_id().await);

    let mut connected = app.app.event_bus.connected();
    relay.set_whole(false);
    connected.wait_for(|connected| !connected).await.unwrap();
    let phone = app.login("ada@example.com").await;
    let event = socket.event("sessionEvents").await;
    assert_eq!(event["session"]["id"], phone.session_id().await);
    app.until("idgate_occurrences_lost_total{at=\"shared_store\"} ", || {})
        .await;

    relay.set_whole(true);
    connected.wait_for(|connected| *connected).await.unwrap();
    hears_of(&mut socket, &other).await;
}
