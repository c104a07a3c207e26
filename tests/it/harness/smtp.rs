//! A mail server on the loopback that accepts mail, or fails in every way on request.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A self-signed certificate for `localhost`; its key is used nowhere else.
const SELF_SIGNED: &[u8] = include_bytes!("self_signed.pem");

/// What the server does with mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SmtpBehaviour {
    /// Accepts it.
    Normal,
    /// Accepts it, but only behind STARTTLS, with a self-signed certificate.
    SelfSigned,
    /// Answers every recipient with this.
    RejectsRecipient(&'static str),
    /// Answers every sign-in with this.
    RejectsLogin(&'static str),
    /// Closes connections at once.
    Down,
    /// Accepts the mail and never replies.
    NoReply,
    /// The same, but only to this recipient, and only until the server behaves in another way: then it
    /// closes the connection.
    NoReplyTo(&'static str),
    /// Accepts the mail and closes the connection instead of replying.
    ClosesInsteadOfReply,
}

/// An accepted mail.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    /// The recipient, from the envelope.
    pub(crate) to: String,
    /// Header and body.
    pub(crate) text: String,
    /// User name and password of the connection.
    pub(crate) login: Option<(String, String)>,
}

impl Mail {
    /// The value of a header; empty when it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        let (head, _) = self.text.split_once("\r\n\r\n").unwrap();
        let line = head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_default()
    }
}

struct Shared {
    behaviour: watch::Sender<SmtpBehaviour>,
    mails: Mutex<Vec<Mail>>,
    /// Every line that came in clear text.
    plaintext: Mutex<Vec<String>>,
    tls: TlsAcceptor,
}

/// The running server.
pub(crate) struct SmtpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    _listening: JoinSet<()>,
}

impl SmtpServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            behaviour: watch::Sender::new(SmtpBehaviour::Normal),
            mails: Mutex::default(),
            plaintext: Mutex::default(),
            tls: acceptor(),
        });
        let mut listening = JoinSet::new();
        let state = Arc::clone(&shared);
        listening.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let state = Arc::clone(&state);
                connections.spawn(async move {
                    // A client that leaves in the middle is part of the tests.
                    let _ = serve(stream, &state).await;
                });
            }
        });
        Self {
            address,
            shared,
            _listening: listening,
        }
    }

    /// The address as `smtp.url` takes it, with credentials and this query.
    pub(crate) fn url(&self, query: &str) -> String {
        format!("smtp://idgate:p%40ss@{}{query}", self.address)
    }

    pub(crate) fn behave(&self, behaviour: SmtpBehaviour) {
        self.shared.behaviour.send_replace(behaviour);
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.shared.mails.lock().unwrap().clone()
    }

    /// Every line that came in clear text.
    pub(crate) fn plaintext(&self) -> Vec<String> {
        self.shared.plaintext.lock().unwrap().clone()
    }
}

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(SELF_SIGNED).unwrap();
    let key = PrivateKeyDer::from_pem_slice(SELF_SIGNED).unwrap();
    let provider = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider();
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let behaviour = *shared.behaviour.borrow();
    if behaviour == SmtpBehaviour::Down {
        return Ok(());
    }
    let mut session = Session::new(stream, shared);
    session.say("220 sink.test ESMTP").await?;
    if !session
        .converse(behaviour == SmtpBehaviour::SelfSigned)
        .await?
    {
        return Ok(());
    }
    let stream = shared.tls.accept(session.stream.into_inner()).await?;
    Session::new(stream, shared).converse(false).await?;
    Ok(())
}

/// One conversation, in clear text or behind TLS.
struct Session<'a, S> {
    stream: BufReader<S>,
    shared: &'a Shared,
    to: String,
    login: Option<(String, String)>,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Session<'a, S> {
    fn new(stream: S, shared: &'a Shared) -> Self {
        Self {
            stream: BufReader::new(stream),
            shared,
            to: String::new(),
            login: None,
        }
    }

    async fn say(&mut self, line: &str) -> std::io::Result<()> {
        self.stream
            .write_all(format!("{line}\r\n").as_bytes())
            .await?;
        self.stream.flush().await
    }

    async fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line)
    }

    /// Talks until the client leaves; `true` means that it wants TLS now.
    async fn converse(&mut self, offers_tls: bool) -> std::io::Result<bool> {
        loop {
            let line = self.line().await?;
            let line = line.trim_end();
            self.shared.plaintext.lock().unwrap().push(line.to_owned());
            let behaviour = *self.shared.behaviour.borrow();
            let word = line.split([' ', ':']).next().unwrap().to_ascii_uppercase();
            match (word.as_str(), behaviour) {
                ("EHLO", _) => {
                    let tls = if offers_tls { "250-STARTTLS\r\n" } else { "" };
                    let offer = format!("250-sink.test\r\n{tls}250-8BITMIME\r\n250 AUTH PLAIN");
                    self.say(&offer).await?;
                }
                ("STARTTLS", _) => {
                    self.say("220 go ahead").await?;
                    return Ok(true);
                }
                ("AUTH", SmtpBehaviour::RejectsLogin(reply))
                | ("RCPT", SmtpBehaviour::RejectsRecipient(reply)) => {
                    self.say(reply).await?;
                }
                ("AUTH", _) => {
                    self.login = Some(plain_login(line));
                    self.say("235 welcome").await?;
                }
                ("RCPT", _) => {
                    let (_, rest) = line.split_once('<').unwrap();
                    rest.split('>').next().unwrap().clone_into(&mut self.to);
                    self.say("250 ok").await?;
                }
                ("DATA", _) => {
                    self.say("354 go ahead").await?;
                    self.take().await?;
                    match behaviour {
                        SmtpBehaviour::ClosesInsteadOfReply => return Ok(false),
                        SmtpBehaviour::NoReply => std::future::pending().await,
                        SmtpBehaviour::NoReplyTo(to) if to == self.to => {
                            let mut now = self.shared.behaviour.subscribe();
                            now.wait_for(|now| *now != behaviour).await.unwrap();
                            return Ok(false);
                        }
                        _ => self.say("250 taken").await?,
                    }
                }
                ("QUIT", _) => {
                    self.say("221 bye").await?;
                    return Ok(false);
                }
                _ => self.say("250 ok").await?,
            }
        }
    }

    async fn take(&mut self) -> std::io::Result<()> {
        let mut text = String::new();
        loop {
            let line = self.line().await?;
            if line == ".\r\n" {
                break;
            }
            text += &line;
        }
        let mail = Mail {
            to: self.to.clone(),
            text,
            login: self.login.clone(),
        };
        self.shared.mails.lock().unwrap().push(mail);
        Ok(())
    }
}

/// User name and password of `AUTH PLAIN` (RFC 4616).
fn plain_login(line: &str) -> (String, String) {
    let encoded = line.rsplit(' ').next().unwrap();
    let decoded = String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap();
    let mut parts = decoded.split('\0').skip(1).map(str::to_owned);
    (parts.next().unwrap(), parts.next().unwrap())
}
