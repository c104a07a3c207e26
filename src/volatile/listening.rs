//! The Pub/Sub connection of an instance.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::StreamExt as _;
use redis::aio::PubSub;
use tokio::time::timeout;

use super::server::Server;
use super::{Redis, Unavailable};
use crate::fault::unreachable::Reason;

/// The interval and timeout of pings on a silent connection: a half-open connection looks like an
/// idle one.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

impl Redis {
    /// Calls `received` for each message, from the call of `connected` until the connection fails.
    pub(super) async fn listen(
        &self,
        connected: impl FnOnce(),
        received: impl FnMut(&[u8]),
    ) -> Unavailable {
        let subscribed = timeout(self.timeout, self.subscribe()).await;
        let listened = match subscribed {
            Ok(Ok(connection)) => {
                connected();
                receive(&self.server, connection, received).await
            }
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(self.server.timed_out()),
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

async fn receive(
    server: &Server,
    connection: PubSub,
    mut received: impl FnMut(&[u8]),
) -> Result<Infallible, Unavailable> {
    let (mut commands, mut messages) = connection.split();
    loop {
        match timeout(KEEP_ALIVE, messages.next()).await {
            Ok(Some(message)) => received(message.get_payload_bytes()),
            Ok(None) => return Err(server.because(Reason::Closed)),
            Err(_) => {
                let answer = timeout(KEEP_ALIVE, commands.ping::<redis::Value>()).await;
                let silent = |_| server.because(Reason::NoAnswer(KEEP_ALIVE));
                answer
                    .map_err(silent)?
                    .map_err(|error| server.failed(&error))?;
            }
        }
    }
}
