//! The writing half of a WebSocket.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use futures_util::SinkExt as _;
use futures_util::stream::SplitSink;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::close_reason::CloseReason;

/// Messages between the session and the writer.
pub(super) const CHANNEL_CAPACITY: usize = 4;

/// A command for the writer.
pub(super) enum Outgoing {
    /// Send this message.
    Message(Message),
    /// Send the pongs that the library has buffered.
    Flush,
}

/// Writes messages one by one until the client disconnects or a write times out.
pub(super) async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut outgoing: mpsc::Receiver<Outgoing>,
    limit: Duration,
) -> CloseReason {
    while let Some(next) = outgoing.recv().await {
        let written = async {
            match next {
                Outgoing::Message(message) => sink.send(message).await,
                Outgoing::Flush => sink.flush().await,
            }
        };
        match timeout(limit, written).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return CloseReason::Disconnected,
            Err(_) => return CloseReason::SlowConsumer,
        }
    }
    CloseReason::Disconnected
}
