//! Texts written by users: one rule for every such input of the schema.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Answer, PASSWORD, SignedIn, TestApp};
use crate::incidents::sdl;

/// Every such text, and whether it may have several lines.
const TEXTS: [(&str, &str, bool); 29] = [
    ("RegisterInput", "firstName", false),
    ("RegisterInput", "lastName", false),
    ("InviteUserInput", "firstName", false),
    ("InviteUserInput", "lastName", false),
    ("InviteUserInput", "reason", true),
    ("UpdateProfileInput", "firstName", false),
    ("UpdateProfileInput", "lastName", false),
    ("UpdateProfileInput", "bio", true),
    ("UpdateProfileInput", "country", false),
    ("UpdateProfileInput", "state", false),
    ("UpdateProfileInput", "city", false),
    ("UpdateProfileInput", "address", true),
    ("UpdateUserInput", "firstName", false),
    ("UpdateUserInput", "lastName", false),
    ("UpdateUserInput", "bio", true),
    ("UpdateUserInput", "country", false),
    ("UpdateUserInput", "state", false),
    ("UpdateUserInput", "city", false),
    ("UpdateUserInput", "address", true),
    ("UpdateUserInput", "staffNote", true),
    ("UpdateUserInput", "vendorId", false),
    ("UpdateUserInput", "reason", true),
    ("SetUserRoleInput", "reason", true),
    ("SetStaffFunctionsInput", "reason", true),
    ("SuspendUserInput", "reason", true),
    ("UnsuspendUserInput", "reason", true),
    ("RevokeUserSessionsInput", "reason", true),
    ("UpdateProfileInput", "locale", false),
    ("UpdateUserInput", "locale", false),
];

/// Identifiers, credentials and search terms. They are compared, never shown.
const OTHERS: [&str; 15] = [
    "actions",
    "code",
    "contentType",
    "country",
    "currentPassword",
    "deviceToken",
    "emailOrPhone",
    "idToken",
    "ipAddress",
    "newPassword",
    "nonce",
    "password",
    "refreshToken",
    "requestId",
    "search",
];

/// Invisible and bidirectional control characters.
const MISLEADING: [&str; 12] = [
    "\u{202e}",
    "\u{202a}",
    "\u{2066}",
    "\u{2067}",
    "\u{200b}",
    "\u{2060}",
    "\u{feff}",
    "\u{ad}",
    "\u{3164}",
    "\u{1b}",
    "\u{e000}",
    "\u{e0041}",
];

#[test]
fn every_text_of_an_input_is_known() {
    let texts: BTreeSet<_> = TEXTS
        .iter()
        .map(|(input, field, _)| format!("{input}.{field}"))
        .collect();
    for (input, field, kind) in sdl::inputs() {
        if !kind.contains("String") {
            continue;
        }
        // Each of these can be sent once; `lifecycle` tries their reasons.
        let ends = ["DeleteMyAccount", "DeleteUser", "EraseUser", "RestoreUser"];
        if field == "reason" && ends.iter().any(|end| input == format!("{end}Input")) {
            continue;
        }
        let is_text = texts.contains(&format!("{input}.{field}"));
        let is_other = field == "token" || (OTHERS.contains(&field.as_str()) && !is_text);
        assert!(
            is_text || is_other,
            "{input}.{field} is neither a text nor anything else"
        );
    }
}

/// What the mutation of an input needs besides the text.
fn base(input: &str, number: usize, target: &str) -> Value {
    match input {
        "RegisterInput" => {
            json!({ "email": format!("new{number}@example.com"), "password": PASSWORD })
        }
        "InviteUserInput" => {
            json!({ "email": format!("invited{number}@example.com"), "role": "CLIENT" })
        }
        "UpdateProfileInput" => json!({}),
        "SetUserRoleInput" => json!({ "userId": target, "role": "CLIENT" }),
        "SetStaffFunctionsInput" => json!({ "userId": target, "staffFunctions": [] }),
        _ => json!({ "userId": target }),
    }
}

async fn send(admin: &SignedIn<'_>, input: &str, variables: Value) -> (String, Answer) {
    let document = input.trim_end_matches("Input");
    let mut root = document.to_owned();
    root[..1].make_ascii_lowercase();
    let answer = admin.run(document, json!({ "input": variables })).await;
    (root, answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn misleading_characters_are_refused_in_every_text() {
    let app = TestApp::spawn().await;
    let admin = app.appoint("root@example.com", "admin").await;
    let person = app.register("ada@example.com").await;
    let staff = app.appoint("staff@example.com", "staff").await;
    for (number, (input, field, lines)) in TEXTS.into_iter().enumerate() {
        let target = if input == "SetStaffFunctionsInput" {
            &staff.user_id
        } else {
            &person.user_id
        };
        for sign in MISLEADING {
            let mut variables = base(input, number, target);
            variables[field] = json!(format!("a{sign}b"));
            let (root, answer) = send(&admin, input, variables).await;
            let expected = format!("{field} INVALID_FORMAT");
            let violations = answer.violations(&root);
            assert!(
                violations.contains(&expected),
                "{input}.{field} {sign:?}: {violations:?}"
            );
        }
        let mut variables = base(input, number, target);
        variables[field] = json!("\u{3000} en \r\n");
        let (root, answer) = send(&admin, input, variables).await;
        assert_ne!(answer.typename(&root), "InputInvalid", "{input}.{field}");
        let mut variables = base(input, number + 1000, target);
        variables[field] = json!("a\r\nb\tc");
        let (root, answer) = send(&admin, input, variables).await;
        let is_refused = answer.typename(&root) == "InputInvalid";
        assert_eq!(is_refused, !lines, "{input}.{field}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_stored_normalized() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let lines = "\r\n one\r\ntwo\rthree\tZoe\u{308} \u{a0}\n";
    let line = "\u{a0} Zoe\u{308} \u{3000}\r\n";
    for (input, field, several) in TEXTS {
        if input != "UpdateProfileInput" || field == "locale" {
            continue;
        }
        let (written, kept) = if several {
            (lines, "one\ntwo\nthree\tZoë")
        } else {
            (line, "Zoë")
        };
        let (_, answer) = send(&ada, input, json!({ field: written })).await;
        assert_eq!(answer.root("updateProfile")["user"][field], kept, "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_and_emoji_that_need_invisible_signs_are_kept() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    for text in ["می‌خواهم", "क्‍ष", "👩‍👩‍👧‍👦", "❤️", "葛\u{e0100}"]
    {
        let (_, answer) = send(&ada, "UpdateProfileInput", json!({ "firstName": text })).await;
        assert_eq!(answer.root("updateProfile")["user"]["firstName"], text);
    }
}
