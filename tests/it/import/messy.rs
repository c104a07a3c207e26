//! Where rows of each kind end.

use idgate::domain::legacy::SourceTable;

use super::legacy::{Legacy, email, phone};
use super::{options, run, run_with, value};
use crate::harness::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_comes_over_whole_and_signs_in() {
    let app = TestApp::with(&[("IDGATE_REGISTRATION__CONFIRMATION", "required")]).await;
    let legacy = Legacy::create(&app).await;
    legacy.person(7, &email(7), &phone(7)).await;
    legacy
        .set(7, "is_staff = true, last_login = '2021-01-02 03:04:05+00'")
        .await;
    legacy
        .execute("INSERT INTO auth_group VALUES (1, 'Editors')")
        .await;
    legacy
        .execute("INSERT INTO userauths_user_groups VALUES (1, 7, 1)")
        .await;
    let done = run(&app, &legacy).await;
    assert_eq!((done.counts().created, done.set_aside()), (1, vec![]));
    for table in [
        SourceTable::User,
        SourceTable::Profile,
        SourceTable::Membership,
    ] {
        assert_eq!(done.counts().table(table).imported, 1, "{table:?}");
    }
    for (column, expected) in [
        ("email", "user7@example.com"),
        ("phone", "+14155552007"),
        ("pid", "PID7"),
        ("role", "staff"),
        ("staff_functions", "editor"),
        ("city", "Lagos"),
        ("auth_provider", "email"),
        ("first_name_folded", "ada"),
    ] {
        assert_eq!(value(&app, 7, column).await, expected, "{column}");
    }
    let row = app
        .account(&app.ids("SELECT id FROM users").await[0].to_string())
        .await;
    assert_eq!(
        row.created_at.to_rfc3339(),
        "2020-05-06T07:08:09.123456+00:00"
    );
    assert_eq!(
        row.last_login_at.unwrap().to_rfc3339(),
        "2021-01-02T03:04:05+00:00"
    );
    assert!(!row.email_verified && !row.is_verified && row.suspended_at.is_none());
    assert_eq!(app.wrongly_folded().await, Vec::<String>::new());
    // Not confirmed, but neither was it in the old system.
    for identifier in ["USER7@example.com", "+1 415 555 2007"] {
        let answer = app.anonymous().login(identifier, "legacy-pass").await;
        assert_eq!(
            answer.typename("login"),
            "SignedIn",
            "{identifier}: {}",
            answer.text
        );
    }
    let wallets = std::fs::read_to_string(app.app.config.data_dir.join("wallets.csv")).unwrap();
    let expected = format!("legacy_id,user_id,pid,balance\n7,{},PID7,7.50\n", row.id);
    // SQLite has no decimal numbers.
    assert_eq!(wallets.replace("7.5\n", "7.50\n"), expected);
    assert_eq!(
        app.number("SELECT COUNT(*) FROM audit_events WHERE action = 'user.imported'")
            .await,
        1
    );
    assert_eq!(app.number("SELECT COUNT(*) FROM person_keys").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_messy_row_ends_where_the_report_says() {
    let app = TestApp::spawn().await;
    let legacy = Legacy::create(&app).await;
    for (id, address, number) in [
        (1, email(1), phone(1)),
        // The same address in capitals, with another Unicode form, and padded.
        (2, "'USER1@Example.COM'".to_owned(), phone(2)),
        (3, "'user１@example.com'".to_owned(), phone(3)),
        (4, "' user1@example.com '".to_owned(), phone(4)),
        // A number twice, one that does not exist, one without a country.
        (5, email(5), phone(1)),
        (6, email(6), "'12345'".to_owned()),
        (7, email(7), "'(415) 555-2007'".to_owned()),
        // No address at all.
        (8, "NULL".to_owned(), "NULL".to_owned()),
        (9, "''".to_owned(), "'n/a'".to_owned()),
        // An unusable address and a good number.
        (10, "'not-an-email'".to_owned(), phone(10)),
        (11, "NULL".to_owned(), phone(11)),
    ] {
        legacy.person(id, &address, &number).await;
    }
    for id in 12..=19 {
        legacy.person(id, &email(id), "NULL").await;
    }
    legacy.set(12, "password = 'crypt$x'").await;
    legacy
        .set(13, "password = 'pbkdf2_sha256$zero$salt$x'")
        .await;
    legacy
        .set(14, "date_joined = '3000-01-01 00:00:00+00'")
        .await;
    legacy
        .set_profile(15, &format!("bio = '{}'", "x".repeat(3000)))
        .await;
    legacy
        .set_profile(16, &format!("pid = '{}'", "p".repeat(55)))
        .await;
    legacy
        .set(17, "is_active = false, password = '!unusable'")
        .await;
    legacy.user(20, &email(20), "NULL").await;
    // A profile without a user.
    legacy.person(21, &email(21), "NULL").await;
    legacy
        .execute("DELETE FROM userauths_user WHERE id = 21")
        .await;

    let done = run(&app, &legacy).await;
    assert_eq!(
        done.quarantined(),
        [
            "user 2 email_duplicate",
            "user 3 email_duplicate",
            "user 4 email_duplicate",
            "user 8 no_identifier",
            "user 9 no_identifier",
            "user 12 password_unknown",
            "user 13 password_malformed",
            "user 16 pid_invalid",
            "profile 1021 no_user",
        ]
    );
    assert_eq!(
        done.set_aside(),
        [
            "5 phone:phone_duplicate",
            "6 phone:phone_invalid",
            "7 phone:phone_invalid",
            "10 email:email_invalid",
            "14 created_at:date_impossible",
            "15 bio:text_too_long",
        ]
    );
    let users = done.counts().table(SourceTable::User);
    assert_eq!(
        (users.source, users.imported, users.quarantined),
        (20, 12, 8)
    );
    let profiles = done.counts().table(SourceTable::Profile);
    assert_eq!(
        (profiles.source, profiles.imported, profiles.quarantined),
        (20, 11, 9)
    );
    assert_eq!(app.number("SELECT COUNT(*) FROM users").await, 12);
    assert_eq!(
        app.number("SELECT COUNT(*) FROM passwords").await,
        11,
        "one has none"
    );
    assert_eq!(value(&app, 5, "phone").await, "NULL");
    assert_eq!(value(&app, 7, "phone").await, "NULL");
    assert_eq!(value(&app, 10, "email").await, "NULL");
    assert_eq!(
        value(&app, 17, "suspended_reason").await,
        "inactive in the legacy system"
    );
    assert_eq!(value(&app, 20, "LENGTH(pid)").await, "12", "made here");
    // What was set aside, and quarantined rows, are kept where only the key opens them.
    let records = app.printed("import_records").await.join("\n");
    assert!(!records.contains("12345") && !records.contains(&hex::encode("12345")));
    let sealed = "SELECT COUNT(*) FROM import_records WHERE sealed_row IS NOT NULL";
    assert_eq!(app.number(sealed).await, 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_says_the_same_and_writes_nothing() {
    let app = TestApp::spawn().await;
    let legacy = Legacy::create(&app).await;
    for id in 1..=7 {
        // The fifth duplicates the first, in another batch.
        let address = if id == 5 {
            "'USER1@example.com'".to_owned()
        } else {
            email(id)
        };
        legacy
            .person(id, &address, &phone(if id == 6 { 2 } else { id }))
            .await;
    }
    let mut rehearsal = options(&app);
    rehearsal.dry_run = true;
    let first = run_with(&app, &legacy, "", &rehearsal).await;
    for table in ["users", "import_runs", "import_records", "audit_events"] {
        assert_eq!(
            app.number(&format!("SELECT COUNT(*) FROM {table}")).await,
            0,
            "{table}"
        );
    }
    assert!(!rehearsal.wallets.exists());
    let second = run(&app, &legacy).await;
    assert_eq!(first.counts(), second.counts());
    assert_eq!(first.quarantined(), ["user 5 email_duplicate"]);
    assert_eq!(first.set_aside(), ["6 phone:phone_duplicate"]);
    // And once more, over what was imported.
    let third = run_with(&app, &legacy, "", &rehearsal).await;
    assert_eq!((third.counts().created, third.counts().unchanged), (0, 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn unusable_values_can_be_a_reason_to_quarantine() {
    let app = TestApp::spawn().await;
    let legacy = Legacy::create(&app).await;
    legacy.person(1, &email(1), "'0'").await;
    let mut strict = options(&app);
    strict.quarantine_values = true;
    let done = run_with(&app, &legacy, "", &strict).await;
    assert_eq!(done.quarantined(), ["user 1 value_set_aside"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn allauth_says_what_was_confirmed_and_who_signs_in_with_google() {
    let app = TestApp::spawn().await;
    let legacy = Legacy::with_allauth(&app).await;
    legacy.person(1, &email(1), "NULL").await;
    legacy.person(2, &email(2), "NULL").await;
    legacy.set(2, "password = '!'").await;
    for row in [
        "account_emailaddress VALUES (1, 'User1@example.com', true, true, 1)",
        "account_emailaddress VALUES (2, 'other@example.com', false, false, 1)",
        "account_emailaddress VALUES (3, 'nobody@example.com', true, true, 99)",
        "socialaccount_socialaccount VALUES (1, 'google', '1077', 2)",
        "socialaccount_socialaccount VALUES (2, 'google', '1077', 1)",
        "socialaccount_socialaccount VALUES (3, 'facebook', '5', 1)",
    ] {
        legacy.execute(&format!("INSERT INTO {row}")).await;
    }
    let done = run(&app, &legacy).await;
    assert_eq!(done.quarantined(), ["email 3 no_user"]);
    assert_eq!(
        value(&app, 1, "email_verified").await.replace('1', "true"),
        "true"
    );
    let identities = "SELECT COUNT(*) FROM identities WHERE subject = '1077'";
    assert_eq!(app.number(identities).await, 1);
    assert_eq!(value(&app, 2, "auth_provider").await, "email");
    let noted = "1 email:second_address,social:value_unknown";
    assert_eq!(done.set_aside(), [noted, "2 social:identity_taken"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_reads_another_system() {
    let app = TestApp::spawn().await;
    let legacy = Legacy::create(&app).await;
    legacy
        .execute(
            "CREATE TABLE members (no bigint PRIMARY KEY, mail varchar(99), kind varchar(9), \
             joined timestamp, secret varchar(99))",
        )
        .await;
    legacy
        .execute(
            "INSERT INTO members VALUES (5, 'm@example.com', 'seller', '2020-01-01 01:00:00', '!')",
        )
        .await;
    let mapping = "[user]\ntable = \"members\"\nkey = \"no\"\n[profile]\ntable = \"\"\n\
        [membership]\ntable = \"\"\n[reading]\ntime_zone = \"+01:00\"\n[fields]\n\
        email = \"user.mail\"\nphone = []\npassword = \"user.secret\"\nfirst_name = []\n\
        last_name = []\nfull_name = []\nis_active = []\nis_staff = []\nis_superuser = []\n\
        role = \"user.kind\"\ncreated_at = \"user.joined\"\nlast_login_at = []\n\
        [constants]\ncountry = \"Nigeria\"\nrole = \"client\"\n\
        [values.role]\nclient = \"client\"\nseller = \"vendor\"\n";
    run_with(&app, &legacy, mapping, &options(&app)).await;
    assert_eq!(value(&app, 5, "role").await, "vendor");
    assert_eq!(value(&app, 5, "country").await, "Nigeria");
    let id = app.ids("SELECT id FROM users").await[0].to_string();
    let created = app.account(&id).await.created_at.to_rfc3339();
    assert_eq!(created, "2020-01-01T00:00:00+00:00");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_the_database_refuses_holds_up_no_other() {
    let app = TestApp::spawn().await;
    let legacy = Legacy::create(&app).await;
    for id in 1..=5 {
        legacy.person(id, &email(id), "NULL").await;
    }
    let refusal = if app.is_sqlite() {
        "CREATE TRIGGER refuse BEFORE INSERT ON users WHEN NEW.pid = 'PID2' \
         BEGIN SELECT RAISE(ABORT, 'not this one'); END"
    } else {
        "ALTER TABLE users ADD CONSTRAINT refuse CHECK (pid <> 'PID2')"
    };
    app.execute(refusal).await;
    let done = run(&app, &legacy).await;
    assert_eq!(done.quarantined(), ["user 2 refused"]);
    assert_eq!(app.number("SELECT COUNT(*) FROM users").await, 4);
}

/// On Postgres rows are copied in a text format of its own, which has escapes.
#[tokio::test(flavor = "multi_thread")]
async fn a_text_with_what_looks_like_an_escape_comes_over_as_it_is() {
    let app = TestApp::spawn().await;
    let legacy = Legacy::create(&app).await;
    legacy.person(1, &email(1), "NULL").await;
    let bio = "C:\\new\\table\n\\.\n\\N 'quoted' \u{1f980}";
    let quoted = bio.replace('\'', "''");
    legacy
        .set_profile(
            1,
            &format!("bio = '{quoted}', city = '\\N', state = '\\\\x41'"),
        )
        .await;
    assert_eq!(run(&app, &legacy).await.set_aside(), Vec::<String>::new());
    for (column, expected) in [("bio", bio), ("city", "\\N"), ("state", "\\\\x41")] {
        assert_eq!(value(&app, 1, column).await, expected, "{column}");
    }
}
