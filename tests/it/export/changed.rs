//! Accounts that were imported.

use serde_json::json;

use super::django::HASH;
use super::{change_here, export, import, imported, verify};

const HOSTILE: &str = "O'Hara \\ '' \"x\" ; -- \\' 😀 =1+1 :name $1 `t` %s";

#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_changed_is_not_written() {
    let (app, django) = imported(3).await;
    let before = django.everything().await;
    let done = export(&app).await;
    assert_eq!(done.report.counts.unchanged, 3);
    assert!(
        !done.sql.contains("UPDATE userauths_user SET"),
        "{}",
        done.sql
    );
    django.run(&done.sql).await.unwrap();
    assert_eq!(django.everything().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_here_stands_there_and_nothing_differs() {
    let (app, django) = imported(9).await;
    let hostile = HOSTILE.replace('\'', "''");
    change_here(
        &app,
        1,
        "email = 'new@example.com', email_canonical = 'new@example.com', email_verified = TRUE",
    )
    .await;
    change_here(
        &app,
        2,
        "phone = '+14155553000', last_login_at = '2026-02-01 10:00:00+00:00'",
    )
    .await;
    change_here(
        &app,
        3,
        &format!("bio = '{hostile}', city = '', first_name = 'O''Hara'"),
    )
    .await;
    change_here(&app, 4, "role = 'staff', staff_functions = 'support,sales'").await;
    change_here(&app, 5, "role = 'admin'").await;
    change_here(&app, 6, "role = 'vendor', is_verified = TRUE").await;
    change_here(
        &app,
        7,
        "suspended_at = '2026-03-01 10:00:00+00:00', suspended_reason = 'x'",
    )
    .await;
    change_here(&app, 8, "phone = NULL").await;
    change_here(&app, 9, &format!("bio = '{}'", "é".repeat(1000))).await;
    let done = export(&app).await;
    assert_eq!(
        (done.report.counts.changed, done.report.counts.deactivated),
        (8, 1)
    );
    assert_eq!(done.left_out, Vec::<String>::new());
    django.run(&done.sql).await.unwrap();
    assert_eq!(django.value(3, "bio").await, HOSTILE);
    assert_eq!(django.value(3, "first_name").await, "O'Hara");
    assert_eq!(django.value(3, "p.city").await, "NULL");
    assert_eq!(django.value(8, "u.phone").await, "NULL");
    assert_eq!(
        django.value(1, "wallet_balance").await,
        django_number(&app, "1.50", "1.5")
    );
    assert_eq!(django.value(5, "password").await, HASH, "not written");
    let (found, findings) = verify(&app, &django).await;
    assert_eq!(findings, Vec::<String>::new());
    assert_eq!((found.equal, found.changed_here), (9, 0));
    // Once more, it changes nothing.
    let before = django.everything().await;
    django.run(&done.sql).await.unwrap();
    assert_eq!(django.everything().await, before);
    let (counts, told) = import(&app, &django).await;
    assert_eq!((counts.updated, told), (0, vec![]));
    assert_eq!(export(&app).await.report.counts.unchanged, 9);
}

/// SQLite prints a number of this type without its last zero.
fn django_number(app: &crate::harness::TestApp, server: &str, file: &str) -> String {
    if app.is_sqlite() { file } else { server }.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_goes_back_as_a_hash_that_django_verifies() {
    let (app, django) = imported(3).await;
    let phc = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA";
    let of = |id: i64| format!("user_id = (SELECT id FROM users WHERE legacy_id = {id})");
    app.execute(&format!(
        "UPDATE passwords SET hash = '{phc}', imported_rounds = NULL, changed_at = '2026-03-05 \
         00:00:00+00:00' WHERE {}",
        of(1)
    ))
    .await;
    // Hashed anew at a sign-in: Django has the hash of the same password.
    app.execute(&format!(
        "UPDATE passwords SET hash = '{phc}' WHERE {}",
        of(2)
    ))
    .await;
    app.execute(&format!("DELETE FROM passwords WHERE {}", of(3)))
        .await;
    let done = export(&app).await;
    assert_eq!(
        (done.report.counts.changed, done.report.counts.unchanged),
        (2, 1)
    );
    django.run(&done.sql).await.unwrap();
    let expected = format!("argon2{phc}");
    assert_eq!(django.value(1, "password").await, expected);
    assert_eq!(django.value(2, "password").await, HASH);
    let unusable = django.value(3, "password").await;
    assert!(
        unusable.starts_with('!') && unusable.len() == 41,
        "{unusable}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_exchanged_their_addresses_keep_them() {
    let (app, django) = imported(2).await;
    for (id, address) in [(1, "between"), (2, "user1"), (1, "user2")] {
        let address = format!("{address}@example.com");
        change_here(
            &app,
            id,
            &format!("email = '{address}', email_canonical = '{address}'"),
        )
        .await;
    }
    django.run(&export(&app).await.sql).await.unwrap();
    assert_eq!(django.value(1, "email").await, "user2@example.com");
    assert_eq!(django.value(2, "email").await, "user1@example.com");
    assert_eq!(verify(&app, &django).await.1, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_another_row_has_stays_and_the_rest_goes_back() {
    let (app, django) = imported(3).await;
    django.execute("UPDATE userauths_user SET email = 'Taken@example.com', phone = '+14155559999' WHERE id = 3").await;
    change_here(
        &app,
        1,
        "email = 'taken@example.com', email_canonical = 'taken@example.com', city = 'Accra'",
    )
    .await;
    change_here(&app, 2, "phone = '+14155559999', city = 'Tema'").await;
    django.run(&export(&app).await.sql).await.unwrap();
    assert_eq!(django.value(1, "email").await, "user1@example.com");
    assert_eq!(django.value(2, "u.phone").await, "+14155552002");
    assert_eq!(django.value(1, "p.city").await, "Accra");
    assert_eq!(django.value(2, "p.city").await, "Tema");
}

/// What was changed on both sides is for an operator.
#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_not_written_and_told() {
    let (app, django) = imported(1).await;
    django
        .execute("UPDATE userauths_profile SET city = 'Abuja'")
        .await;
    change_here(&app, 1, "city = 'Accra', state = 'Here'").await;
    import(&app, &django).await;
    let done = export(&app).await;
    assert_eq!(done.left_out, ["city:conflict"]);
    django.run(&done.sql).await.unwrap();
    assert_eq!(django.value(1, "p.city").await, "Abuja");
    assert_eq!(django.value(1, "p.state").await, "Here");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_without_a_profile_gets_one() {
    let (app, django) = imported(1).await;
    django
        .execute(
            "INSERT INTO userauths_user (id, password, is_superuser, username, first_name, last_name, \
             is_staff, is_active, date_joined, email, gender) VALUES (7, '!', false, 'seven', 'Ada', '', \
             false, true, '2020-05-06 07:08:09+00', 'seven@example.com', 'Other')",
        )
        .await;
    import(&app, &django).await;
    change_here(&app, 7, "bio = 'Mine'").await;
    let done = export(&app).await;
    for _ in 0..2 {
        django.run(&done.sql).await.unwrap();
        assert_eq!(django.value(7, "bio").await, "Mine");
    }
    let (found, findings) = verify(&app, &django).await;
    assert_eq!((found.equal, findings), (2, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn former_addresses_and_unlinked_accounts_go_with_the_change() {
    let (app, django) = imported(2).await;
    django
        .execute(
            "INSERT INTO account_emailaddress (email, verified, \"primary\", user_id) VALUES \
             ('user1@example.com', true, true, 1), ('user2@example.com', false, true, 2);\
             INSERT INTO socialaccount_socialaccount (provider, uid, last_login, date_joined, extra_data, \
             user_id) VALUES ('google', 'sub-1', '2020-05-06', '2020-05-06', '{}', 1)",
        )
        .await;
    let (_, told) = import(&app, &django).await;
    assert_eq!(told, Vec::<String>::new());
    change_here(
        &app,
        1,
        "email = 'new@example.com', email_canonical = 'new@example.com', email_verified = FALSE",
    )
    .await;
    change_here(&app, 2, "email_verified = TRUE").await;
    app.execute("UPDATE identities SET unlinked_at = '2026-03-01 10:00:00+00:00'")
        .await;
    let done = export(&app).await;
    for _ in 0..2 {
        django.run(&done.sql).await.unwrap();
        let rows = django
            .texts("SELECT email || ' ' || CAST(verified AS varchar(9)) FROM account_emailaddress ORDER BY user_id")
            .await;
        let (no, yes) = if app.is_sqlite() {
            ("0", "1")
        } else {
            ("false", "true")
        };
        assert_eq!(
            rows,
            [
                format!("new@example.com {no}"),
                format!("user2@example.com {yes}")
            ]
        );
        assert!(
            django
                .texts("SELECT uid FROM socialaccount_socialaccount")
                .await
                .is_empty()
        );
    }
    assert_eq!(verify(&app, &django).await.1, Vec::<String>::new());
}

/// Without a sign-in here, too: the columns of allauth must have a time.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_at_google_that_was_linked_here_goes_back() {
    let (app, django) = imported(1).await;
    app.register("other@example.com").await;
    app.execute(&format!(
        "INSERT INTO identities (id, user_id, issuer, subject, created_at) SELECT id, id, '{}', \
         'sub-9', created_at FROM users WHERE legacy_id = 1",
        app.app.config.google.canonical_issuer()
    ))
    .await;
    let done = export(&app).await;
    for _ in 0..2 {
        django.run(&done.sql).await.unwrap();
        let rows =
            "SELECT provider || ' ' || uid FROM socialaccount_socialaccount WHERE user_id = 1";
        assert_eq!(django.texts(rows).await, ["google sub-9"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_does_not_come_back_to_life() {
    let (app, django) = imported(2).await;
    let id = app.ids("SELECT id FROM users WHERE legacy_id = 1").await[0].to_string();
    let root = app.appoint("root@example.com", "admin").await;
    let input = json!({ "input": { "userId": id, "reason": "asked for it" } });
    let answer = root.run("EraseUser", input).await;
    assert_eq!(
        answer.typename("eraseUser"),
        "UserErased",
        "{}",
        answer.text
    );
    let done = export(&app).await;
    assert_eq!(done.report.counts.erased, 1);
    for _ in 0..2 {
        django.run(&done.sql).await.unwrap();
    }
    for column in ["email", "u.phone", "bio", "p.city", "otp", "facebook"] {
        assert_eq!(django.value(1, column).await, "NULL", "{column}");
    }
    assert_eq!(django.value(1, "username").await, "erased-1");
    assert!(django.value(1, "password").await.starts_with('!'));
    let active = django
        .texts("SELECT email FROM userauths_user WHERE is_active AND id < 3")
        .await;
    assert_eq!(active, ["user2@example.com"]);
    let kept = django.everything().await.join("\n");
    assert!(
        !kept.contains("user1@example.com") && !kept.contains("+14155552001"),
        "{kept}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_accounts_are_closed_and_rows_that_are_gone_stay_gone() {
    let (app, django) = imported(3).await;
    django.execute("DELETE FROM userauths_profile WHERE user_id = 3;DELETE FROM userauths_user WHERE id = 3").await;
    import(&app, &django).await;
    change_here(
        &app,
        1,
        "deleted_at = '2026-03-05 00:00:00+00:00', bio = ''",
    )
    .await;
    change_here(&app, 3, "bio = 'Mine'").await;
    let done = export(&app).await;
    assert_eq!(done.left_out, ["gone"]);
    django.run(&done.sql).await.unwrap();
    assert_eq!(django.value(1, "bio").await, "Hello");
    let active = django
        .texts("SELECT username FROM userauths_user WHERE is_active")
        .await;
    assert_eq!(active, ["user2"]);
}

/// The file of one system, run on another.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_other_people_is_refused_as_a_whole() {
    let (app, django) = imported(3).await;
    for id in 1..=3 {
        change_here(&app, id, "city = 'Accra'").await;
    }
    app.register("new@example.com").await;
    let done = export(&app).await;
    django
        .execute("UPDATE userauths_profile SET pid = 'OTHER' WHERE user_id = 2")
        .await;
    let before = django.everything().await;
    let refusal = django.run(&done.sql).await.unwrap_err();
    assert!(
        refusal.contains("the rows are not those that were imported"),
        "{refusal}"
    );
    assert_eq!(django.everything().await, before);
}
