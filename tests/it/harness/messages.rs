//! Delivered messages, and the tokens and codes in them.

use idgate::services::operator::delivery;
use serde_json::Value;

use super::TestApp;

impl TestApp {
    /// Delivers what is due and returns the mailbox, newest message first.
    pub(crate) async fn mail(&self) -> Vec<Value> {
        while delivery::deliver_due(&self.app).await.unwrap() > 0 {}
        let answer = self.get("/dev/mailbox.json").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json.as_array().unwrap().clone()
    }

    /// The newest message of this kind to this address, if there is one.
    pub(crate) async fn message(&self, to: &str, kind: &str) -> Option<Value> {
        let mail = self.mail().await;
        mail.into_iter()
            .find(|message| message["to"] == to && message["kind"] == kind)
    }

    /// How many messages of this kind arrived at this address.
    pub(crate) async fn messages(&self, to: &str, kind: &str) -> usize {
        let mail = self.mail().await;
        mail.iter()
            .filter(|message| message["to"] == to && message["kind"] == kind)
            .count()
    }

    /// The token of the newest link of this kind to this address.
    pub(crate) async fn token(&self, to: &str, kind: &str) -> String {
        let found = self.first_in(to, kind, |text| {
            let (_, rest) = text.split_once("token=")?;
            Some(rest.split_whitespace().next()?.to_owned())
        });
        found.await.expect("a link with a token")
    }

    /// The token of the newest confirmation link to this address.
    pub(crate) async fn confirmation_token(&self, email: &str) -> String {
        self.token(email, "verify_email").await
    }

    /// The digits of the newest code of this kind to this address.
    pub(crate) async fn code(&self, to: &str, kind: &str) -> String {
        self.first_in(to, kind, digits).await.expect("a code")
    }

    /// The value of this field in the newest message that has it.
    async fn first_in(
        &self,
        to: &str,
        kind: &str,
        read: impl Fn(&str) -> Option<String>,
    ) -> Option<String> {
        let mail = self.mail().await;
        mail.iter()
            .filter(|message| message["to"] == to && message["kind"] == kind)
            .find_map(|message| read(message["text"].as_str()?))
    }
}

/// The first word of six digits.
fn digits(text: &str) -> Option<String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .find(|word| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit()))
        .map(str::to_owned)
}

/// A code that differs from this one.
pub(crate) fn wrong(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}
