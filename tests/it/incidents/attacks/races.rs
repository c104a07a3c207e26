//! Codes and links that expire while they are redeemed.

use serde_json::json;

use super::{NEW, VICTIM, reset, run, verified_user};
use crate::harness::{Answer, PASSWORD, SignedIn, TestApp};

/// Locks in the database of this test.
const LOCKS: &str = "FROM pg_locks WHERE database = \
                     (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Runs `change` in a transaction that holds the accounts in this mode, once a request waits for
/// them.
async fn while_it_waits(app: &TestApp, mode: &str, change: &str) {
    app.execute(&format!(
        "DO $$ BEGIN \
           LOCK TABLE users IN {mode} MODE; \
           PERFORM pg_advisory_xact_lock(1); \
           FOR attempt IN 1..5000 LOOP \
             EXIT WHEN EXISTS (SELECT 1 {LOCKS} AND NOT granted AND relation = 'users'::regclass); \
             PERFORM pg_sleep(0.01); \
           END LOOP; \
           {change} \
         END $$"
    ))
    .await;
}

/// Waits until [`while_it_waits`] holds its table; looks by the connection of another instance.
async fn until_locked(observer: &TestApp) {
    let held = format!("SELECT COUNT(*) {LOCKS} AND locktype = 'advisory' AND granted");
    while observer.number(&held).await == 0 {
        tokio::task::yield_now().await;
    }
}

/// The writes of a password change, in one transaction.
const CHANGED: &str = "UPDATE users SET credential_version = credential_version + 1; \
                       DELETE FROM links WHERE purpose = 'reset_password';";

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_link_that_ends_while_it_is_redeemed_sets_no_password() {
    let app = TestApp::spawn().await;
    if app.is_sqlite() {
        return; // SQLite has no lock to hold one statement back.
    }
    verified_user(&app, VICTIM).await;
    let input = json!({ "emailOrPhone": VICTIM });
    run(&app.anonymous(), "RequestPasswordReset", input).await;
    let token = app.token(VICTIM, "password_reset").await;
    let observer = app.second_instance().await;
    let redeem = async {
        until_locked(&observer).await;
        reset(&app, &token).await
    };
    let (outcome, ()) = tokio::join!(redeem, while_it_waits(&app, "ACCESS EXCLUSIVE", CHANGED));
    assert_eq!(outcome, "TokenInvalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_code_that_ends_while_it_is_redeemed_gives_no_token() {
    let app = TestApp::spawn().await;
    if app.is_sqlite() {
        return; // SQLite has no lock to hold one statement back.
    }
    verified_user(&app, VICTIM).await;
    let client = app.anonymous();
    client.request_otp(VICTIM, "RESET_PASSWORD").await;
    let code = app.code(VICTIM, "password_reset").await;
    let observer = app.second_instance().await;
    let redeem = async {
        until_locked(&observer).await;
        client.verify_otp(VICTIM, "RESET_PASSWORD", &code).await
    };
    let change = while_it_waits(&app, "EXCLUSIVE", CHANGED);
    let (answer, ()) = tokio::join!(redeem, change);
    if answer.typename("verifyOtp") == "PasswordResetAllowed" {
        let token = answer.root("verifyOtp")["token"].as_str().unwrap();
        assert_eq!(reset(&app, token).await, "TokenInvalid");
    }
}

/// Locks a table against writers until two requests wait for any lock.
async fn until_both_wait(app: &TestApp, table: &str) {
    app.execute(&format!(
        "DO $$ BEGIN \
           LOCK TABLE {table} IN EXCLUSIVE MODE; \
           PERFORM pg_advisory_xact_lock(1); \
           FOR attempt IN 1..5000 LOOP \
             PERFORM pg_stat_clear_snapshot(); \
             EXIT WHEN (SELECT COUNT(*) {WAITING}) > 1; \
             PERFORM pg_sleep(0.01); \
           END LOOP; \
         END $$"
    ))
    .await;
}

/// Requests that wait for a lock in the database of this test.
const WAITING: &str = "FROM pg_stat_activity WHERE datname = current_database() \
                       AND wait_event_type = 'Lock'";

/// Waits until one request waits for a lock.
async fn until_one_waits(observer: &TestApp) {
    let waiting = format!("SELECT COUNT(*) {WAITING}");
    while observer.number(&waiting).await == 0 {
        tokio::task::yield_now().await;
    }
}

/// The ways to change a password.
#[derive(Clone, Copy, Debug)]
enum Change {
    Session,
    Link,
}

/// An account with a hash of outdated parameters, and what changes its password.
struct Race<'a> {
    app: &'a TestApp,
    /// An instance with the current parameters, which rehashes on every comparison.
    today: &'a TestApp,
    email: String,
    owner: SignedIn<'a>,
    token: String,
    change: Change,
}

