//! Mutual TLS on the router's listener.
//!
//! The other listeners speak plain HTTP: a proxy in front of them terminates TLS.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::config::{Router, RouterCertificates};

/// A certificate or key file that cannot be used, with its setting.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct TlsError {
    key: &'static str,
    reason: String,
}

/// Accepts TLS connections with a client certificate of the configured authorities.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// Loads the configured files; `None` if none are configured.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or files that do not fit together.
    pub fn load(router: &Router) -> Result<Option<Self>, TlsError> {
        router.certificates().map(Self::read).transpose()
    }

    fn read(files: RouterCertificates<'_>) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut authorities = RootCertStore::empty();
        for authority in certificates("router.client_ca_file", files.client_ca)? {
            let added = authorities.add(authority);
            added.map_err(cannot_use("router.client_ca_file", files.client_ca))?;
        }
        let verifier =
            WebPkiClientVerifier::builder_with_provider(authorities.into(), Arc::clone(&provider))
                .build()
                .map_err(cannot_use("router.client_ca_file", files.client_ca))?;
        let chain = certificates("router.certificate_file", files.certificate)?;
        let key = PrivateKeyDer::from_pem_file(files.key)
            .map_err(cannot_use("router.key_file", files.key))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(cannot_use("router.certificate_file", files.certificate))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(cannot_use("router.key_file", files.key))?;
        // No resumption: it would skip the certificate, which may have expired since.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// The server side of the handshake; fails without a valid client certificate.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.0.accept(stream).await
    }
}

fn certificates(key: &'static str, file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(cannot_use(key, file))?;
    if certificates.is_empty() {
        return Err(cannot_use(key, file)("it holds no certificate"));
    }
    Ok(certificates)
}

/// The error messages of the library never contain the contents of a file.
fn cannot_use<E: std::fmt::Display>(key: &'static str, file: &Path) -> impl FnOnce(E) -> TlsError {
    move |error| TlsError {
        key,
        reason: format!(
            "{} cannot be used: {error}; name a PEM file that can be read and fits the others",
            file.display()
        ),
    }
}
