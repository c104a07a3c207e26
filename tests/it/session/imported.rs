//! Signing in with a password that another system hashed.

use idgate::services::operator::imported_passwords;
use serde_json::json;

use crate::harness::{PASSWORD, SignedIn, TestApp};

const ADA: &str = "ada@example.com";
/// `PASSWORD` as Django 5.2 stored it with 2,000 rounds.
const STRONG: &str = "pbkdf2_sha256$2000$Salz$+nnIYa8iHc1YadgSz6I+EUXi2Lh4sSNm7GoetGoOOsg=";
/// `kitten`, which is shorter than the policy allows.
const SHORT: &str = "pbkdf2_sha256$2000$Salz$3bhOcDzh6o9bHSztv7dYXA3j4lCoZc1m/PV50nxnvdc=";
/// The digest of `PASSWORD` under Argon2id of this process.
async fn wrapped(app: &TestApp) -> String {
    use idgate::crypto::hasher::legacy::{ImportedHash, read};
    let Ok(ImportedHash::Weak(digest)) = read("md5$Salz$05bb6c7004e406b4281c7c3d876d672c") else {
        panic!("a weak digest");
    };
    app.app.hasher.wrap(digest).await.unwrap()
}

async fn import(app: &TestApp, hash: &str, rounds: u32) {
    app.execute(&format!(
        "UPDATE passwords SET hash = '{hash}', imported_rounds = {rounds}"
    ))
    .await;
}

async fn stored(app: &TestApp) -> String {
    app.text("SELECT hash FROM passwords").await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_hash_becomes_ours_at_the_first_sign_in() {
    let app = TestApp::spawn().await;
    app.register(ADA).await;
    for hash in [STRONG.to_owned(), wrapped(&app).await] {
        import(&app, &hash, 2_000).await;
        let refused = app.anonymous().login(ADA, "not the password").await;
        assert_eq!(refused.typename("login"), "InvalidCredentials");
        assert_eq!(stored(&app).await, hash);
        app.login(ADA).await;
        assert!(stored(&app).await.starts_with("$argon2id$"), "{hash}");
        let left = "SELECT COUNT(*) FROM passwords WHERE imported_rounds IS NOT NULL";
        assert_eq!(app.number(left).await, 0);
        app.login(ADA).await;
    }
    assert_eq!(app.messages(ADA, "password_weak").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_the_policy_would_refuse_signs_in_and_its_owner_is_told_once() {
    let app = TestApp::spawn().await;
    app.register(ADA).await;
    app.execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    import(&app, SHORT, 2_000).await;
    for _ in 0..2 {
        let answer = app.anonymous().login(ADA, "kitten").await;
        let ada = SignedIn::from_answer(&app, &answer, "login");
        assert_eq!(app.messages(ADA, "password_weak").await, 1);
        let input = json!({ "currentPassword": "kitten", "newPassword": "mitten" });
        let changed = ada.run("ChangePassword", json!({ "input": input })).await;
        assert_eq!(changed.typename("changePassword"), "PasswordTooWeak");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_is_no_imported_one() {
    let app = TestApp::spawn().await;
    let ada = app.register(ADA).await;
    import(&app, STRONG, 2_000).await;
    let input = json!({ "currentPassword": PASSWORD, "newPassword": "another horse battery" });
    let changed = ada.run("ChangePassword", json!({ "input": input })).await;
    assert_eq!(changed.typename("changePassword"), "PasswordChanged");
    let left = "SELECT COUNT(*) FROM passwords WHERE imported_rounds IS NOT NULL";
    assert_eq!(app.number(left).await, 0);
}

/// Timing, user enumeration: every identifier costs what the usual imported password costs.
#[tokio::test(flavor = "multi_thread")]
async fn imported_own_and_unknown_accounts_cost_the_same_work() {
    let app = TestApp::spawn().await;
    for address in [ADA, "grace@example.com"] {
        app.register(address).await;
    }
    let of_ada = format!(
        "UPDATE passwords SET hash = '{STRONG}', imported_rounds = 2000 \
         WHERE user_id = (SELECT id FROM users WHERE email = '{ADA}')"
    );
    app.execute(&of_ada).await;
    imported_passwords::equalize(&app.app).await.unwrap();
    let mut works = Vec::new();
    for address in [ADA, "grace@example.com", "nobody@example.com"] {
        let login = app.anonymous();
        let (answer, work) = app.work_of(login.login(address, "not the password")).await;
        assert_eq!(answer.typename("login"), "InvalidCredentials");
        assert_eq!(work.rounds, 2_000, "{address}");
        works.push(work.as_timed());
    }
    assert_eq!(works[0], works[1]);
    assert_eq!(works[0], works[2]);
    app.login(ADA).await;
    imported_passwords::equalize(&app.app).await.unwrap();
    let (_, work) = app.work_of(app.anonymous().login(ADA, "wrong")).await;
    assert_eq!(work.rounds, 0, "none is left");
}