impl<'a> Race<'a> {
    async fn of(app: &'a TestApp, today: &'a TestApp, name: &str, change: Change) -> Self {
        let email = format!("{name}@example.com");
        let owner = verified_user(app, &email).await;
        let input = json!({ "emailOrPhone": email });
        run(&app.anonymous(), "RequestPasswordReset", input).await;
        let token = app.token(&email, "password_reset").await;
        Self {
            app,
            today,
            email,
            owner,
            token,
            change,
        }
    }

    async fn hash(&self) -> String {
        let of = format!("(SELECT id FROM users WHERE email = '{}')", self.email);
        let sql = format!("SELECT hash FROM passwords WHERE user_id = {of}");
        self.app.text(&sql).await
    }

    async fn login(&self) -> Answer {
        self.today.anonymous().login(&self.email, PASSWORD).await
    }

    async fn change(&self) {
        let outcome = match self.change {
            Change::Session => {
                let input = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
                let input = json!({ "input": input });
                let answer = self.owner.run("ChangePassword", input).await;
                answer.typename("changePassword").to_owned()
            }
            Change::Link => reset(self.app, &self.token).await,
        };
        assert_eq!(outcome, "PasswordChanged", "{:?}", self.change);
    }

    /// Asserts that the new password is the only one, and that no session of the old one lives.
    async fn assert_changed(&self, login: &Answer, case: &str) {
        let client = self.app.anonymous();
        let old = client.login(&self.email, PASSWORD).await;
        assert_eq!(old.typename("login"), "InvalidCredentials", "{case}");
        let new = client.login(&self.email, NEW).await;
        assert_eq!(new.typename("login"), "SignedIn", "{case}");
        match login.typename("login") {
            "SignedIn" => {
                let session = SignedIn::from_answer(self.app, login, "login");
                assert!(!session.is_signed_in().await, "{case}");
            }
            outcome => assert_eq!(outcome, "InvalidCredentials", "{case}"),
        }
    }
}

/// A sign-in read the old hash, and wrote the old password back under current parameters after
/// the password had been changed. Both are held at each table they write, in either order.
#[tokio::test(flavor = "multi_thread")]
async fn better_auth_10291_a_rehash_at_sign_in_undoes_no_change_of_the_password() {
    let app = TestApp::spawn().await;
    let today = app.over(&[("IDGATE_HASHING__ITERATIONS", "2")]).await;
    let observer = app.second_instance().await;
    let control = Race::of(&app, &today, "control", Change::Session).await;
    let before = control.hash().await;
    assert_eq!(control.login().await.typename("login"), "SignedIn");
    assert_ne!(control.hash().await, before, "nothing is rehashed here");

    let mut number = 0;
    for table in ["users", "passwords", "audit_events", "sessions"] {
        for change in [Change::Session, Change::Link] {
            for login_first in [true, false] {
                number += 1;
                let case = format!("{table} {change:?}, login first: {login_first}");
                let race = Race::of(&app, &today, &format!("person{number}"), change).await;
                let login = if app.is_sqlite() {
                    // It has no lock to hold one statement back, and one writer at a time.
                    at_once(&race, login_first).await
                } else {
                    held(&race, &observer, table, login_first).await
                };
                race.assert_changed(&login, &case).await;
            }
        }
    }
}

async fn at_once(race: &Race<'_>, login_first: bool) -> Answer {
    if login_first {
        let (login, ()) = tokio::join!(race.login(), race.change());
        return login;
    }
    let ((), login) = tokio::join!(race.change(), race.login());
    login
}

async fn held(race: &Race<'_>, observer: &TestApp, table: &str, login_first: bool) -> Answer {
    let login = async {
        until_locked(observer).await;
        if !login_first {
            until_one_waits(observer).await;
        }
        race.login().await
    };
    let change = async {
        until_locked(observer).await;
        if login_first {
            until_one_waits(observer).await;
        }
        race.change().await;
    };
    let (login, (), ()) = tokio::join!(login, change, until_both_wait(race.app, table));
    login
}
