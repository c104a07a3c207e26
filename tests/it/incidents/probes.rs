//! Attacks that succeed on the engine with its defaults; each must fail here.
//!
//! `_service` and `_entities` have their own tests beside the router's surface.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, PASSWORD, TestApp, queries};

fn registration() -> Value {
    let input = json!({ "email": "eve@example.com", "password": PASSWORD });
    json!({ "query": queries::text("Register"), "variables": { "input": input } })
}

/// Refused, with nothing done.
async fn assert_executes_nothing(app: &TestApp, request: reqwest::RequestBuilder, status: u16) {
    let (answer, work) = app.work_of(Answer::of(request)).await;
    assert_eq!(answer.status, status, "{}", answer.text);
    assert!(answer.json["data"].is_null(), "{}", answer.text);
    assert_eq!((work.hashes, work.statements, work.messages), (0, 0, 0));
}

fn link(query: &str) -> String {
    let mut parameters = url::form_urlencoded::Serializer::new(String::new());
    parameters.append_pair("query", query);
    parameters.append_pair("operationName", "B");
    format!("/graphql?{}", parameters.finish())
}

#[tokio::test(flavor = "multi_thread")]
async fn probe_a_mutation_by_get() {
    let app = TestApp::spawn().await;
    let mutation = "mutation B{logout{__typename}}";
    let mixed = "query A{me{id}} mutation B{logout{__typename}}";
    for query in [mutation, mixed] {
        for method in [Method::GET, Method::HEAD] {
            let request = app.request(method, &link(query));
            assert_executes_nothing(&app, request, 405).await;
        }
    }
    // By POST, but with everything in the address.
    let request = app.request(Method::POST, &link(mutation));
    let request = request
        .header("content-type", "application/json")
        .body("{}");
    assert_executes_nothing(&app, request, 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn probe_a_post_of_plain_text() {
    let app = TestApp::spawn().await;
    for kind in [
        "text/plain",
        "text/plain;charset=UTF-8",
        "application/graphql",
        "*/*",
        "json",
        "",
    ] {
        let request = app
            .request(Method::POST, "/graphql")
            .header("content-type", kind);
        let request = request.body(registration().to_string());
        assert_executes_nothing(&app, request, 415).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probe_a_post_of_an_upload_form() {
    let app = TestApp::spawn().await;
    let operations = registration().to_string();
    let body = format!(
        "--x\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n{operations}\r\n--x\r\n\
         Content-Disposition: form-data; name=\"map\"\r\n\r\n{{}}\r\n--x--\r\n"
    );
    for kind in [
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
    ] {
        let request = app
            .request(Method::POST, "/graphql")
            .header("content-type", kind);
        assert_executes_nothing(&app, request.body(body.clone()), 415).await;
    }
    let kinds = [
        "multipart/form-data; boundary=x, application/json",
        "application/json, text/plain",
    ];
    for kind in kinds {
        let request = app
            .request(Method::POST, "/graphql")
            .header("content-type", kind);
        assert_executes_nothing(&app, request.body(operations.clone()), 415).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probe_forty_nine_aliased_logins() {
    let app = TestApp::spawn().await;
    for count in [2, 49] {
        let logins = (0..count).map(|at| {
            format!("a{at}: login(input: {{ emailOrPhone: \"a@b.example\", password: \"p{at}\" }}) {{ __typename }} ")
        });
        let document = format!("mutation {{ {} }}", logins.collect::<String>());
        let request = app.request(Method::POST, "/graphql");
        let request = request.json(&json!({ "query": document }));
        assert_executes_nothing(&app, request, 400).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probe_a_list_of_two_thousand_requests() {
    let app = TestApp::spawn().await;
    for count in [0, 1, 2_000] {
        let logout = json!({ "query": "mutation { logout { __typename } }" });
        let batch = Value::Array(vec![logout; count]);
        let request = app.request(Method::POST, "/graphql").json(&batch);
        assert_executes_nothing(&app, request, 400).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probe_names_by_their_near_misses() {
    let app = TestApp::with(&[("IDGATE_GRAPHQL__INTROSPECTION", "false")]).await;
    for document in [
        "{ usr { email } }",
        "{ user(di: 1) { id } }",
        "{ me { emial } }",
        "{ users(orderBy: CREATED_A) { totalCount } }",
        "{ users(filter: { rol: CLIENT }) { totalCount } }",
        "{ me { ...on Usr { id } } }",
        "{ me @skp(if: true) { id } }",
        "query($a: UserFiltr) { users(filter: $a) { totalCount } }",
        "mutation { logn(input: {}) { __typename } }",
        "mutation { login(input: { emailOrPhone: \"a\", password: \"b\", deviceTokn: \"c\" }) { __typename } }",
    ] {
        let answer = app.anonymous().ask(document, json!({})).await;
        assert!(answer.json["errors"].is_array(), "{document}");
        for name in [
            "Did you mean",
            "\"user\"",
            "deviceToken",
            "\"email\"",
            "CREATED_AT",
            "\"role\"",
            "\"login\"",
        ] {
            assert!(!answer.text.contains(name), "{name} in {}", answer.text);
        }
    }
    for document in [
        "{ __schema { types { name } } }",
        "{ __type(name: \"User\") { fields { name } } }",
    ] {
        let answer = app.anonymous().ask(document, json!({})).await;
        assert!(!answer.text.contains("\"name\":"), "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probe_twenty_thousand_directives() {
    let app = TestApp::spawn().await;
    for document in [
        format!("{{ __typename {} }}", "@nothing ".repeat(20_000)),
        format!("query {} {{ __typename }}", "@nothing ".repeat(20_000)),
        format!(
            "query($a: Int {}) {{ __typename }}",
            "@nothing ".repeat(20_000)
        ),
        format!(
            "{{ __typename }} fragment f on Query {} {{ me {{ id }} }}",
            "@nothing ".repeat(20_000)
        ),
        format!(
            "{{ ...f }} fragment f on Query {{ {} }}",
            "... @include(if: true) { __typename } ".repeat(5_000)
        ),
    ] {
        let request = app.request(Method::POST, "/graphql");
        let request = request.json(&json!({ "query": document }));
        let started = Instant::now();
        assert_executes_nothing(&app, request, 400).await;
        assert!(started.elapsed() < Duration::from_secs(15));
    }
}

/// With its defaults the engine takes seconds for less than a kilobyte.
#[tokio::test(flavor = "multi_thread")]
async fn probe_fragments_that_double_at_each_of_twenty_two_levels() {
    let app = TestApp::spawn().await;
    let levels =
        (0..22).map(|at| format!("fragment f{at} on Query{{...f{} ...f{}}}", at + 1, at + 1));
    let document = format!(
        "{{...f0}}{}fragment f22 on Query{{__typename}}",
        levels.collect::<String>()
    );
    let request = app
        .request(Method::POST, "/graphql")
        .json(&json!({ "query": document }));
    let started = Instant::now();
    assert_executes_nothing(&app, request, 400).await;
    assert!(started.elapsed() < Duration::from_secs(15));
}
