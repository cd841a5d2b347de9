//! TLS to etcd: whom we trust, and who we are.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::fault::Fault;

/// How to speak TLS.
#[derive(Clone)]
pub(super) struct Tls(TlsConnector);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Trusts the certificates in the file `ca`, and shows the one in `identity` (certificate, key) to those who ask.
    ///
    /// # Errors
    /// A file that cannot be used, and which.
    pub(super) fn new(ca: &Path, identity: Option<(&Path, &Path)>) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates("ca", ca)? {
            roots
                .add(certificate)
                .map_err(|error| wrong("ca", ca, &error))?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots);
        let mut config = match identity {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates("cert", certificate)?;
                let secret = PrivateKeyDer::from_pem_slice(&read("key", key)?)
                    .map_err(|error| wrong("key", key, &error))?;
                config
                    .with_client_auth_cert(chain, secret)
                    .map_err(|error| wrong("cert", certificate, &error))?
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Shakes hands with the server that should be `host`.
    pub(super) async fn connect(
        &self,
        host: &str,
        authority: &str,
        tcp: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Fault> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Fault::Distrusted(format!("{host} is no name that a certificate has")))?;
        self.0.connect(name, tcp).await.map_err(|error| {
            distrust(authority, &error).unwrap_or_else(|| {
                Fault::Broken(format!("{authority} does not speak TLS as we do: {error}"))
            })
        })
    }
}

/// What it is if one side does not trust the other: the server may say so only when it is spoken to.
pub(super) fn distrust(authority: &str, error: &io::Error) -> Option<Fault> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(reason) => Some(Fault::Distrusted(format!(
            "{authority} shows a certificate that `ca` does not vouch for: {reason}"
        ))),
        rustls::Error::AlertReceived(alert) => Some(Fault::Distrusted(format!(
            "{authority} refuses us ({alert:?}): it may want a client certificate of its own authority, `cert` and `key`"
        ))),
        _ => None,
    }
}

fn certificates(option: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read(option, file)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(wrong(
            option,
            file,
            &"there is no certificate in it (PEM is wanted)",
        )),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(wrong(option, file, &error)),
    }
}

fn read(option: &str, file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| wrong(option, file, &error))
}

fn wrong(option: &str, file: &Path, error: &dyn fmt::Display) -> String {
    format!("`{option}={}`: {error}", file.display())
}
