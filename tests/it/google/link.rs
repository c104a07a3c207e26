//! Linking and unlinking Google.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{events, signed_in};
use crate::harness::{Answer, Google, PASSWORD, SignedIn};

async fn link(google: &Google, person: &SignedIn<'_>, changes: &Value) -> Answer {
    let input = json!({ "idToken": google.token(changes) });
    person.run("LinkGoogle", json!({ "input": input })).await
}

async fn unlink(person: &SignedIn<'_>, id: &Value) -> Answer {
    let input = json!({ "identityId": id });
    person.run("UnlinkGoogle", json!({ "input": input })).await
}

async fn identities(person: &SignedIn<'_>) -> Vec<Value> {
    let answer = person.run("MyIdentities", json!({})).await;
    answer.root("me")["identities"].as_array().unwrap().clone()
}

fn grace() -> Value {
    json!({ "sub": "2002", "email": "grace@gmail.com" })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linked_identity_opens_the_account_and_proves_no_address() {
    let google = Google::spawn().await;
    let ada = google.app.register("ada@example.com").await;
    let linked = link(&google, &ada, &json!({})).await;
    assert_eq!(
        linked.root("linkGoogle")["identity"]["email"],
        "ada@gmail.com"
    );
    let again = google.login(&json!({})).await;
    assert_eq!(signed_in(&google, &again).user_id, ada.user_id);
    let me = ada.run("Me", json!({})).await;
    assert_eq!(me.root("me")["email"], "ada@example.com");
    assert_eq!(me.root("me")["emailVerified"], false);
    assert_eq!(events(&google, "identity.linked").await, 1);
    // No mail is sent to an unverified address.
    let mail = google.app.mail().await;
    assert!(
        mail.iter()
            .all(|message| message["kind"] != "identity_linked"),
        "{mail:?}"
    );
    let first = identities(&ada).await;
    // Repeated, it has the same response and no further effect.
    let repeated = link(&google, &ada, &json!({})).await;
    assert_eq!(
        repeated.root("linkGoogle")["identity"]["id"],
        first[0]["id"]
    );
    assert_eq!(events(&google, "identity.linked").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_of_another_account_is_refused() {
    let google = Google::spawn().await;
    google.login(&json!({})).await;
    let eve = google.app.register("eve@example.com").await;
    let answer = link(&google, &eve, &json!({})).await;
    assert_eq!(answer.typename("linkGoogle"), "IdentityAlreadyLinked");
    assert_eq!(answer.root("linkGoogle")["code"], "IDENTITY_ALREADY_LINKED");
    assert!(identities(&eve).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_link_one_identity_at_once_one_gets_it() {
    let google = Google::spawn().await;
    let mut people = Vec::new();
    for number in 0..10 {
        people.push(
            google
                .app
                .register(&format!("person{number}@example.com"))
                .await,
        );
    }
    let nothing = json!({});
    let answers = join_all(people.iter().map(|person| link(&google, person, &nothing))).await;
    let kinds = |kind: &str| {
        let named = answers
            .iter()
            .filter(|answer| answer.typename("linkGoogle") == kind);
        named.count()
    };
    assert_eq!(
        (kinds("GoogleLinked"), kinds("IdentityAlreadyLinked")),
        (1, 9)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn linking_and_unlinking_ask_for_a_recent_proof() {
    let google = Google::spawn().await;
    let ada = google.app.register("ada@example.com").await;
    link(&google, &ada, &json!({})).await.root("linkGoogle");
    google.app.advance(901);
    let ada = ada.refreshed().await;
    let answer = link(&google, &ada, &grace()).await;
    assert_eq!(answer.typename("linkGoogle"), "StepUpRequired");
    assert_eq!(
        unlink(&ada, &Value::Null).await.typename("unlinkGoogle"),
        "StepUpRequired"
    );
    let input = json!({ "input": { "password": PASSWORD } });
    let proof = ada.run("StepUp", input).await;
    let token = proof.root("stepUp")["accessToken"].as_str().unwrap();
    let fresh = google
        .app
        .anonymous()
        .with("authorization", format!("Bearer {token}"));
    let answer = fresh.run("UnlinkGoogle", json!({})).await;
    assert_eq!(answer.typename("unlinkGoogle"), "GoogleUnlinked");
    let anonymous = google.app.anonymous().run("UnlinkGoogle", json!({})).await;
    assert_eq!(anonymous.code(), "UNAUTHENTICATED");
    let input = json!({ "input": { "idToken": google.token(&json!({})) } });
    let anonymous = google.app.anonymous().run("LinkGoogle", input).await;
    assert_eq!(anonymous.code(), "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_way_in_stays() {
    let google = Google::spawn().await;
    let ada = signed_in(&google, &google.login(&json!({})).await);
    let answer = unlink(&ada, &Value::Null).await;
    assert_eq!(answer.typename("unlinkGoogle"), "LastAuthenticator");
    assert_eq!(answer.root("unlinkGoogle")["code"], "LAST_AUTHENTICATOR");
    // With a second identity either can go, and of two that go at once one stays.
    link(&google, &ada, &grace()).await.root("linkGoogle");
    let several = unlink(&ada, &Value::Null).await;
    assert_eq!(several.violations("unlinkGoogle"), ["identityId REQUIRED"]);
    for round in 1..=8 {
        let both = identities(&ada).await;
        let answers = join_all(both.iter().map(|identity| unlink(&ada, &identity["id"]))).await;
        let mut kinds: Vec<_> = answers
            .iter()
            .map(|answer| answer.typename("unlinkGoogle"))
            .collect();
        kinds.sort_unstable();
        assert_eq!(kinds, ["GoogleUnlinked", "LastAuthenticator"]);
        assert_eq!(events(&google, "identity.unlinked").await, round);
        let another = json!({ "sub": format!("another {round}") });
        link(&google, &ada, &another).await.root("linkGoogle");
    }
    let mail = google.app.mail().await;
    let notices = mail
        .iter()
        .filter(|message| message["kind"] == "identity_unlinked");
    assert_eq!(notices.count(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unlinked_identity_opens_nothing_until_linked_again() {
    let google = Google::genuine().await;
    let ada = google.app.register("ada@gmail.com").await;
    google
        .app
        .execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    signed_in(&google, &google.login(&json!({})).await);
    let id = identities(&ada).await[0]["id"].clone();
    assert_eq!(
        unlink(&ada, &id).await.root("unlinkGoogle")["identityId"],
        id
    );
    assert_eq!(unlink(&ada, &id).await.typename("unlinkGoogle"), "NotFound");
    // The address is the issuer's own, but the owner has said no.
    assert_eq!(google.outcome(&json!({})).await, "Conflict");
    assert!(ada.is_signed_in().await);
    link(&google, &ada, &json!({})).await.root("linkGoogle");
    let again = signed_in(&google, &google.login(&json!({})).await);
    assert_eq!(again.user_id, ada.user_id);
    // It may as well move to another account.
    let id = identities(&ada).await[0]["id"].clone();
    unlink(&ada, &id).await.root("unlinkGoogle");
    let eve = google.app.register("eve@example.com").await;
    link(&google, &eve, &json!({})).await.root("linkGoogle");
    assert_eq!(
        signed_in(&google, &google.login(&json!({})).await).user_id,
        eve.user_id
    );
    assert!(identities(&ada).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn users_cannot_read_or_unlink_identities_of_others() {
    let google = Google::spawn().await;
    let ada = google.app.register("ada@example.com").await;
    link(&google, &ada, &json!({})).await.root("linkGoogle");
    let eve = google.app.register("eve@example.com").await;
    link(&google, &eve, &grace()).await.root("linkGoogle");
    let id = identities(&ada).await[0]["id"].clone();
    let foreign = unlink(&eve, &id).await;
    assert_eq!(foreign.typename("unlinkGoogle"), "NotFound");
    for other in ["00000000-0000-7000-8000-000000000000", "1 OR 1=1", ""] {
        assert_eq!(unlink(&eve, &json!(other)).await.text, foreign.text);
    }
    assert_eq!(identities(&ada).await.len(), 1);
    let query = format!(
        "{{ user(id: \"{}\") {{ identities {{ id }} }} }}",
        ada.user_id
    );
    assert_eq!(eve.ask(&query, json!({})).await.code(), "FORBIDDEN");
    google
        .app
        .execute("UPDATE users SET role = 'admin' WHERE email = 'eve@example.com'")
        .await;
    let admin = eve.refreshed().await;
    let answer = admin.ask(&query, json!({})).await;
    assert_eq!(answer.root("user")["identities"][0]["id"], id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_identities_stays_short() {
    let google = Google::spawn().await;
    let ada = google.app.register("ada@example.com").await;
    for number in 0..10 {
        let changes = json!({ "sub": format!("3{number}") });
        link(&google, &ada, &changes).await.root("linkGoogle");
    }
    let query = "{ me { identities { id email } } }";
    let (_, work) = google.app.work_of(ada.ask(query, json!({}))).await;
    assert_eq!(work.statements, 2);
    let answer = link(&google, &ada, &json!({ "sub": "4" })).await;
    assert_eq!(answer.violations("linkGoogle"), ["idToken NOT_ALLOWED"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ended_meanwhile_links_nothing() {
    let google = Google::spawn().await;
    let eve = google.app.register("ada@gmail.com").await;
    let ours = google.token(&json!({}));
    // The squatter's request races the owner's first sign-in: in either order the squatter's
    // identity opens nothing afterwards.
    let of_the_squatter = grace();
    let squatter = link(&google, &eve, &of_the_squatter);
    let owner = google.present(&ours);
    let (_, owner) = tokio::join!(squatter, owner);
    let ada = signed_in(&google, &owner);
    assert_eq!(identities(&ada).await.len(), 1);
    let grace = signed_in(&google, &google.login(&grace()).await);
    assert_ne!(grace.user_id, ada.user_id);
}
