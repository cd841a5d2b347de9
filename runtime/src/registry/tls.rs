//! TLS to the servers of a registry: whom we trust, and who we are.
//!
//! Knows the options of an address (`ca`, `cert`, `key`) and no registry.

use std::fmt;
use std::fs;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::error::{Error, ErrorKind};
use super::locator::{Endpoint, Locator};

/// The options of an address that say how to speak TLS: files in PEM with the certificates that are trusted, our own
/// certificate, and its key.
pub(super) const OPTIONS: [&str; 3] = ["ca", "cert", "key"];

/// How it begins if the two sides do not even understand each other; else one does not trust the other.
pub(super) const FOREIGN: &str = "it does not speak TLS as we do";

/// How to speak TLS. Shows nothing of itself.
#[derive(Clone)]
pub(super) struct Tls(TlsConnector);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// As the address says, if it wants TLS; `protocols` are offered to the server (ALPN).
    ///
    /// # Errors
    /// [`ErrorKind::Address`]: which option is missing, or names a file that cannot be used.
    pub(super) fn of(locator: &Locator, protocols: &[&[u8]]) -> Result<Option<Self>, Error> {
        let wrong = |message: String| Error::new(ErrorKind::Address, locator.to_string(), message);
        if !locator.tls() {
            return match OPTIONS.iter().find(|name| locator.option(name).is_some()) {
                Some(name) => Err(wrong(format!(
                    "`{name}` is for TLS: write `{}+tls://`",
                    locator.scheme()
                ))),
                None => Ok(None),
            };
        }
        config(locator, protocols)
            .map(|config| Some(Self(TlsConnector::from(Arc::new(config)))))
            .map_err(wrong)
    }

    /// Shakes hands with that server.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub(super) async fn connect(
        &self,
        server: &Endpoint,
        tcp: TcpStream,
    ) -> Result<TlsStream<TcpStream>, String> {
        let name = ServerName::try_from(server.host.clone())
            .map_err(|_| format!("{} is no name that a certificate has", server.host))?;
        self.0.connect(name, tcp).await.map_err(|error| {
            match error.get_ref().and_then(|cause| cause.downcast_ref()) {
                Some(rustls::Error::InvalidCertificate(reason)) => {
                    format!("it shows a certificate that `ca` does not vouch for: {reason}")
                }
                Some(rustls::Error::AlertReceived(alert)) => refuses_us(&format_args!("{alert:?}")),
                _ => format!("{FOREIGN}: {error}"),
            }
        })
    }
}

/// What is to be said of a server that ends a connection with this alert.
pub(super) fn refuses_us(alert: &dyn fmt::Display) -> String {
    format!("it refuses us ({alert}): it may want a certificate of ours, `cert` and `key`")
}

fn config(locator: &Locator, protocols: &[&[u8]]) -> Result<ClientConfig, String> {
    let Some(ca) = locator.option("ca") else {
        return Err(
            "TLS needs `?ca=FILE`: the certificates (PEM) that the servers' must be signed by"
                .into(),
        );
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates("ca", ca)? {
        roots
            .add(certificate)
            .map_err(|error| wrong("ca", ca, &error))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let mut config = match (locator.option("cert"), locator.option("key")) {
        (None, None) => builder.with_no_client_auth(),
        (Some(cert), Some(key)) => {
            let chain = certificates("cert", cert)?;
            let secret = PrivateKeyDer::from_pem_slice(&read("key", key)?)
                .map_err(|error| wrong("key", key, &error))?;
            builder
                .with_client_auth_cert(chain, secret)
                .map_err(|error| wrong("cert", cert, &error))?
        }
        _ => {
            return Err(
                "`cert` and `key` go together: the one is of no use without the other".into(),
            );
        }
    };
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(config)
}

fn certificates(option: &str, file: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read(option, file)?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(option, file, &error))?;
    if certificates.is_empty() {
        return Err(wrong(
            option,
            file,
            &"it holds no certificate (PEM is wanted)",
        ));
    }
    Ok(certificates)
}

fn read(option: &str, file: &str) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| wrong(option, file, &error))
}

fn wrong(option: &str, file: &str, error: &dyn fmt::Display) -> String {
    format!("`{option}={}`: {error}", file.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(address: &str) -> String {
        let locator = Locator::parse(address, 1, &OPTIONS).unwrap();
        Tls::of(&locator, &[]).unwrap_err().to_string()
    }

    #[test]
    fn options_that_do_not_fit_are_told() {
        insta::assert_snapshot!(refused("x+tls://h"), @"registry `x+tls://h:1/callsheet`: TLS needs `?ca=FILE`: the certificates (PEM) that the servers' must be signed by");
        insta::assert_snapshot!(refused("x://h?ca=a"), @"registry `x://h:1/callsheet`: `ca` is for TLS: write `x+tls://`");
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        fs::write(&empty, "nothing").unwrap();
        let error = refused(&format!("x+tls://h?ca={}", empty.display()));
        assert!(error.contains("it holds no certificate"), "{error}");
        let error = refused(&format!(
            "x+tls://h?ca={}",
            folder.path().join("none").display()
        ));
        assert!(error.contains("No such file"), "{error}");
    }

    #[test]
    fn an_address_without_tls_has_none() {
        let locator = Locator::parse("x://h", 1, &OPTIONS).unwrap();
        assert!(Tls::of(&locator, &[]).unwrap().is_none());
    }
}
