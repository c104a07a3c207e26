//! A subscriber to an event stream, and helpers for tests of subscriptions.

use std::time::{Duration, Instant};

use idgate::domain::event::DomainEvent;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Answer, SignedIn, TestApp, queries};
use sha2::{Digest as _, Sha256};

/// The limit for anything that should happen at once.
const TIMEOUT: Duration = Duration::from_mins(1);

/// An open event stream.
pub(crate) struct EventStream {
    response: reqwest::Response,
    read: String,
}

impl EventStream {
    /// The events of an answer.
    pub(crate) fn of(response: reqwest::Response) -> Self {
        Self {
            response,
            read: String::new(),
        }
    }

    /// The next block of lines; `None` at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.read.split_once("\n\n") {
                let block = block.to_owned();
                self.read = rest.to_owned();
                return Some(block);
            }
            let chunk = timeout(TIMEOUT, self.response.chunk()).await;
            let chunk = chunk.expect("nothing is said").unwrap()?;
            self.read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event with its data; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            let block = self.block().await?;
            if block.starts_with(':') {
                continue;
            }
            let (event, data) = block.split_once('\n').unwrap();
            let event = event.strip_prefix("event: ").unwrap().to_owned();
            let data = data.strip_prefix("data:").unwrap();
            return Some((event, serde_json::from_str(data).unwrap_or_default()));
        }
    }

    /// Waits for a comment.
    pub(crate) async fn sign_of_life(&mut self) {
        while !self
            .block()
            .await
            .expect("the stream goes on")
            .starts_with(':')
        {}
    }
}

impl SignedIn<'_> {
    fn streaming(&self, document: &str) -> reqwest::RequestBuilder {
        let request = self.app.request(Method::POST, "/graphql/stream");
        request
            .json(&json!({ "query": queries::text(document) }))
            .header("accept", "text/event-stream")
            .bearer_auth(&self.access_token)
    }

    /// A stream of a document of `queries/`, subscribed when this returns.
    pub(crate) async fn stream(&self, document: &str) -> EventStream {
        self.app.caught_up().await;
        let response = self.streaming(document).send().await.unwrap();
        assert_eq!(response.status(), 200);
        EventStream::of(response)
    }

    /// The response in place of a stream.
    pub(crate) async fn stream_answer(&self, document: &str) -> Answer {
        Answer::of(self.streaming(document)).await
    }
}

impl TestApp {
    /// Publishes events to the subscribers of this instance.
    pub(crate) fn publish(&self, events: &[DomainEvent]) {
        self.app.event_bus.publish(events.into());
    }

    /// The domain events of all audit events.
    pub(crate) async fn audited(&self) -> Vec<DomainEvent> {
        let ids = self.ids("SELECT id FROM audit_events").await;
        let audited = |event| DomainEvent::Audited {
            event,
            subject: None,
        };
        ids.into_iter().map(|id| audited(id.into())).collect()
    }

    /// Repeats `action` until the metrics contain this text.
    pub(crate) async fn until(&self, line: &str, mut meanwhile: impl FnMut()) {
        let begun = Instant::now();
        while !self.app.metrics.render().contains(line) {
            assert!(begun.elapsed() < TIMEOUT, "{}", self.app.metrics.render());
            meanwhile();
            tokio::task::yield_now().await;
        }
    }
}

/// The id of a trusted document.
pub(crate) fn document_id(text: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(text)))
}
