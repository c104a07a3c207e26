//! What a search finds, and that every change updates the search columns.

use std::path::Path;

use serde_json::{Value, json};

use super::{admin, on};
use crate::harness::{Google, SignedIn, TestApp};

/// Names as rows of an older instance have them, and how they are searched.
const PEOPLE: [(&str, &str, &[&str]); 14] = [
    (
        "José",
        "Núñez",
        &["José", "JOSÉ", "jose nunez", "jose\u{301}"],
    ),
    (
        "Jose\u{301}",
        "Mun\u{303}oz",
        &["José Muñoz", "MUÑOZ", "munoz"],
    ),
    ("Jörg", "Weiß", &["JÖRG", "jorg weiss", "WEISS", "weiß"]),
    ("Işık", "İpek", &["IŞIK", "ışık", "isik ipek", "İPEK"]),
    ("Łukasz", "Øster", &["łukasz", "LUKASZ", "oster"]),
    ("Алёна", "Йовович", &["АЛЁНА", "алена", "йовович"]),
    ("Οδυσσεύς", "Ελύτης", &["ΟΔΥΣΣΕΥΣ", "ελυτησ", "οδυσσεύς"]),
    ("أحمد", "علی", &["احمد", "علي"]),
    ("שָׁלוֹם", "כהן", &["שלום", "כהן"]),
    ("太郎", "\u{fa19}田", &["太郎", "神田"]),
    ("ﾊﾅｺ", "ｻﾄｳ", &["ハナコ", "サトウ"]),
    ("민준", "김", &["민준", "\u{1100}\u{1175}\u{11b7}"]),
    ("Ａｄａ", "O’Hara", &["ada o'hara", "O‘HARA"]),
    ("100%_a", "back\\slash!", &["100%_", "k\\s", "h!", "%_A"]),
];

async fn insert(app: &TestApp, number: usize, email: &str, first: &str, last: &str) {
    let id = app.id_literal(&format!("01900000-0000-7000-8000-{number:012x}"));
    app.execute(&format!(
        "INSERT INTO users (id, pid, email, email_canonical, first_name, last_name, role, \
         auth_provider, created_at, updated_at) VALUES ({id}, 'P{number}', '{email}', '{email}', \
         '{first}', '{last}', 'client', 'email', '2026-02-01T00:00:00+00:00', \
         '2026-02-01T00:00:00+00:00')",
    ))
    .await;
}

async fn populate(app: &TestApp) {
    for (number, (first, last, _)) in PEOPLE.iter().enumerate() {
        insert(app, number, &format!("p{number}@example.net"), first, last).await;
    }
}

