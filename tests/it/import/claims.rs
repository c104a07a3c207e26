//! Who gets an address that two want, and a role that one side took away.

use idgate::domain::legacy::{Mapping, Reason, SourceTable};
use idgate::services::operator::import::{self, Resolved, Rule};

use super::legacy::{Legacy, email};
use super::{change_here, imported, run, settle, value};
use crate::harness::TestApp;

const TAKE: Rule = Rule::TakeAddress { unverified: false };

/// Three strangers who registered the addresses of legacy rows, of whom the third verified it. The old
/// system verified the addresses of the first and the third row.
async fn registered_by_strangers() -> (TestApp, Legacy) {
    let app = TestApp::spawn().await;
    let legacy = Legacy::with_allauth(&app).await;
    for id in 1..=3 {
        app.register(&format!("user{id}@example.com")).await;
        legacy.person(id, &email(id), "NULL").await;
        let row = format!(
            "INSERT INTO account_emailaddress VALUES ({id}, {}, {}, true, {id})",
            email(id),
            id != 2
        );
        legacy.execute(&row).await;
    }
    app.execute("UPDATE users SET email_verified = TRUE WHERE email = 'user3@example.com'")
        .await;
    let done = run(&app, &legacy).await;
    assert_eq!(done.counts().reasons["email_taken"], 3);
    (app, legacy)
}

