//! Every request limit: a request that exceeds it, the error code, and the metric.

use serde_json::{Value, json};

use crate::harness::{Answer, TestApp};
use idgate::schema::document::Limit;

/// The value of a metric.
fn counted(app: &TestApp, metric: &str, label: &str, value: &str) -> u64 {
    let page = app.app.metrics.render();
    let line = format!("{metric}{{{label}=\"{value}\"}} ");
    let found = page.lines().find_map(|sample| sample.strip_prefix(&line));
    found.map_or(0, |count| count.parse().unwrap())
}

fn met(app: &TestApp, limit: &str) -> u64 {
    counted(app, "idgate_limits_met_total", "limit", limit)
}

/// A document, with variables, that exceeds this limit under the default configuration.
fn excessive(limit: Limit) -> (String, Value) {
    let fields = |count: usize| {
        let named: Vec<String> = (0..count).map(|at| format!("a{at}: __typename ")).collect();
        named.concat()
    };
    let document = match limit {
        Limit::Body => format!("{{ __typename }} # {}", "x".repeat(1_048_576)),
        Limit::Document => format!("{{ __typename }} # {}", "x".repeat(80_000)),
        Limit::Tokens => format!("{{ {} }}", "id ".repeat(5_000)),
        Limit::Name => format!("query {} {{ __typename }}", "x".repeat(257)),
        Limit::Nesting => format!("{{ user(id: {}", "[".repeat(100)),
        Limit::Depth => format!("{{ me {}", "{ me ".repeat(20)) + &"}".repeat(21),
        Limit::Cost => {
            "{ users(first: 100) { nodes { sessions(first: 100) { nodes { id } } } } }".to_owned()
        }
        Limit::Representations => {
            let many = "{} ".repeat(1_001);
            format!("{{ _entities(representations: [{many}]) {{ __typename }} }}")
        }
        Limit::ExpandedNodes => {
            let levels = (0..12).map(|at| {
                format!(
                    "fragment f{at} on Query {{ ...f{} ...f{} }} ",
                    at + 1,
                    at + 1
                )
            });
            format!(
                "{{ ...f0 }} {} fragment f12 on Query {{ __typename }}",
                levels.collect::<String>()
            )
        }
        Limit::Aliases => format!("{{ me {{ {} }} }}", fields(31)),
        Limit::RootFields => format!("{{ {} }}", "__typename ".repeat(21)),
        Limit::Directives => format!("{{ __typename {} }}", "@include(if: true) ".repeat(21)),
        Limit::Introspection => {
            let circle = "fields { type { ".repeat(4) + "name" + &" } }".repeat(4);
            format!("{{ __type(name: \"User\") {{ {circle} }} }}")
        }
        Limit::Credentials => "mutation { a: login { x } b: login { x } }".to_owned(),
        Limit::VariableCopies => {
            let many = "$a ".repeat(2_000);
            format!("query($a: ID!) {{ user(id: [{many}]) {{ id }} }}")
        }
        Limit::Values | Limit::Variables | Limit::VariableDepth | Limit::VariableValues => {
            "{ __typename }".to_owned()
        }
        Limit::Errors => {
            let unknown = (0..21).map(|at| format!("a{at} "));
            format!("{{ me {{ {} }} }}", unknown.collect::<String>())
        }
    };
    let variables = match limit {
        Limit::Variables => Value::Object((0..51).map(|at| (format!("v{at}"), json!(1))).collect()),
        Limit::VariableDepth => {
            let deep = "[".repeat(13) + &"]".repeat(13);
            json!({ "deep": serde_json::from_str::<Value>(&deep).unwrap() })
        }
        Limit::Values => json!({ "many": vec![1; 20_000] }),
        Limit::VariableValues => json!({ "many": vec![1; 10_001] }),
        Limit::VariableCopies => json!({ "a": "x".repeat(10_000) }),
        _ => json!({}),
    };
    (document, variables)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_limit_is_refused_with_its_code_before_anything_runs_and_counted() {
    let app = TestApp::spawn().await;
    for limit in Limit::ALL {
        let (document, variables) = excessive(limit);
        let before = met(&app, limit.as_str());
        let ask = app.anonymous();
        let (answer, work) = app.work_of(ask.ask(&document, variables)).await;
        match limit {
            Limit::Body => answer.assert_refusal(413, "PAYLOAD_TOO_LARGE"),
            Limit::Errors => assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED"),
            _ => answer.assert_refusal(400, "QUERY_TOO_EXPENSIVE"),
        }
        assert_eq!(work.statements, 0, "{limit:?}");
        assert_eq!(
            met(&app, limit.as_str()),
            before + 1,
            "{limit:?}: {}",
            answer.text
        );
    }
    let refused = |code| counted(&app, "idgate_edge_refusals_total", "code", code);
    assert_eq!(refused("QUERY_TOO_EXPENSIVE"), 18);
    assert_eq!(refused("PAYLOAD_TOO_LARGE"), 1);
    assert_eq!(refused("GRAPHQL_VALIDATION_FAILED"), 1);
    app.post("[]").await;
    app.get("/graphql?query={").await;
    assert_eq!(refused("BATCHING_NOT_SUPPORTED"), 1);
    assert_eq!(refused("GRAPHQL_PARSE_FAILED"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_document_costs_no_statement_even_with_a_token() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    for limit in Limit::ALL
        .into_iter()
        .filter(|limit| *limit != Limit::Errors)
    {
        let (document, variables) = excessive(limit);
        let (_, work) = app.work_of(ada.ask(&document, variables)).await;
        assert_eq!(work.statements, 0, "{limit:?}");
    }
}

/// Parsing allocates for each JSON value, even for unused ones.
#[tokio::test(flavor = "multi_thread")]
async fn the_values_of_json_are_counted_wherever_json_comes_in() {
    let app = TestApp::spawn().await;
    let query = "\"query\":\"{__typename}\"";
    for value in ["0", "[]", "{}", "\"\"", "[[[1]]]"] {
        let list = |count: usize| format!("[{}{value}]", format!("{value},").repeat(count));
        for member in ["variables", "extensions", "unknown"] {
            let body = |count| format!("{{{query},\"{member}\":{{\"a\":{}}}}}", list(count));
            let answer = app.post(body(20_000)).await;
            answer.assert_refusal(400, "QUERY_TOO_EXPENSIVE");
            let answer = app.post(body(2_000)).await;
            assert_eq!(answer.root("__typename"), "Query", "{member} {value}");
        }
        let stream = app.request(reqwest::Method::POST, "/graphql/stream");
        let stream = stream
            .header("accept", "text/event-stream")
            .header("content-type", "application/json");
        let body = format!("{{{query},\"variables\":{{\"a\":{}}}}}", list(20_000));
        let answer = Answer::of(stream.body(body)).await;
        answer.assert_refusal(400, "QUERY_TOO_EXPENSIVE");
    }
    for member in ["variables", "extensions"] {
        let list = "0,".repeat(20_000);
        let path = format!("/graphql?query={{__typename}}&{member}={{\"a\":[{list}0]}}");
        let answer = app.get(&path).await;
        answer.assert_refusal(400, "QUERY_TOO_EXPENSIVE");
    }
}

/// The setting behind each limit of variables or values; the smallest limit applies.
#[tokio::test(flavor = "multi_thread")]
async fn every_limit_has_a_setting() {
    for (setting, value, document, variables) in [
        (
            "MAX_DEPTH",
            "3",
            "{ me { sessions { nodes { id } } } }",
            json!({}),
        ),
        (
            "MAX_COMPLEXITY",
            "10",
            "{ me { sessions { nodes { id } } } }",
            json!({}),
        ),
        ("MAX_ALIASES", "0", "{ a: __typename }", json!({})),
        (
            "MAX_ROOT_FIELDS",
            "1",
            "{ __typename me { id } }",
            json!({}),
        ),
        (
            "MAX_DIRECTIVES",
            "0",
            "{ __typename @skip(if: false) }",
            json!({}),
        ),
        (
            "MAX_TOKENS",
            "100",
            &format!("{{ {} }}", "__typename ".repeat(100)),
            json!({}),
        ),
        (
            "MAX_EXPANDED_NODES",
            "10",
            "{ me { a b c d e f g h i j } }",
            json!({}),
        ),
        (
            "MAX_VARIABLES",
            "1",
            "{ __typename }",
            json!({ "a": 1, "b": 1 }),
        ),
        (
            "MAX_VARIABLE_DEPTH",
            "3",
            "{ __typename }",
            json!({ "a": [[[[]]]] }),
        ),
        (
            "MAX_VARIABLE_VALUES",
            "100",
            "{ __typename }",
            json!({ "a": vec![0; 100] }),
        ),
    ] {
        let app = TestApp::with(&[(&format!("IDGATE_GRAPHQL__{setting}"), value)]).await;
        let answer = app.anonymous().ask(document, variables).await;
        answer.assert_refusal(400, "QUERY_TOO_EXPENSIVE");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_tells_so_many_errors_and_counts_the_rest() {
    let app = TestApp::with(&[("IDGATE_GRAPHQL__MAX_ERRORS", "3")]).await;
    let errors_of = |answer: &Answer| answer.json["errors"].as_array().unwrap().clone();
    let answer = app.anonymous().ask("{ a b c d e }", json!({})).await;
    let errors = errors_of(&answer);
    assert_eq!(errors.len(), 3);
    let last = errors[2]["message"].as_str().unwrap();
    assert!(
        last.ends_with("And 2 more errors, which are not told."),
        "{last}"
    );
    let answer = app.anonymous().ask("{ a b c }", json!({})).await;
    assert!(!answer.text.contains("not told"), "{}", answer.text);
    // The same for fields that were refused while others ran.
    let fields = "a: user(id: 1) { id } b: user(id: 2) { id } c: user(id: 3) { id } \
                  d: user(id: 4) { id } authConfig { codeLength }";
    let answer = app
        .anonymous()
        .ask(&format!("{{ {fields} }}"), json!({}))
        .await;
    let errors = errors_of(&answer);
    assert_eq!(errors.len(), 3);
    for error in &errors {
        assert_eq!(error["extensions"]["code"], "UNAUTHENTICATED");
        assert!(error["path"].is_array(), "{error}");
    }
    assert_eq!(answer.json["data"]["authConfig"]["codeLength"], 6);
    assert_eq!((answer.status, met(&app, "errors")), (200, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn nesting_of_a_hundred_thousand_takes_no_stack() {
    let app = TestApp::with(&[
        ("IDGATE_GRAPHQL__MAX_TOKENS", "1000000"),
        ("IDGATE_GRAPHQL__MAX_EXPANDED_NODES", "1000000"),
        ("IDGATE_SERVER__BODY_LIMIT", "16777216"),
    ])
    .await;
    for (open, close) in [
        ("{ me ", "}"),
        ("{ user(id: [", "]) }"),
        ("{ user(id: { a: ", "}) }"),
    ] {
        for document in [
            open.repeat(100_000),
            open.repeat(100_000) + &close.repeat(100_000),
        ] {
            let answer = app.anonymous().ask(&document, json!({})).await;
            answer.assert_refusal(400, "QUERY_TOO_EXPENSIVE");
        }
    }
    let literal = format!(
        "{{ user(id: {}{}) {{ id }} }}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let answer = app.anonymous().ask(&literal, json!({})).await;
    answer.assert_refusal(400, "QUERY_TOO_EXPENSIVE");
    for member in ["variables", "extensions"] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            for (levels, code) in [(10_000, "BAD_USER_INPUT"), (100_000, "QUERY_TOO_EXPENSIVE")] {
                let nested = format!("{}1{}", open.repeat(levels), close.repeat(levels));
                let body =
                    format!("{{\"query\":\"{{__typename}}\",\"{member}\":{{\"a\":{nested}}}}}");
                app.post(body).await.assert_refusal(400, code);
            }
        }
    }
    assert_eq!(
        app.anonymous()
            .ask("{ __typename }", json!({}))
            .await
            .status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_error_shows_how_this_is_written() {
    let app = TestApp::spawn().await;
    let secret = "a-password-nobody-repeats";
    let documents = [
        "{ me { id }".to_owned(),
        format!("mutation {{ login(input: {{ password: \"{secret}\" }} "),
        "fragment f on Query { __typename }".to_owned(),
        "{ __typename } { __typename }".to_owned(),
        "query A { __typename } query A { __typename }".to_owned(),
        "{ ...a } fragment a on Query { __typename } fragment a on Query { __typename }".to_owned(),
        "query($a: Nothing) { __typename }".to_owned(),
        "{ user(id: {a: 1}) { id } }".to_owned(),
        "{ user(id: [1, 2]) { id } }".to_owned(),
        "{ users(first: 99999999999) { totalCount } }".to_owned(),
        "{ users(first: 1.5) { totalCount } }".to_owned(),
        "{ users(first: \"1\") { totalCount } }".to_owned(),
        "{ users(orderBy: UP) { totalCount } }".to_owned(),
        "{ users(filter: { role: KING }) { totalCount } }".to_owned(),
        "{ users(filter: { createdSince: \"yesterday\" }) { totalCount } }".to_owned(),
        "{ users(after: \"!\") { totalCount } }".to_owned(),
        "mutation { login(input: 1) { __typename } }".to_owned(),
        "mutation { login(input: { password: 1 }) { __typename } }".to_owned(),
        "subscription { __typename }".to_owned(),
        "{ me @nothing @include @skip(if: 1) { id } }".to_owned(),
    ];
    let admin = app.appoint("root@example.com", "admin").await;
    for document in documents {
        for answer in [
            app.anonymous().ask(&document, json!({})).await,
            admin.ask(&document, json!({})).await,
        ] {
            assert!(answer.json["errors"].is_array(), "{document}");
            for own in [
                ".rs",
                "src/",
                "Some(",
                "None",
                "Err(",
                "Ok(",
                "Rule",
                "Positioned",
                "async_graphql",
                "idgate::",
                "panicked",
                "-->",
                " | ",
                secret,
                "serde",
            ] {
                assert!(!answer.text.contains(own), "{own} in {}", answer.text);
            }
        }
    }
}