async fn found(by: &SignedIn<'_>, filter: Value) -> Vec<String> {
    let query = "query Q($filter: UserFilter) { users(first: 100, filter: $filter, \
                 orderBy: {field: NAME}) { nodes { email } } }";
    let answer = by.ask(query, json!({ "filter": filter })).await;
    let nodes = answer.root("users")["nodes"].as_array().unwrap().clone();
    let email = |node: &Value| node["email"].as_str().unwrap_or_default().to_owned();
    nodes.iter().map(email).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_every_script_are_found_in_every_spelling() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    populate(&app).await;
    // What an older instance wrote is found as it is written until it is folded.
    assert_eq!(
        found(&root, json!({ "search": "p5@EXAMPLE.net" })).await,
        ["p5@example.net"]
    );
    assert_eq!(app.fold_texts().await, 14);
    assert_eq!(app.fold_texts().await, 0);
    assert_eq!(app.wrongly_folded().await, [""; 0]);
    for (number, (first, last, searches)) in PEOPLE.iter().enumerate() {
        let own = [*first, *last, &format!("{last} {first}")].map(str::to_owned);
        for search in searches.iter().map(|text| (*text).to_owned()).chain(own) {
            let emails = found(&root, json!({ "search": search })).await;
            let email = format!("p{number}@example.net");
            assert!(
                emails.contains(&email),
                "{search:?} finds {emails:?}, not {email}"
            );
        }
    }
    for search in ["jose ipek", "joseph", "a%o'hara", "1__", "k_s", "かな"] {
        let emails = found(&root, json!({ "search": search })).await;
        assert_eq!(emails, [""; 0], "{search:?}");
    }
    let long = json!({ "search": "ﷺ ".repeat(3) });
    let query = "query Q($filter: UserFilter) { users(filter: $filter) { totalCount } }";
    let answer = root.ask(query, json!({ "filter": long })).await;
    assert_eq!(answer.code(), "BAD_USER_INPUT", "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_country_is_found_in_every_normal_form() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let ada = app.register("ada@example.com").await;
    let input = json!({ "input": { "country": "Co\u{302}te d’Ivoire" } });
    ada.run("UpdateProfile", input).await;
    for country in ["Côte d’Ivoire", "Co\u{302}te d’Ivoire", " Côte d’Ivoire "] {
        let emails = found(&root, json!({ "country": country })).await;
        assert_eq!(emails, ["ada@example.com"], "{country:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_ordered_alike_on_both_databases() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    populate(&app).await;
    insert(&app, 90, "zz@example.net", "Zoe", "zz-top").await;
    // The longest form of the longest name, and one that no index can compress.
    let long = "ﷺ".repeat(150);
    insert(&app, 91, "long@example.net", &long, &long).await;
    let mixed: String = ('\u{3300}'..='\u{3357}')
        .chain('\u{fdf0}'..='\u{fdfb}')
        .collect();
    insert(&app, 92, "mixed@example.net", &mixed, &mixed).await;
    // Not folded: all compare equal, and pages still neither skip nor repeat a user.
    assert_eq!(walked(&root).await.len(), 18);
    app.fold_texts().await;
    let walked = walked(&root).await;
    assert_eq!(walked, found(&root, json!({})).await);
    assert_eq!(walked.len(), 18);
    let latin: Vec<&str> = walked.iter().map(String::as_str).take(8).collect();
    let expected = [
        "root@example.com", // nothing
        "p13@example.net",  // back\slash!
        "p3@example.net",   // ipek
        "p1@example.net",   // munoz
        "p0@example.net",   // nunez
        "p12@example.net",  // o'hara
        "p4@example.net",   // oster
        "p2@example.net",   // weiss
    ];
    assert_eq!(latin, expected);
    let greek = walked.iter().position(|email| email == "p6@example.net");
    let cyrillic = walked.iter().position(|email| email == "p5@example.net");
    assert!(greek < cyrillic, "{walked:?}");
}

/// All users, two per page.
async fn walked(by: &SignedIn<'_>) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), Value::Null);
    loop {
        let query = "query Q($after: String) { users(first: 2, after: $after, \
                     orderBy: {field: NAME}) { nodes { email } \
                     pageInfo { endCursor hasNextPage } } }";
        let answer = by.ask(query, json!({ "after": after })).await;
        let list = answer.root("users");
        for node in list["nodes"].as_array().unwrap() {
            all.push(node["email"].as_str().unwrap().to_owned());
        }
        after = list["pageInfo"]["endCursor"].clone();
        if list["pageInfo"]["hasNextPage"] == false || all.len() > 100 {
            return all;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_a_name_or_address_updates_the_search_columns() {
    let google = Google::spawn().await;
    let app = &google.app;
    let root = admin(app).await;
    let check = async |step: &str| {
        assert_eq!(app.wrongly_folded().await, [""; 0], "after {step}");
    };
    let client = app.anonymous();

    let ada = app.register("Ada.Ünal@example.com").await;
    check("register").await;
    let input = json!({ "input": { "firstName": "Ådà" } });
    ada.run("UpdateProfile", input).await;
    assert_eq!(
        found(&root, json!({ "search": "ada lovelace" }))
            .await
            .len(),
        1
    );
    check("updateProfile").await;
    let me = ada.run("Me", json!({})).await;
    let id = me.root("me")["id"].as_str().unwrap().to_owned();
    let more = json!({ "lastName": "Ünal Weiß", "reason": "marriage" });
    on(&root, "UpdateUser", &id, more).await;
    assert_eq!(
        found(&root, json!({ "search": "ada weiss" })).await.len(),
        1
    );
    assert_eq!(found(&root, json!({ "search": "lovelace" })).await.len(), 0);
    check("updateUser").await;

    app.execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    let input = json!({ "input": { "email": "Élise@example.org" } });
    ada.run("RequestEmailChange", input).await;
    let token = app.token("Élise@example.org", "change_email").await;
    let input = json!({ "input": { "token": token } });
    let answer = ada.run("ConfirmEmailChange", input).await;
    assert_eq!(answer.typename("confirmEmailChange"), "EmailChanged");
    assert_eq!(found(&root, json!({ "search": "elise@" })).await.len(), 1);
    check("confirmEmailChange").await;
    let token = app.token("Ada.Ünal@example.com", "email_changed").await;
    let input = json!({ "input": { "token": token } });
    let answer = client.run("RevertEmailChange", input).await;
    assert_eq!(answer.typename("revertEmailChange"), "EmailReverted");
    assert_eq!(found(&root, json!({ "search": "elise@" })).await.len(), 0);
    check("revertEmailChange").await;

    let input = json!({
        "email": "grace@example.com", "firstName": "Gräce", "role": "CLIENT", "reason": "joins",
    });
    root.run("InviteUser", json!({ "input": input })).await;
    assert_eq!(
        found(&root, json!({ "search": "GRACE gra\u{308}ce" }))
            .await
            .len(),
        1
    );
    check("inviteUser").await;
    google.login(&json!({ "given_name": "Zoë" })).await;
    assert_eq!(found(&root, json!({ "search": "zoe" })).await.len(), 1);
    check("loginWithGoogle").await;

    // Verifying the address resets a squatter's account, names included.
    let input = json!({ "phone": "+16502530000", "firstName": "Squatter" });
    client.run("Register", json!({ "input": input })).await;
    check("register by number").await;
    app.register("victim@example.com").await;
    client.request_otp("victim@example.com", "LOGIN").await;
    let code = app.code("victim@example.com", "login_code").await;
    let answer = client
        .verify_otp("victim@example.com", "LOGIN", &code)
        .await;
    assert_eq!(answer.typename("verifyOtp"), "SignedIn");
    assert_eq!(
        found(&root, json!({ "search": "victim lovelace" }))
            .await
            .len(),
        0
    );
    assert_eq!(found(&root, json!({ "search": "victim" })).await.len(), 1);
    check("verifyOtp").await;
}

#[test]
fn searched_texts_are_written_in_one_place() {
    let stores = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut writers = Vec::new();
    for entry in walkdir::WalkDir::new(stores).sort_by_file_name() {
        let entry = entry.unwrap();
        if entry
            .path()
            .extension()
            .is_none_or(|extension| extension != "rs")
        {
            continue;
        }
        // What is declared there is read.
        if entry.path().ends_with("entities/user.rs") {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let names = |word: &str| {
            let mut found = text.match_indices(word);
            let is_whole = |(at, _): (usize, &str)| {
                let rest = text.get(at + word.len()..).unwrap_or_default();
                !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_')
            };
            found.any(is_whole)
        };
        let columns = ["Column::FirstName", "Column::LastName"];
        let of_users = text.contains("user::{") && text.contains("Column");
        if columns.iter().any(|column| names(column)) || (of_users && names("Column::Email")) {
            let path = entry.path().display().to_string();
            writers.push(path.rsplit('/').next().unwrap_or_default().to_owned());
        }
    }
    assert_eq!(writers, ["folded.rs"]);
}
