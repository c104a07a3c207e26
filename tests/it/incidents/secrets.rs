//! Secrets in logs, lists and queries.

use async_graphql::parser::types::TypeKind;
use idgate::crypto::keyring::MasterKey;
use idgate::crypto::random::Random;
use idgate::crypto::seal::SealingKey;
use idgate::domain::password::Password;
use idgate::domain::token::{PlainToken, TokenKind};
use secrecy::SecretString;

use super::sdl;
use crate::harness::{PASSWORD, TestApp};

#[test]
fn django_allauth_0_63_4_no_secret_prints_itself() {
    let random = Random::seeded(7);
    let token = PlainToken::from_random(TokenKind::Refresh, random.bytes());
    let printed = [
        format!(
            "{:?}",
            Password::attempt(SecretString::from(PASSWORD)).unwrap()
        ),
        format!("{token:?}"),
        format!("{:?}", token.hash()),
        format!("{:?}", MasterKey::generate(&random)),
        format!("{:?}", SealingKey::new(&random.bytes())),
    ];
    for text in &printed {
        assert!(text.ends_with("(***)"), "{text}");
        assert!(text.len() < 24, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_is_printed_keeps_its_secrets() {
    let master = "q83vEjRWeJCrze8SNFZ4kBHhE7p2r0yPo6bWkJ1x5Hc=";
    let app = TestApp::with(&[
        ("IDGATE_KEYS__MASTER", master),
        (
            "IDGATE_ROUTER__SECRET",
            "Tr0ub4dor-and-three-more-words-9f2c",
        ),
    ])
    .await;
    let printed = format!("{:?} {:?}", app.app.config, app.app.config.describe());
    assert!(
        !printed.contains(master) && !printed.contains("Tr0ub4dor"),
        "{printed}"
    );
    assert!(!format!("{:?}", app.app).contains(master));
}

/// Tokens are returned only by the mutation that issued them.
#[test]
fn no_query_returns_a_live_token_or_a_hash() {
    let issuing = [
        "SignedIn",
        "SteppedUp",
        "PasswordResetAllowed",
        "AccountDeleted",
    ];
    for definition in sdl::types() {
        let TypeKind::Object(object) = &definition.kind else {
            continue;
        };
        if issuing.contains(&definition.name.node.as_str()) {
            continue;
        }
        for field in &object.fields {
            let name = field.node.name.node.to_lowercase();
            let result = field.node.ty.to_string();
            let telling = ["token", "secret", "hash"]
                .iter()
                .any(|word| name.contains(word));
            assert!(!telling, "{}.{name} returns {result}", definition.name.node);
            let sets =
                definition.name.node == "Mutation" || !issuing.contains(&result.trim_matches('!'));
            assert!(sets, "{}.{name} returns {result}", definition.name.node);
        }
    }
}
