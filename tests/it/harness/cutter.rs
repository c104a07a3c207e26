//! A TCP proxy to Postgres that breaks at a given statement.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// When the connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before the server sees the statement.
    BeforeItArrives,
    /// After the server has executed it; the response is lost.
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
    /// A proxy to the server of a URL.
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

    /// The database URL through this proxy.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Breaks the next connection that sends this word.
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
    let (mut request, mut response) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut request) => {
                let Ok(count @ 1..) = read else { return };
                match broken_by(&request[..count], &armed) {
                    Some(Moment::BeforeItArrives) => return,
                    broken => {
                        if server.write_all(&request[..count]).await.is_err() {
                            return;
                        }
                        if broken.is_some() {
                            // The response shows that it was executed.
                            let _ = server.read(&mut response).await;
                            return;
                        }
                    }
                }
            }
            read = server.read(&mut response) => {
                let Ok(count @ 1..) = read else { return };
                if client.write_all(&response[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}
