//! A gateway that is killed while it erases an account: what it finds after its restart is the whole
//! account or nothing of it.

use std::path::Path;
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait as _, DatabaseBackend, Statement};
use serde_json::{Value, json};

use super::{Outcome, Program, idgate};
use crate::harness::{PASSWORD, http, queries};

const ROOT: &str = "root@example.com";
/// Instants, spread over the time that an erasure takes. `just kills` tries more.
const KILLS: u32 = 8;
/// Sessions of the account, so that an erasure has something to do.
const SESSIONS: usize = 3;

#[expect(
    clippy::disallowed_methods,
    reason = "how long a test run takes is no setting of idgate"
)]
fn kills() -> u32 {
    let wanted = std::env::var("IDGATE_TEST_KILLS").ok();
    wanted.map_or(KILLS, |wanted| wanted.parse().unwrap())
}

/// The rows of everyone but the administrator, by table, and how many erasures were recorded.
async fn rows(data: &Path) -> Vec<i64> {
    let file = idgate::app::sqlite_file(data);
    let database = sea_orm::Database::connect(format!("sqlite://{}", file.display()));
    let database = database.await.unwrap();
    let mut counts = Vec::new();
    for count in [
        "users WHERE role <> 'admin'",
        "passwords WHERE user_id IN (SELECT id FROM users WHERE role <> 'admin')",
        "person_keys WHERE user_id NOT IN (SELECT id FROM users WHERE role = 'admin')",
        "sessions WHERE user_id NOT IN (SELECT id FROM users WHERE role = 'admin')",
        "refresh_tokens WHERE session_id IN (SELECT id FROM sessions WHERE user_id NOT IN \
         (SELECT id FROM users WHERE role = 'admin'))",
        "outbox_messages WHERE user_id IS NOT NULL",
        "audit_events WHERE action = 'user.erased'",
    ] {
        let sql = format!("SELECT COUNT(*) FROM {count}");
        let statement = Statement::from_string(DatabaseBackend::Sqlite, sql);
        let row = database.query_one_raw(statement).await.unwrap().unwrap();
        counts.push(row.try_get_by_index(0).unwrap());
    }
    database.close().await.unwrap();
    counts
}

async fn sign_in(program: &Program, email: &str) -> Value {
    let input = json!({ "input": { "emailOrPhone": email, "password": PASSWORD } });
    program.run("Login", input).await.root("login").clone()
}

fn erasure(program: &Program, token: &str, user: &str) -> reqwest::RequestBuilder {
    let variables = json!({ "input": { "userId": user, "reason": "request 4711" } });
    let body = json!({ "query": queries::text("EraseUser"), "variables": variables });
    http()
        .post(format!("http://{}/graphql", program.address))
        .bearer_auth(token)
        .json(&body)
}

async fn register(program: &Program, email: &str) -> String {
    let input = json!({ "input": {
        "email": email, "password": PASSWORD, "firstName": "Ada", "lastName": "Lovelace",
    } });
    let answer = program.run("Register", input).await;
    let id = answer.root("register")["user"]["id"].as_str();
    let id = id.unwrap_or_else(|| panic!("{}", answer.text)).to_owned();
    for _ in 1..SESSIONS {
        sign_in(program, email).await;
    }
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_is_killed_is_complete_or_has_not_happened() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let limits = [("IDGATE_THROTTLE__SCALE", "1000")];
    let settings = [("IDGATE_DATA_DIR", data.display().to_string())];
    drop(Program::with(data, &limits));
    let arguments = ["admin", "create", "--email", ROOT, "--password-stdin"];
    Outcome::given(&mut idgate(&arguments, settings), PASSWORD).answer();

    // How long it takes, to spread the instants over that.
    let program = Program::with(data, &limits);
    let root = sign_in(&program, ROOT).await;
    let token = root["accessToken"].as_str().unwrap();
    let mut lasts = Duration::MAX;
    for number in 0..3 {
        let user = register(&program, &format!("first{number}@example.com")).await;
        let begun = Instant::now();
        erasure(&program, token, &user).send().await.unwrap();
        lasts = lasts.min(begun.elapsed());
    }
    drop(program);

    let mut outcomes = [0, 0];
    let mut erased = rows(data).await[6];
    let kills = kills();
    for kill in 0..kills {
        let mut program = Program::with(data, &limits);
        let email = format!("ada{kill}@example.com");
        let user = register(&program, &email).await;
        let root = sign_in(&program, ROOT).await;
        let token = root["accessToken"].as_str().unwrap();
        let before = rows(data).await;
        let request = erasure(&program, token, &user).send();
        let instant = lasts * kill / kills + Duration::from_micros(1);
        let _ = tokio::time::timeout(instant, request).await;
        program.child.kill().unwrap();
        program.child.wait().unwrap();

        let program = Program::with(data, &limits);
        let after = rows(data).await;
        let is_complete = after[6] > erased;
        if is_complete {
            assert_eq!(after[..6], [0; 6], "{kill}: {after:?}");
            erased += 1;
        } else {
            assert_eq!(after[..5], before[..5], "{kill}: untouched");
        }
        outcomes[usize::from(is_complete)] += 1;
        let login = sign_in(&program, &email).await;
        let expected = if is_complete {
            "InvalidCredentials"
        } else {
            "SignedIn"
        };
        assert_eq!(login["__typename"], expected, "{kill}");
        if !is_complete {
            let root = sign_in(&program, ROOT).await;
            let token = root["accessToken"].as_str().unwrap();
            erasure(&program, token, &user).send().await.unwrap();
            erased += 1;
        }
        assert_eq!(rows(data).await[..6], [0; 6], "{kill}");
    }
    println!("untouched {}, complete {}", outcomes[0], outcomes[1]);
}
