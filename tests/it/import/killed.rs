//! An import that is killed at random instants, each time continued: what it leaves is what an import
//! leaves that no one killed.

use std::process::Stdio;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::canonical::everything;
use super::command::{command, outcome};
use super::legacy::{HASH, Legacy};
use crate::harness::TestApp;

/// `just import-kills` tries more, of more people.
const KILLS: u32 = 4;
const PEOPLE: u32 = 600;
/// So that a failure can be repeated.
const SEED: u64 = 16;
/// Of both installations: digests are keyed.
const MASTER: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

#[expect(
    clippy::disallowed_methods,
    reason = "how long a test run takes is no setting of idgate"
)]
fn wanted(name: &str, default: u32) -> u32 {
    let wanted = std::env::var(name).ok();
    wanted.map_or(default, |wanted| wanted.parse().unwrap())
}

/// People of all kinds: with weak and strong hashes, suspended, staff, without an address, with the
/// address of another in other case, with a phone number that does not exist; and a profile of no one.
async fn filled(people: u32) -> (TestApp, Legacy) {
    let app = TestApp::with(&[("IDGATE_KEYS__MASTER", MASTER)]).await;
    let legacy = Legacy::with_allauth(&app).await;
    let numbers = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {people})"
    );
    for insert in [
        format!(
            "INSERT INTO userauths_user {numbers} SELECT i, \
             CASE WHEN i % 40 = 0 THEN 'md5$salt$f1d39587ac62780d7c0c32c32e700b53' \
             ELSE '{HASH}' END, NULL, false, 'user' || i, 'Ada', 'Lovelace', i % 7 = 0, i % 9 > 0, \
             '2020-05-06 07:08:09.123456+00', NULL, \
             CASE WHEN i % 60 = 0 THEN NULL WHEN i = 50 THEN 'USER1@example.com' \
             ELSE 'user' || i || '@example.com' END, CASE WHEN i % 11 = 0 THEN '0' END, 'Other' FROM n"
        ),
        format!(
            "INSERT INTO userauths_profile (id, pid, wallet_balance, verified, user_id, city) {numbers} \
             SELECT i + 1000000, 'PID' || i, 1.5 * i, i % 2 = 0, \
             CASE WHEN i = {people} THEN 999999999 ELSE i END, 'Lagos' FROM n"
        ),
        format!(
            "INSERT INTO account_emailaddress {numbers} \
             SELECT i, 'user' || i || '@example.com', i % 2 = 0, true, i FROM n"
        ),
        format!(
            "INSERT INTO socialaccount_socialaccount {numbers} \
             SELECT i, 'google', 'subject' || i, i FROM n WHERE i % 5 = 0"
        ),
        "INSERT INTO auth_group VALUES (1, 'Support')".to_owned(),
        format!(
            "INSERT INTO userauths_user_groups {numbers} SELECT i, i, 1 FROM n WHERE i % 14 = 0"
        ),
    ] {
        legacy.execute(&insert).await;
    }
    (app, legacy)
}

async fn accounts(app: &TestApp) -> i64 {
    app.number("SELECT COUNT(*) FROM users").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_import_continues_to_the_same_result() {
    let people = wanted("IDGATE_TEST_PEOPLE", PEOPLE);
    let batch = (people / 30).clamp(1, 1000).to_string();
    let (app, legacy) = filled(people).await;
    let arguments = |source: &str| {
        let given = ["import", "django", "--batch", &batch, "--resume", "--json"];
        let given = [&given[..], &["--source", source]].concat().into_iter();
        given.map(str::to_owned).collect::<Vec<_>>()
    };
    let begun = Instant::now();
    let given = arguments(&legacy.url);
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    outcome(&app, &given).answer();
    let lasts = begun.elapsed();
    let expected = everything(&app).await;
    assert!(expected.len() > people as usize * 5, "{}", expected.len());

    let (app, legacy) = filled(people).await;
    let given = arguments(&legacy.url);
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    let (mut random, kills) = (
        StdRng::seed_from_u64(SEED),
        wanted("IDGATE_TEST_KILLS", KILLS),
    );
    let mut positions = Vec::new();
    for kill in 0..kills {
        let mut child = command(&app, &given)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The progress of the import is the clock, because a busy machine makes both slower.
        let part = people * 4 / 5 / kills;
        let wanted = i64::from(part * kill + random.random_range(0..=part));
        while child.try_wait().unwrap().is_none() && accounts(&app).await < wanted {}
        // Within the next batches.
        tokio::time::sleep(lasts.mul_f64(random.random_range(0.0..0.05))).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let half = "SELECT COUNT(*) FROM users u WHERE NOT EXISTS (SELECT 1 FROM person_keys \
             WHERE user_id = u.id) OR NOT EXISTS (SELECT 1 FROM passwords WHERE user_id = u.id) \
             OR NOT EXISTS (SELECT 1 FROM import_records WHERE user_id = u.id) \
             OR NOT EXISTS (SELECT 1 FROM audit_events WHERE subject_id = u.id)";
        assert_eq!(app.number(half).await, 0, "half a person");
        positions.push(accounts(&app).await);
    }
    outcome(&app, &given).answer();
    println!("accounts after each kill: {positions:?}; an import takes {lasts:?}");
    assert!(
        positions
            .iter()
            .any(|&done| done < i64::from(people) * 9 / 10)
    );
    let left = everything(&app).await;
    let differing = expected.iter().zip(&left).find(|(one, other)| one != other);
    assert_eq!(differing, None);
    assert_eq!(left.len(), expected.len());
}