async fn settle_one(app: &TestApp, key: i64, rule: &Rule) -> Resolved {
    let mapping = Mapping::parse("").unwrap();
    import::resolve(&app.app, &mapping, SourceTable::User, &[key], rule)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verified_row_wins_its_address_from_an_account_that_never_verified_it() {
    let (app, legacy) = registered_by_strangers().await;
    let stranger = app.login("user1@example.com").await;
    let settled = settle(&app, "email_taken", TAKE).await;
    assert_eq!(settled.imported, 1);
    let left = [(2, Reason::EmailTaken), (3, Reason::EmailTaken)];
    assert_eq!(settled.left, left, "not verified there, verified here");
    assert_eq!(value(&app, 1, "email").await, "user1@example.com");
    let verified = "SELECT COUNT(*) FROM users WHERE legacy_id = 1 AND email_verified";
    assert_eq!(app.number(verified).await, 1);
    // The stranger had no other address: the account is closed, its sessions ended.
    let closed = "SELECT COUNT(*) FROM users WHERE email = 'user1@example.com' \
                  AND legacy_id IS NULL AND deleted_at IS NOT NULL";
    assert_eq!(app.number(closed).await, 1);
    let me = stranger.run("Me", serde_json::json!({})).await;
    assert!(me.text.contains("UNAUTHENTICATED"), "{}", me.text);
    let released = "SELECT COUNT(*) FROM audit_events WHERE action = 'account.address_released'";
    assert_eq!(app.number(released).await, 1);
    let login = app
        .anonymous()
        .login("user1@example.com", "legacy-pass")
        .await;
    assert_eq!(login.typename("login"), "SignedIn", "{}", login.text);
    // An operator answers for one row; what was verified here stays in any case.
    let take = Rule::TakeAddress { unverified: true };
    assert_eq!(settle_one(&app, 2, &take).await.imported, 1);
    let left = settle_one(&app, 3, &take).await.left;
    assert_eq!(left, [(3, Reason::EmailTaken)]);
    assert_eq!(app.number(released).await, 2);
    let done = run(&app, &legacy).await;
    assert_eq!((done.counts().created, done.counts().updated), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_to_take_an_address_is_not_one_about_the_next() {
    let (app, legacy) = registered_by_strangers().await;
    assert_eq!(settle_one(&app, 3, &TAKE).await.imported, 0);
    assert_eq!(settle_one(&app, 1, &TAKE).await.imported, 1);
    app.register("other@example.com").await;
    for id in [1, 3] {
        legacy.set(id, "email = NULL").await;
        let row =
            format!("UPDATE account_emailaddress SET email = 'other@example.com' WHERE id = {id}");
        legacy.execute(&row).await;
        let done = run(&app, &legacy).await;
        assert_eq!((done.counts().created, done.counts().updated), (0, 0));
    }
    let kept = "SELECT COUNT(*) FROM users WHERE email = 'other@example.com' \
                AND legacy_id IS NULL AND deleted_at IS NULL";
    assert_eq!(app.number(kept).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_spellings_of_one_address_are_one_account() {
    let app = TestApp::spawn().await;
    let legacy = Legacy::create(&app).await;
    let pairs = [
        ("ada@example.com", "ADA@Example.COM"),
        ("bob@example.com", "ｂｏｂ@example.com"),
        ("fiona@example.com", "\u{fb01}ona@example.com"),
        ("jos\u{e9}@example.com", "jose\u{301}@example.com"),
        ("jules@b\u{fc}cher.example", "jules@xn--bcher-kva.example"),
        ("\u{3c3}igma@example.com", "\u{3a3}igma@example.com"),
        ("kelvin@example.com", "\u{212a}elvin@example.com"),
    ];
    for (place, (first, second)) in (1..).zip(pairs) {
        legacy
            .person(place * 2, &format!("'{first}'"), "NULL")
            .await;
        legacy
            .person(place * 2 + 1, &format!("'{second}'"), "NULL")
            .await;
    }
    let done = run(&app, &legacy).await;
    let duplicates =
        (1..=pairs.len()).map(|place| format!("user {} email_duplicate", place * 2 + 1));
    assert_eq!(done.quarantined(), duplicates.collect::<Vec<_>>());
    for (place, (first, second)) in (1..).zip(pairs) {
        assert_eq!(value(&app, place * 2, "email").await, first);
        // Either spelling is the one account's.
        let login = app.anonymous().login(second, "legacy-pass").await;
        assert_eq!(login.typename("login"), "SignedIn", "{second}");
    }
    let accounts = app.number("SELECT COUNT(*) FROM users").await;
    assert_eq!(accounts, i64::try_from(pairs.len()).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_longer_staff_has_no_functions() {
    let (app, legacy) = imported(1).await;
    legacy
        .execute("INSERT INTO auth_group VALUES (1, 'Support')")
        .await;
    legacy
        .execute("INSERT INTO userauths_user_groups VALUES (1, 1, 1)")
        .await;
    legacy.set(1, "is_staff = true").await;
    run(&app, &legacy).await;
    assert_eq!(value(&app, 1, "staff_functions").await, "support");
    // Granted here: it would be a conflict if the person were still staff.
    change_here(&app, 1, "staff_functions = 'support,sales'").await;
    legacy.set(1, "is_staff = false").await;
    let done = run(&app, &legacy).await;
    assert_eq!((done.counts().updated, done.conflicts()), (1, vec![]));
    assert_eq!(value(&app, 1, "role").await, "client");
    assert_eq!(value(&app, 1, "staff_functions").await, "");
    assert_eq!(run(&app, &legacy).await.counts().updated, 0);
    legacy.set(1, "is_staff = true").await;
    run(&app, &legacy).await;
    assert_eq!(value(&app, 1, "role").await, "staff");
    assert_eq!(value(&app, 1, "staff_functions").await, "support");
    // A role that was taken away here stays away, and so do new functions.
    change_here(&app, 1, "role = 'client', staff_functions = ''").await;
    legacy
        .execute("INSERT INTO auth_group VALUES (2, 'Editors')")
        .await;
    legacy
        .execute("INSERT INTO userauths_user_groups VALUES (2, 1, 2)")
        .await;
    let done = run(&app, &legacy).await;
    assert_eq!(done.conflicts(), Vec::<String>::new());
    assert_eq!(value(&app, 1, "staff_functions").await, "");
}
