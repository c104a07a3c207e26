//! What anonymous callers can read: an attack surface that only grows on purpose.
//!
//! At Authorizer, a public field that told an identifier was the first step of GHSA-h29v-hj44-q8cv.

use async_graphql::parser::types::{BaseType, FieldDefinition, TypeKind};
use serde_json::{Value, json};

use super::sdl;
use crate::harness::TestApp;

/// The mutations that refuse anonymous callers.
pub(super) const SIGNED_IN_ONLY: [&str; 29] = [
    "beginAvatarUpload",
    "changePassword",
    "confirmEmailChange",
    "confirmPhoneChange",
    "deleteMyAccount",
    "deleteUser",
    "eraseUser",
    "inviteUser",
    "linkGoogle",
    "logout",
    "removeAvatar",
    "requestDataExport",
    "requestEmailChange",
    "requestPhoneChange",
    "restoreUser",
    "revokeOtherSessions",
    "revokeSession",
    "revokeUserSessions",
    "setAvatar",
    "setPassword",
    "setStaffFunctions",
    "setUserRole",
    "stepUp",
    "suspendUser",
    "unlinkGoogle",
    "unsuspendUser",
    "updateProfile",
    "updateUser",
    "users",
];

/// Queries that return data to anonymous callers. Changing this list is a decision, with a row in
/// `docs/threat-model.md`.
const READS: [&str; 1] = ["authConfig"];
/// Queries that return nothing to anonymous callers without an error.
const SILENT: [&str; 1] = ["me"];
/// The fields of `authConfig`: what a sign-in page needs.
const AUTH_CONFIG: [&str; 12] = [
    "codeExpiresIn",
    "codeLength",
    "codeResendAfter",
    "confirmationRequired",
    "googleClientId",
    "methods",
    "passwordMaxLength",
    "passwordMinLength",
    "passwordMinScore",
    "registrationEnabled",
    "registrationRoles",
    "__typename",
];

/// Every path that answers an anonymous GET, with the members of its JSON.
const PAGES: [(&str, &[&str]); 4] = [
    ("/health/live", &["status"]),
    ("/health/ready", &["database", "status", "volatile"]),
    ("/.well-known/jwks.json", &["keys"]),
    (
        "/.well-known/openid-configuration",
        &[
            "id_token_signing_alg_values_supported",
            "issuer",
            "jwks_uri",
            "response_types_supported",
            "subject_types_supported",
        ],
    ),
];
/// The members of a published key: only those of a public key.
const KEY: [&str; 7] = ["alg", "crv", "kid", "kty", "use", "x", "y"];

fn fields_of(name: &str) -> Vec<FieldDefinition> {
    let found = sdl::types()
        .into_iter()
        .find(|definition| definition.name.node == name);
    let TypeKind::Object(object) = found.unwrap().kind else {
        panic!("{name} is an object")
    };
    object.fields.into_iter().map(|field| field.node).collect()
}

/// A selection of a root field.
fn question(field: &FieldDefinition) -> String {
    let needed = field
        .arguments
        .iter()
        .filter(|argument| !argument.node.ty.node.nullable);
    let arguments: Vec<String> = needed
        .map(|argument| match &argument.node.ty.node.base {
            BaseType::Named(kind) if kind == "ID" => format!("{}: \"1\"", argument.node.name),
            kind => panic!("say how to ask for a {kind}"),
        })
        .collect();
    let arguments = match arguments.join(", ") {
        none if none.is_empty() => none,
        some => format!("({some})"),
    };
    format!("{{ {}{arguments} {{ __typename }} }}", field.name)
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn authorizer_ghsa_h29v_hj44_q8cv_anonymous_callers_read_only_the_listed_fields() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    let (mut reads, mut silent) = (Vec::new(), Vec::new());
    for field in fields_of("Query") {
        let name = field.name.to_string();
        let answer = app.anonymous().ask(&question(&field), json!({})).await;
        let data = &answer.json["data"][&name];
        if answer.code() == "UNAUTHENTICATED" {
            assert!(data.is_null(), "{}", answer.text);
        } else if data.is_null() {
            assert!(answer.json["errors"].is_null(), "{}", answer.text);
            silent.push(name);
        } else {
            reads.push(name);
        }
    }
    assert_eq!(
        (reads, silent),
        (
            READS.map(str::to_owned).to_vec(),
            SILENT.map(str::to_owned).to_vec()
        )
    );
    for field in fields_of("AuthConfig") {
        assert!(
            AUTH_CONFIG.contains(&field.name.node.as_str()),
            "{}",
            field.name
        );
        assert!(field.arguments.is_empty());
    }
    let answer = app
        .anonymous()
        .ask(
            &format!("{{ authConfig {{ {} }} }}", AUTH_CONFIG.join(" ")),
            json!({}),
        )
        .await;
    assert_eq!(answer.root("authConfig")["googleClientId"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn public_pages_show_only_the_listed_facts() {
    let app = TestApp::spawn().await;
    for (path, members) in PAGES {
        let answer = app.get(path).await;
        assert_eq!(keys(&answer.json), members, "{path}: {}", answer.text);
    }
    let keys_of = app.get("/.well-known/jwks.json").await;
    for key in keys_of.json["keys"].as_array().unwrap() {
        assert_eq!(keys(key), KEY, "{key}");
    }
}
