//! What generated clients rely on in a response: where `null` is, and the order of keys.
//!
//! Tested with a separate schema in which every kind of field fails (GraphQL specification
//! §6.4.4): stable versions of async-graphql have had this wrong.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use async_graphql::{EmptySubscription, MaybeUndefined, Object};
use idgate::domain::caller::{Caller, Client};
use idgate::schema::Schema;
use idgate::schema::error::{Error, ErrorCode, Nullable};
use idgate::schema::request::{CookieCredential, RequestData, RequestIdentity, TokenDelivery};
use serde_json::{Value, json};

use crate::harness::TestApp;

struct Query;
struct Mutation;
struct Thing;

fn refusal() -> Error {
    Error::of(ErrorCode::Forbidden, "no")
}

/// Until everything else had its turn.
async fn late() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[Object]
impl Thing {
    async fn id(&self) -> i32 {
        1
    }
    async fn strict(&self) -> Result<i32, Error> {
        late().await;
        Err(refusal())
    }
    async fn lenient(&self) -> Nullable<i32> {
        Some(Err(refusal()))
    }
    async fn nothing(&self) -> Nullable<i32> {
        None
    }
    async fn inner(&self) -> Thing {
        Thing
    }
    async fn maybe(&self) -> Option<Thing> {
        Some(Thing)
    }
    async fn things(&self) -> Vec<Thing> {
        vec![Thing, Thing]
    }
    async fn some_things(&self) -> Option<Vec<Option<Thing>>> {
        Some(vec![Some(Thing), None])
    }
    async fn late(&self) -> i32 {
        late().await;
        2
    }
}

#[Object]
impl Query {
    async fn thing(&self) -> Option<Thing> {
        Some(Thing)
    }
    async fn given(&self, value: MaybeUndefined<i32>) -> &'static str {
        match value {
            MaybeUndefined::Undefined => "absent",
            MaybeUndefined::Null => "null",
            MaybeUndefined::Value(_) => "value",
        }
    }
}

#[Object]
impl Mutation {
    async fn first(&self) -> Result<i32, Error> {
        late().await;
        Err(refusal())
    }
    async fn second(&self) -> i32 {
        2
    }
}

struct Judge {
    app: TestApp,
    schema: Schema,
}

impl Judge {
    async fn new() -> Self {
        let app = TestApp::spawn().await;
        let builder = async_graphql::Schema::build(Query, Mutation, EmptySubscription);
        let schema = Schema::of(&app.app, builder, true);
        Self { app, schema }
    }

    async fn ask(&self, text: &str, variables: Value) -> Value {
        serde_json::from_str(&self.written(text, variables).await).unwrap()
    }

    async fn written(&self, text: &str, variables: Value) -> String {
        let document = self.schema.prepare(text.to_owned()).unwrap();
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let identity = RequestIdentity {
            caller: Caller::anonymous(Client::new(address, None, "test".to_owned())),
            rows: None,
            delivery: TokenDelivery::Body,
            cookie: CookieCredential::None,
        };
        let data = RequestData::new(&self.app.app, identity);
        let variables = async_graphql::Variables::from_json(variables);
        let bound = self
            .schema
            .bind_variables(document, None, variables)
            .unwrap();
        let running = self.schema.execute(bound, Arc::clone(&data));
        serde_json::to_string(&running.await).unwrap()
    }

    /// The data of an answer, and the paths of its errors.
    async fn data(&self, text: &str) -> (Value, Value) {
        let answer = self.ask(text, json!({})).await;
        let errors = answer["errors"].as_array().cloned().unwrap_or_default();
        let paths = errors.iter().map(|error| error["path"].clone()).collect();
        (answer["data"].clone(), Value::Array(paths))
    }
}

#[tokio::test]
async fn a_failure_is_null_in_the_nearest_field_that_may_be() {
    let judge = Judge::new().await;
    for (text, data, paths) in [
        // Nullable: the field is null, its siblings stay.
        (
            "{ thing { id lenient nothing } }",
            json!({ "thing": { "id": 1, "lenient": null, "nothing": null } }),
            json!([["thing", "lenient"]]),
        ),
        // Not nullable: its parent.
        (
            "{ thing { id strict } }",
            json!({ "thing": null }),
            json!([["thing", "strict"]]),
        ),
        // A non-null parent propagates it.
        (
            "{ thing { id inner { inner { strict } } } }",
            json!({ "thing": null }),
            json!([["thing", "inner", "inner", "strict"]]),
        ),
        (
            "{ thing { id maybe { inner { strict } } } }",
            json!({ "thing": { "id": 1, "maybe": null } }),
            json!([["thing", "maybe", "inner", "strict"]]),
        ),
    ] {
        assert_eq!(judge.data(text).await, (data, paths), "{text}");
    }
    // In lists: the entry where entries may be null, else everything around the list.
    let (data, _) = judge.data("{ thing { someThings { id strict } } }").await;
    assert_eq!(data, json!({ "thing": { "someThings": [null, null] } }));
    let (data, _) = judge
        .data("{ thing { maybe { things { strict } } } }")
        .await;
    assert_eq!(data, json!({ "thing": { "maybe": null } }));
}

#[tokio::test]
async fn an_object_of_which_nothing_is_left_is_an_object() {
    let judge = Judge::new().await;
    let (data, paths) = judge.data("{ thing { id @skip(if: true) } }").await;
    assert_eq!((data, paths), (json!({ "thing": {} }), json!([])));
    let (data, _) = judge
        .data("{ thing { ... @include(if: false) { id } } }")
        .await;
    assert_eq!(data, json!({ "thing": {} }));
}

#[tokio::test]
async fn a_variable_that_was_not_sent_is_not_null() {
    let judge = Judge::new().await;
    let text = "query($v: Int) { given(value: $v) }";
    for (variables, found) in [
        (json!({}), "absent"),
        (json!({ "v": null }), "null"),
        (json!({ "v": 1 }), "value"),
    ] {
        let answer = judge.ask(text, variables).await;
        assert_eq!(answer["data"]["given"], found);
    }
    let (data, _) = judge.data("{ a: given b: given(value: null) }").await;
    assert_eq!(data, json!({ "a": "absent", "b": "null" }));
}

#[tokio::test]
async fn keys_come_in_the_order_in_which_they_were_asked_for() {
    let judge = Judge::new().await;
    let text = "{ thing { late id z: id ...f a: late } } fragment f on Thing { m: id b: late }";
    let written = judge.written(text, json!({})).await;
    let place = |key: &&str| written.find(&format!("\"{key}\":")).unwrap();
    assert!(
        ["late", "id", "z", "m", "b", "a"]
            .iter()
            .is_sorted_by_key(place),
        "{written}"
    );
}

#[tokio::test]
async fn a_failed_mutation_field_nulls_the_whole_data() {
    let judge = Judge::new().await;
    let (data, paths) = judge.data("mutation { first second }").await;
    assert_eq!((data, paths), (Value::Null, json!([["first"]])));
}
