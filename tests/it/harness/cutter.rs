//! A wire to Postgres that breaks at a word.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// When the wire breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The server never sees the word.
    BeforeItArrives,
    /// The server has done it; its answer is lost.
    BeforeItsAnswer,
}

/// What the next connection that says it breaks at.
type Armed = Arc<Mutex<Option<(&'static str, Moment)>>>;

/// The wire.
pub(crate) struct Cutter {
    url: String,
    armed: Armed,
    _listening: JoinSet<()>,
}

impl Cutter {
    /// A wire to the server of a URL.
    pub(crate) async fn before(url: &str) -> Self {
        let mut url = url::Url::parse(url).unwrap();
        let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let armed = Armed::default();
        let mut listening = JoinSet::new();
        let rule = Arc::clone(&armed);
        listening.spawn(async move {
            let mut carrying = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                carrying.spawn(carry(client, server.clone(), Arc::clone(&rule)));
            }
        });
        url.set_ip_host(address.ip()).unwrap();
        url.set_port(Some(address.port())).unwrap();
        Self {
            url: url.to_string(),
            armed,
            _listening: listening,
        }
    }

    /// The database over this wire.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Breaks the next connection that says this word.
    pub(crate) fn arm(&self, word: &'static str, moment: Moment) {
        *self.armed.lock().unwrap() = Some((word, moment));
    }

    /// Whether the trigger has not been seen yet.
    pub(crate) fn is_armed(&self) -> bool {
        self.armed.lock().unwrap().is_some()
    }
}

/// The moment at which to break, if these bytes have the word.
fn broken_by(bytes: &[u8], armed: &Armed) -> Option<Moment> {
    let mut armed = armed.lock().unwrap();
    let (word, moment) = (*armed)?;
    let is_said = bytes
        .windows(word.len())
        .any(|part| part == word.as_bytes());
    is_said.then(|| {
        *armed = None;
        moment
    })
}

async fn carry(mut client: TcpStream, server: String, armed: Armed) {
    let mut server = TcpStream::connect(server).await.unwrap();
    let (mut said, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut said) => {
                let Ok(count @ 1..) = read else { return };
                match broken_by(&said[..count], &armed) {
                    Some(Moment::BeforeItArrives) => return,
                    broken => {
                        if server.write_all(&said[..count]).await.is_err() {
                            return;
                        }
                        if broken.is_some() {
                            // The answer shows that it is done.
                            let _ = server.read(&mut answered).await;
                            return;
                        }
                    }
                }
            }
            read = server.read(&mut answered) => {
                let Ok(count @ 1..) = read else { return };
                if client.write_all(&answered[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}
