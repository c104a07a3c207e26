//! A TCP proxy between the gateway and a server, which a test can cut and restore.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The wire.
pub(crate) struct Relay {
    address: SocketAddr,
    whole: watch::Sender<bool>,
    _listening: JoinSet<()>,
}

impl Relay {
    /// A proxy to the server of a URL.
    pub(crate) async fn to(url: &str) -> Self {
        let url = url::Url::parse(url).unwrap();
        let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(6379));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let whole = watch::Sender::new(true);
        let mut listening = JoinSet::new();
        let state = whole.subscribe();
        listening.spawn(async move {
            let mut carrying = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                carrying.spawn(carry(client, server.clone(), state.clone()));
            }
        });
        Self {
            address,
            whole,
            _listening: listening,
        }
    }

    /// The same URL, through this proxy.
    pub(crate) fn through(&self, url: &str) -> String {
        let mut url = url::Url::parse(url).unwrap();
        url.set_ip_host(self.address.ip()).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        url.to_string()
    }

    /// Closes every connection and accepts no new one, or accepts them again.
    pub(crate) fn set_whole(&self, whole: bool) {
        self.whole.send_replace(whole);
    }
}

async fn carry(mut client: TcpStream, server: String, mut whole: watch::Receiver<bool>) {
    if !*whole.borrow() {
        return;
    }
    let mut server = TcpStream::connect(server).await.unwrap();
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = whole.wait_for(|whole| !whole) => {}
    }
}
