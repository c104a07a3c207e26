//! TLS on the router's listener, which asks the router for a certificate of its own.
//!
//! Other listeners speak plain HTTP: TLS in front of them is for a proxy.

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

/// Files that do not make TLS, with the setting that names them.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct TlsError {
    key: &'static str,
    reason: String,
}

/// Speaks TLS with those who show a certificate of the configured authorities.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files that the configuration names; `None` where it names none.
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
            added.map_err(refusing("router.client_ca_file", files.client_ca))?;
        }
        let verifier =
            WebPkiClientVerifier::builder_with_provider(authorities.into(), Arc::clone(&provider))
                .build()
                .map_err(refusing("router.client_ca_file", files.client_ca))?;
        let chain = certificates("router.certificate_file", files.certificate)?;
        let key = PrivateKeyDer::from_pem_file(files.key)
            .map_err(refusing("router.key_file", files.key))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(refusing("router.certificate_file", files.certificate))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(refusing("router.key_file", files.key))?;
        // Who resumes a session shows no certificate again, also when it has expired meanwhile.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Begins a connection; whoever shows no good certificate gets none.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.0.accept(stream).await
    }
}

fn certificates(key: &'static str, file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(refusing(key, file))?;
    if certificates.is_empty() {
        return Err(refusing(key, file)("it holds no certificate"));
    }
    Ok(certificates)
}

/// What the library says about a file never holds any of its contents.
fn refusing<E: std::fmt::Display>(key: &'static str, file: &Path) -> impl FnOnce(E) -> TlsError {
    move |error| TlsError {
        key,
        reason: format!(
            "{} cannot be used: {error}; name a PEM file that can be read and fits the others",
            file.display()
        ),
    }
}
