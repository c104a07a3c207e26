//! The OpenAPI document: it is served, and every answer that it shows is one that is given.

use serde_json::Value;

use super::Client;
use crate::harness::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_served_as_it_is_committed() {
    let app = TestApp::spawn().await;
    let answer = app.get("/api/v1/openapi.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        "application/json; charset=utf-8"
    );
    assert!(answer.json["openapi"].as_str().unwrap().starts_with("3.1."));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/openapi.json");
    let committed = std::fs::read_to_string(file).unwrap();
    assert!(answer.text == committed, "run `idgate schema --write`");
    let posted = app
        .request(reqwest::Method::POST, "/api/v1/openapi.json")
        .send()
        .await
        .unwrap();
    assert_eq!(posted.status(), 405);
}

/// What a schema of the document says about a value, followed through its references.
fn mismatch(document: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#'));
        return mismatch(document, target.expect("a schema"), value, at);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let mut found = choices
            .iter()
            .map(|choice| mismatch(document, choice, value, at));
        return found
            .all(|wrong| wrong.is_some())
            .then(|| format!("{at}: none of oneOf"));
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        if let Some(wrong) = mismatch(document, part, value, at) {
            return Some(wrong);
        }
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(|name| name == kind),
        Value::Null => true,
        name => name == kind,
    };
    if !allowed {
        return Some(format!("{at}: {kind} is not {}", schema["type"]));
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap();
        if value.get(name).is_none() {
            return Some(format!("{at}.{name} is missing"));
        }
    }
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .filter_map(|(name, schema)| Some((name, schema, value.get(name)?)))
        .find_map(|(name, schema, value)| {
            mismatch(document, schema, value, &format!("{at}.{name}"))
        })
}

/// The examples of the request bodies are sent, and what is answered has the schema of its status.
#[tokio::test(flavor = "multi_thread")]
async fn the_examples_are_answered_as_the_document_says() {
    let app = TestApp::spawn().await;
    let document = app.get("/api/v1/openapi.json").await.json;
    let registered = Client::of(&app).register("eve@example.com").await;
    let mut statuses = Vec::new();
    for operation in idgate::rest::operation::Operation::ALL {
        let method = operation.method().as_str();
        let described = &document["paths"][operation.path()][method.to_ascii_lowercase()];
        let body = &described["requestBody"]["content"]["application/json"]["schema"];
        let example = example(&document, body);
        let client = if operation.path().ends_with("/profile") {
            Client::signed_in(&app, &registered)
        } else {
            Client::of(&app)
        };
        let path = operation.path().trim_start_matches("/api/v1/auth/");
        let answer = client.send(method.parse().unwrap(), path, &example).await;
        let mut response = &described["responses"][answer.status.to_string()];
        if let Some(reference) = response["$ref"].as_str() {
            response = document.pointer(reference.trim_start_matches('#')).unwrap();
        }
        let schema = &response["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{method} {path} {}", answer.text);
        let wrong = mismatch(&document, schema, &answer.json, "body");
        assert_eq!(wrong, None, "{method} {path} {}", answer.text);
        statuses.push(answer.status);
    }
    let succeeded = statuses.iter().filter(|status| **status < 400).count();
    assert!(succeeded >= 7, "{statuses:?}");
}

/// The requests of docs/rest.md are answered with the statuses that it says, in its order.
#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_guide_are_answered_as_it_says() {
    let app = TestApp::spawn().await;
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rest.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let (mut access, mut refresh) = (String::new(), String::new());
    let blocks: Vec<_> = guide.split("```http\n").skip(1).collect();
    assert!(blocks.len() >= 8, "{}", blocks.len());
    for block in blocks {
        let (block, _) = block.split_once("```").unwrap();
        let (head, rest) = block.split_once('\n').unwrap();
        let (request, status) = head.split_once(" → ").unwrap();
        let (method, path) = request.split_once(' ').unwrap();
        let (is_signed_in, body) = match rest.strip_prefix("Authorization: Bearer ACCESS\n") {
            Some(body) => (true, body),
            None => (false, rest),
        };
        let body: Value = serde_json::from_str(&body.replace("REFRESH", &refresh)).unwrap();
        let client = Client::of(&app);
        let client = if is_signed_in {
            client.with_token(&access)
        } else {
            client
        };
        let path = path.strip_prefix("/api/v1/auth/").unwrap();
        let answer = client.send(method.parse().unwrap(), path, &body).await;
        assert_eq!(answer.status.to_string(), status, "{head} {}", answer.text);
        let data = &answer.json["data"];
        if let (Some(newer), Some(next)) = (data["access"].as_str(), data["refresh"].as_str()) {
            (access, refresh) = (newer.to_owned(), next.to_owned());
        }
    }
}

/// The example of a body, made of those of its fields.
fn example(document: &Value, schema: &Value) -> Value {
    let schema = schema["oneOf"]
        .as_array()
        .map_or(schema, |choices| choices.last().unwrap());
    let Some(reference) = schema["$ref"].as_str() else {
        return Value::Null;
    };
    let schema = document.pointer(reference.trim_start_matches('#')).unwrap();
    let properties = schema["properties"].as_object().unwrap().iter();
    let given =
        properties.filter_map(|(name, field)| Some((name.clone(), field.get("example")?.clone())));
    Value::Object(given.collect())
}
