//! Rules for every operation, present and future, read from the schema.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::types::TypeKind;
use serde_json::{Value, json};

use super::{admin, on};
use crate::harness::{TestApp, queries};
use crate::incidents::sdl;

/// The mutations that anonymous callers may run. This list may only shrink.
pub(crate) const FOR_ANYBODY: [&str; 12] = [
    "cancelAccountDeletion",
    "confirmPasswordReset",
    "login",
    "loginWithGoogle",
    "refreshSession",
    "register",
    "requestEmailVerification",
    "requestOtp",
    "requestPasswordReset",
    "revertEmailChange",
    "verifyEmail",
    "verifyOtp",
];

/// The document of a mutation.
pub(crate) fn document(mutation: &str) -> String {
    let (first, rest) = mutation.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

/// The variables that a document proposes.
pub(crate) fn proposed(document: &str) -> Value {
    let mut lines = queries::text(document).lines();
    let line = lines.find_map(|line| line.strip_prefix("# variables: "));
    line.map_or_else(|| json!({}), |line| serde_json::from_str(line).unwrap())
}

/// The mutations whose input names a person.
fn about_people() -> Vec<String> {
    let inputs: BTreeSet<String> = sdl::inputs_named("userId").into_iter().collect();
    let mutations = sdl::mutations().into_iter().map(|(name, _)| name);
    let found: Vec<String> = mutations
        .filter(|name| inputs.contains(&format!("{}Input.userId", document(name))))
        .collect();
    assert_eq!(found.len(), inputs.len(), "{inputs:?}");
    found
}

/// The reads that take an identifier.
fn reads_by_id() -> Vec<String> {
    let query = sdl::types()
        .into_iter()
        .find(|definition| definition.name.node == "Query");
    let TypeKind::Object(query) = query.unwrap().kind else {
        panic!("Query is an object")
    };
    let fields = query.fields.into_iter().map(|field| field.node);
    fields
        .filter(|field| {
            let mut arguments = field.arguments.iter();
            arguments.any(|argument| argument.node.ty.to_string().contains("ID"))
        })
        .map(|field| field.name.to_string())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mutation_has_a_document_and_refuses_strangers() {
    let app = TestApp::spawn().await;
    let mut open = Vec::new();
    for (mutation, _) in sdl::mutations() {
        let document = document(&mutation);
        assert!(queries::DOCUMENTS.contains_key(&document), "{document}");
        let answer = app.anonymous().run(&document, proposed(&document)).await;
        if answer.code() != "UNAUTHENTICATED" {
            open.push(mutation);
        }
    }
    open.sort();
    assert_eq!(open, FOR_ANYBODY);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_users_id_gives_no_access() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let mut people = Vec::new();
    for what in ["client", "vendor", "staff", "staff editor", "staff sales"] {
        let email = format!("{}@example.com", what.replace(' ', "-"));
        people.push((what, app.appoint(&email, what).await));
    }
    assert_eq!(
        reads_by_id(),
        ["dataExport", "user"],
        "try each of them below"
    );
    let requested = ada.run("RequestDataExport", json!({})).await;
    let export = requested.root("requestDataExport")["export"]["id"].clone();
    let users = app.printed("users").await;
    let sessions = app.printed("sessions").await;
    for (what, person) in &people {
        for mutation in about_people() {
            let document = document(&mutation);
            let mut texts = BTreeSet::new();
            for id in [
                ada.user_id.as_str(),
                "00000000-0000-7000-8000-000000000000",
                "junk",
            ] {
                let mut variables = proposed(&document);
                variables["input"]["userId"] = json!(id);
                let mut answer = person.run(&document, variables).await;
                assert_eq!(answer.code(), "FORBIDDEN", "{what} {document}");
                answer.json["errors"][0]["extensions"]["requestId"] = Value::Null;
                texts.insert(answer.json.to_string());
            }
            assert_eq!(texts.len(), 1, "{document} tells who exists");
        }
        let answer = person
            .run("UserDetails", json!({ "id": ada.user_id }))
            .await;
        assert_eq!(answer.code(), "FORBIDDEN", "{what}");
        let answer = person.run("User", json!({ "id": ada.user_id })).await;
        assert_eq!(answer.code(), "FORBIDDEN", "{what}");
        let answer = person.run("DataExport", json!({ "id": export })).await;
        assert_eq!(answer.json["data"]["dataExport"], Value::Null, "{what}");
        let id = ada.session_id().await;
        let theirs = json!({ "input": { "sessionId": id } });
        let answer = person.run("RevokeSession", theirs).await;
        assert_eq!(answer.typename("revokeSession"), "NotFound", "{what}");
    }
    assert_eq!(app.printed("users").await, users);
    assert_eq!(app.printed("sessions").await, sessions);
}

/// Support may end sessions, but not those of users with more permissions, whatever the matrix says.
#[tokio::test(flavor = "multi_thread")]
async fn staff_cannot_revoke_sessions_of_higher_roles() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let editor = app.appoint("editor@example.com", "staff editor").await;
    for (what, on_root, on_editor) in [
        ("client", "FORBIDDEN", "FORBIDDEN"),
        ("vendor", "FORBIDDEN", "FORBIDDEN"),
        ("staff", "FORBIDDEN", "FORBIDDEN"),
        ("staff sales", "FORBIDDEN", "FORBIDDEN"),
        ("staff support", "OUT_OF_SCOPE", "OUT_OF_SCOPE"),
        ("staff support,editor", "OUT_OF_SCOPE", ""),
    ] {
        let email = format!("{}@example.com", what.replace([' ', ','], "-"));
        let person = app.appoint(&email, what).await;
        for (whom, expected) in [(&root, on_root), (&editor, on_editor)] {
            for (document, field) in [
                ("RevokeUserSessions", "revokeUserSessions"),
                ("SuspendUser", "suspendUser"),
                ("UpdateUser", "updateUser"),
            ] {
                if expected.is_empty() && document != "UpdateUser" {
                    continue; // It would succeed and delete the target of the next case.
                }
                let answer = on(&person, document, &whom.user_id, json!({})).await;
                let code = match answer.code() {
                    "" => answer.root(field)["code"].as_str().unwrap_or_default(),
                    code => code,
                };
                assert_eq!(code, expected, "{what} {document}: {}", answer.text);
            }
        }
        assert!(
            root.is_signed_in().await && editor.is_signed_in().await,
            "{what}"
        );
    }
}

/// The code that idgate replaces let every vendor delete every account; its manual did not.
#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_cannot_delete_accounts() {
    let app = TestApp::spawn().await;
    let vendor = app.appoint("vendor@example.com", "vendor").await;
    let other = app.appoint("other@example.com", "vendor").await;
    for mutation in about_people() {
        let document = document(&mutation);
        let mut variables = proposed(&document);
        variables["input"]["userId"] = json!(other.user_id);
        let answer = vendor.run(&document, variables).await;
        assert_eq!(answer.code(), "FORBIDDEN", "{mutation}");
    }
    assert!(other.is_signed_in().await);
    // What ends accounts names whose, so that the loop above meets it.
    for (mutation, _) in sdl::mutations() {
        let ends = ["delete", "erase", "restore"];
        if ends.iter().any(|word| mutation.starts_with(word)) && mutation.ends_with("User") {
            assert!(about_people().contains(&mutation), "{mutation}");
        }
    }
}

