//! Counting the commands that an instance sends to Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::TestApp;

/// Counts the commands about the keys of one test, as the server sees them.
pub(crate) struct CommandCounter {
    client: redis::Client,
    prefix: String,
    counted: Arc<AtomicU64>,
    /// The last mark that the server was seen to receive.
    marks: watch::Receiver<u64>,
    next_mark: AtomicU64,
    _reader: JoinSet<()>,
}

impl CommandCounter {
    /// Starts to count; `None` where no Redis is used.
    pub(crate) async fn of(app: &TestApp) -> Option<Self> {
        let (url, prefix) = app.backend.redis()?;
        let prefix = format!("{{{prefix}}}");
        let client = redis::Client::open(url).unwrap();
        let monitor = client.get_async_monitor().await.unwrap();
        let mut seen = monitor.into_on_message::<String>();
        let counted = Arc::new(AtomicU64::new(0));
        let (marked, marks) = watch::channel(0);
        let (total, own) = (Arc::clone(&counted), prefix.clone());
        let mut reader = JoinSet::new();
        reader.spawn(async move {
            let mut client = String::new();
            while let Some(line) = seen.next().await {
                match read(&line, &own) {
                    Line::Command => {
                        total.fetch_add(1, Ordering::SeqCst);
                        client = client_of(&line).to_owned();
                    }
                    // The server did not know a script yet, and is asked again with its text.
                    Line::Script if client_of(&line) == client => {
                        total.fetch_sub(1, Ordering::SeqCst);
                    }
                    Line::Mark(number) => drop(marked.send(number)),
                    Line::Script | Line::Other => {}
                }
            }
        });
        Some(Self {
            client,
            prefix,
            counted,
            marks,
            next_mark: AtomicU64::new(1),
            _reader: reader,
        })
    }

    /// How many commands the server has received until now.
    pub(crate) async fn counted(&self) -> u64 {
        let number = self.next_mark.fetch_add(1, Ordering::SeqCst);
        let mut connection = self
            .client
            .get_multiplexed_async_connection()
            .await
            .unwrap();
        let mark = format!("{}:mark:{number}", self.prefix);
        let () = redis::cmd("ECHO")
            .arg(mark)
            .query_async(&mut connection)
            .await
            .unwrap();
        let mut marks = self.marks.clone();
        marks.wait_for(|seen| *seen >= number).await.unwrap();
        self.counted.load(Ordering::SeqCst)
    }
}

enum Line {
    /// A command about a key of this test.
    Command,
    /// A script is loaded, by any test.
    Script,
    /// All commands before this one were seen.
    Mark(u64),
    /// Of another test, a command that a script runs, or an event on its way to other instances.
    Other,
}

fn read(line: &str, prefix: &str) -> Line {
    let Some((_, after)) = line.split_once(prefix) else {
        let is_script = line.to_lowercase().contains("] \"script\" \"load\"");
        return if is_script { Line::Script } else { Line::Other };
    };
    if let Some(number) = after.strip_prefix(":mark:") {
        let digits = number.split('"').next();
        return Line::Mark(digits.unwrap().parse().unwrap());
    }
    let is_of_script = line.contains(" lua] ");
    if is_of_script || after.starts_with(":events") {
        return Line::Other;
    }
    Line::Command
}

/// The address in a line such as `1339518083.107412 [0 127.0.0.1:60866] "ping"`.
fn client_of(line: &str) -> &str {
    line.split([' ', ']']).nth(2).unwrap_or_default()
}
