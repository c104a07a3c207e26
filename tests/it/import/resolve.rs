//! Settling what could not be imported.

use idgate::domain::legacy::{Mapping, Reason, SourceTable};
use idgate::services::operator::import::{self, Rule};

use super::legacy::{Legacy, email, phone};
use super::{run, settle, value};
use crate::harness::TestApp;

async fn messy() -> (TestApp, Legacy) {
    let app = TestApp::spawn().await;
    let legacy = Legacy::create(&app).await;
    legacy.person(1, &email(1), &phone(1)).await;
    legacy.person(2, "'USER1@example.com'", &phone(2)).await;
    legacy.person(3, "NULL", "NULL").await;
    legacy.person(4, &email(4), "'0'").await;
    legacy.person(5, &email(5), "NULL").await;
    legacy.set(5, "password = 'unknown$1'").await;
    run(&app, &legacy).await;
    (app, legacy)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_rule_settles_its_rows_for_good() {
    let (app, legacy) = messy().await;
    let settled = settle(&app, "email_duplicate", Rule::Retry).await;
    assert_eq!(settled.left, [(2, Reason::EmailDuplicate)]);
    assert_eq!(
        settle(&app, "email_duplicate", Rule::DropEmail)
            .await
            .imported,
        1
    );
    assert_eq!(value(&app, 2, "phone").await, "+14155552002");
    let settled = settle(
        &app,
        "no_identifier",
        Rule::Email("third@example.com".into()),
    )
    .await;
    assert_eq!(settled.imported, 1);
    assert_eq!(value(&app, 3, "email").await, "third@example.com");
    assert_eq!(
        settle(&app, "password_unknown", Rule::DropPassword)
            .await
            .imported,
        1
    );
    let settled = settle(
        &app,
        "phone:phone_invalid",
        Rule::Phone("+14155552009".into()),
    )
    .await;
    assert_eq!(settled.imported, 1);
    assert_eq!(value(&app, 4, "phone").await, "+14155552009");
    assert_eq!(app.number("SELECT COUNT(*) FROM users").await, 5);
    // The next imports know what was decided, even where the row changes.
    let done = run(&app, &legacy).await;
    assert_eq!((done.counts().unchanged, done.counts().updated), (5, 0));
    for id in 2..=5 {
        legacy.set(id, "first_name = 'Grace'").await;
    }
    let done = run(&app, &legacy).await;
    assert_eq!((done.counts().updated, done.quarantined()), (4, vec![]));
    assert_eq!(value(&app, 3, "email").await, "third@example.com");
    assert_eq!(value(&app, 4, "phone").await, "+14155552009");
    assert_eq!(done.conflicts(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discarded_row_stays_out_and_leaves_nothing_behind() {
    let (app, legacy) = messy().await;
    assert_eq!(
        settle(&app, "no_identifier", Rule::Discard).await.discarded,
        1
    );
    legacy.set(3, "email = 'third@example.com'").await;
    let done = run(&app, &legacy).await;
    assert_eq!(done.counts().tables["user"].discarded, 1);
    let kept = "SELECT COUNT(*) FROM import_records WHERE legacy_id = 3 AND sealed_row IS NULL";
    assert_eq!(app.number(kept).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_are_settled_either_way() {
    for (rule, expected) in [(Rule::KeepOurs, "Accra"), (Rule::TakeTheirs, "Abuja")] {
        let (app, legacy) = messy().await;
        legacy.set_profile(1, "city = 'Abuja'").await;
        app.execute("UPDATE users SET city = 'Accra' WHERE legacy_id = 1")
            .await;
        assert_eq!(run(&app, &legacy).await.counts().conflicts, 1);
        assert_eq!(settle(&app, "conflict", rule).await.imported, 1);
        assert_eq!(value(&app, 1, "city").await, expected);
        let done = run(&app, &legacy).await;
        assert_eq!((done.counts().conflicts, done.counts().updated), (0, 0));
        assert_eq!(value(&app, 1, "city").await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_shows_the_row_without_its_password() {
    let (app, _legacy) = messy().await;
    let (rows, last) = import::list_open(
        &app.app,
        &Mapping::parse("").unwrap(),
        SourceTable::User,
        None,
        None,
    )
    .await
    .unwrap();
    assert_eq!(last, Some(5));
    let shown: Vec<(i64, Option<Reason>)> =
        rows.iter().map(|row| (row.legacy_id, row.reason)).collect();
    let expected = [
        (2, Some(Reason::EmailDuplicate)),
        (3, Some(Reason::NoIdentifier)),
        (4, None),
        (5, Some(Reason::PasswordUnknown)),
    ];
    assert_eq!(shown, expected);
    assert_eq!(rows[3].row["user"]["email"], "user5@example.com");
    assert_eq!(rows[3].row["user"]["password"], "***");
}