/// What the audit log says about each mutation on another person's account.
const RECORDED: [(&str, &str); 9] = [
    ("deleteUser", "user.deleted"),
    ("eraseUser", "user.erased"),
    ("restoreUser", "user.restored"),
    ("revokeUserSessions", "user.sessions_revoked"),
    ("setStaffFunctions", "user.staff_functions_changed"),
    ("setUserRole", "user.role_changed"),
    ("suspendUser", "user.suspended"),
    ("unsuspendUser", "user.unsuspended"),
    ("updateUser", "user.updated"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_change_to_another_user_is_recorded_once_with_its_actor() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let ada = app.appoint("ada@example.com", "staff").await;
    let mut recorded = BTreeMap::new();
    let mut mutations = about_people();
    // What ends an account comes last.
    let ends = ["deleteUser", "restoreUser", "eraseUser"];
    mutations.sort_by_key(|mutation| ends.iter().position(|end| end == mutation));
    for mutation in mutations {
        let document = document(&mutation);
        let mut variables = proposed(&document);
        variables["input"]["userId"] = json!(ada.user_id);
        let run = root.run(&document, variables);
        let (answer, work) = app.work_of(run).await;
        assert!(answer.root(&mutation)["code"].is_null(), "{}", answer.text);
        assert_eq!(work.events, 1, "{mutation}");
        let known: Vec<&str> = recorded.values().map(String::as_str).collect();
        let action = new_action(&app, &root.user_id, &ada.user_id, &known).await;
        recorded.insert(mutation, action);
    }
    let expected = RECORDED.map(|(mutation, action)| (mutation.to_owned(), action.to_owned()));
    assert_eq!(recorded, BTreeMap::from(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_recorded_with_the_person_who_sent_it() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let run = root.run("InviteUser", proposed("InviteUser"));
    let (answer, work) = app.work_of(run).await;
    assert_eq!(work.events, 1, "{}", answer.text);
    let invited = "SELECT COUNT(*) FROM audit_events WHERE action = 'user.invited'";
    let actor = app.id_literal(&root.user_id);
    let by_root = format!("{invited} AND actor_id = {actor} AND subject_id <> {actor}");
    assert_eq!(app.number(&by_root).await, 1);
}

/// The action of the one audit event of a person about another that is not among those known.
async fn new_action(app: &TestApp, actor: &str, subject: &str, known: &[&str]) -> String {
    let new = format!(
        "SELECT MIN(action) FROM audit_events WHERE actor_id = {} AND subject_id = {} \
         AND action NOT IN ('{}')",
        app.id_literal(actor),
        app.id_literal(subject),
        known.join("', '"),
    );
    app.text(&new).await
}
