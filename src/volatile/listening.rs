//! The one connection of an instance on which the server tells what others published.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::StreamExt as _;
use redis::aio::PubSub;
use tokio::time::timeout;

use super::server::Server;
use super::{Redis, Unavailable};
use crate::fault::unreachable::Reason;

/// How often a silent server is asked whether it is still there, and how long it may take: a
/// connection that broke without a word looks like one on which nothing happens.
const ARE_YOU_THERE: Duration = Duration::from_secs(10);

impl Redis {
    /// Hands over what is published, from when `connected` is called until the server is away.
    pub(super) async fn listen(
        &self,
        connected: impl FnOnce(),
        heard: impl FnMut(&[u8]),
    ) -> Unavailable {
        let subscribed = timeout(self.timeout, self.subscribe()).await;
        let listened = match subscribed {
            Ok(Ok(connection)) => {
                connected();
                hear(&self.server, connection, heard).await
            }
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(self.server.is_silent()),
        };
        match listened {
            Err(failure) => failure,
        }
    }

    async fn subscribe(&self) -> Result<PubSub, Unavailable> {
        let connection = self.client.get_async_pubsub().await;
        let mut connection = connection.map_err(|error| self.server.failed(&error))?;
        let subscribed = connection.subscribe(self.channel()).await;
        subscribed.map_err(|error| self.server.failed(&error))?;
        Ok(connection)
    }
}

async fn hear(
    server: &Server,
    connection: PubSub,
    mut heard: impl FnMut(&[u8]),
) -> Result<Infallible, Unavailable> {
    let (mut questions, mut messages) = connection.split();
    loop {
        match timeout(ARE_YOU_THERE, messages.next()).await {
            Ok(Some(message)) => heard(message.get_payload_bytes()),
            Ok(None) => return Err(server.because(Reason::Closed)),
            Err(_) => {
                let answer = timeout(ARE_YOU_THERE, questions.ping::<redis::Value>()).await;
                let silent = |_| server.because(Reason::NoAnswer(ARE_YOU_THERE));
                answer
                    .map_err(silent)?
                    .map_err(|error| server.failed(&error))?;
            }
        }
    }
}
