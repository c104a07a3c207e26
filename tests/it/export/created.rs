//! Accounts that were made here.

use super::{export, imported, verify};
use crate::harness::TestApp;

const HOSTILE: &str = "O'Hara \\ '' \"x\" ; -- \\' 😀 =1+1 :name $1 `t` %s\nsecond line";

async fn set(app: &TestApp, email: &str, values: &str) {
    app.execute(&format!(
        "UPDATE users SET {values} WHERE email = '{email}'"
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_account_becomes_a_row_with_everything_that_it_has() {
    let (app, django) = imported(2).await;
    app.register("ada@example.com").await;
    app.register("grace@example.com").await;
    let hostile = HOSTILE.replace('\'', "''");
    set(
        &app,
        "ada@example.com",
        &format!(
            "bio = '{hostile}', first_name = 'O''Hara', last_name = '\\', phone = '+14155557777', \
         role = 'staff', staff_functions = 'support,editor', email_verified = TRUE"
        ),
    )
    .await;
    set(
        &app,
        "grace@example.com",
        "role = 'vendor', avatar = 'media:local/x', suspended_at = '2026-03-01 10:00:00+00:00'",
    )
    .await;
    let done = export(&app).await;
    assert_eq!(
        (done.report.counts.created, done.report.counts.unchanged),
        (2, 2)
    );
    assert_eq!(done.left_out, ["avatar:no_place"]);
    django.run(&done.sql).await.unwrap();
    let rows = django.texts("SELECT bio FROM userauths_profile p JOIN userauths_user u ON u.id = p.user_id WHERE email = 'ada@example.com'").await;
    assert_eq!(rows, [HOSTILE]);
    let groups = "SELECT u.email || ' ' || g.name FROM userauths_user_groups m JOIN auth_group g ON g.id = \
                  m.group_id JOIN userauths_user u ON u.id = m.user_id ORDER BY 1";
    let expected = [
        "ada@example.com Editors",
        "ada@example.com Support",
        "grace@example.com Vendors",
    ];
    assert_eq!(django.texts(groups).await, expected);
    let addresses = "SELECT email FROM account_emailaddress WHERE verified AND \"primary\"";
    assert_eq!(django.texts(addresses).await, ["ada@example.com"]);
    let image = "SELECT image FROM userauths_profile p JOIN userauths_user u ON u.id = p.user_id WHERE NOT is_active";
    assert_eq!(django.texts(image).await, ["default/default-user.jpg"]);
    let joined = "SELECT u.full_name FROM userauths_user u JOIN userauths_profile p ON p.user_id = u.id AND \
                  p.pid = (SELECT pid FROM userauths_profile WHERE bio LIKE 'O%')";
    assert_eq!(django.texts(joined).await, ["O'Hara \\"]);
    let password = "SELECT password FROM userauths_user WHERE email = 'ada@example.com'";
    let password = django.texts(password).await.join("");
    assert!(
        password.starts_with("argon2$argon2id$v=19$m="),
        "{password}"
    );
    // Once more, it changes nothing.
    let before = django.everything().await;
    django.run(&done.sql).await.unwrap();
    assert_eq!(django.everything().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_address_another_row_has_is_left_out_and_the_others_are_not() {
    let (app, django) = imported(1).await;
    for name in ["taken", "number", "free", "username"] {
        app.register(&format!("{name}@example.com")).await;
    }
    set(
        &app,
        "number@example.com",
        "phone = '+14155556666', first_name = 'Numbered'",
    )
    .await;
    django.person(5).await;
    django.execute("UPDATE userauths_user SET email = 'TAKEN@example.com', phone = '+14155556666' WHERE id = 5").await;
    let before = django.everything().await;
    let done = export(&app).await;
    django.run(&done.sql).await.unwrap();
    let after = django.everything().await;
    assert!(
        before.iter().all(|row| after.contains(row)),
        "no other row is touched"
    );
    let rows = django.texts("SELECT email || ' ' || COALESCE(phone, 'NULL') FROM userauths_user WHERE id > 5 ORDER BY 1").await;
    let expected = [
        "free@example.com NULL",
        "number@example.com NULL",
        "username@example.com NULL",
    ];
    assert_eq!(rows, expected);
    // What was left out comes in once the address is free.
    django
        .execute("UPDATE userauths_user SET email = 'other@example.com' WHERE id = 5")
        .await;
    django.run(&done.sql).await.unwrap();
    let found = django
        .texts("SELECT email FROM userauths_user WHERE email = 'taken@example.com'")
        .await;
    assert_eq!(found.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_goes_from_one_person_to_a_new_one() {
    let (app, django) = imported(1).await;
    super::change_here(
        &app,
        1,
        "email = 'moved@example.com', email_canonical = 'moved@example.com'",
    )
    .await;
    app.register("user1@example.com").await;
    django.run(&export(&app).await.sql).await.unwrap();
    assert_eq!(django.value(1, "email").await, "moved@example.com");
    let found = django
        .texts("SELECT email FROM userauths_user WHERE email = 'user1@example.com'")
        .await;
    assert_eq!(found.len(), 1);
}

/// An attacker may have registered the address of a person who never confirmed it.
#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_could_not_sign_in_here_do_not_sign_in_there() {
    let app = TestApp::with(&[("IDGATE_REGISTRATION__CONFIRMATION", "required")]).await;
    let django = super::Django::create(&app).await;
    app.anonymous()
        .run("Register", serde_json::json!({ "input": { "email": "victim@example.com", "password": crate::harness::PASSWORD } }))
        .await;
    let done = export(&app).await;
    assert_eq!(done.left_out, ["unconfirmed"]);
    django.run(&done.sql).await.unwrap();
    assert!(
        django
            .texts("SELECT email FROM userauths_user")
            .await
            .is_empty()
    );
    assert_eq!(verify(&app, &django).await.0.users, 0);
}
