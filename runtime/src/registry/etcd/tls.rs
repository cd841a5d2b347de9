//! TLS to etcd: whom we trust, and who we are.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
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
    ) -> Result<LastWords<TlsStream<TcpStream>>, Fault> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Fault::Distrusted(format!("{host} is no name that a certificate has")))?;
        let connected = self.0.connect(name, tcp).await;
        connected.map(LastWords::new).map_err(|error| {
            let cause = error
                .get_ref()
                .and_then(|cause| cause.downcast_ref::<rustls::Error>());
            if let Some(rustls::Error::InvalidCertificate(reason)) = cause {
                return Fault::Distrusted(format!(
                    "{authority} shows a certificate that `ca` does not vouch for: {reason}"
                ));
            }
            let what = error.to_string();
            refusal(authority, &what).unwrap_or_else(|| {
                Fault::Broken(format!("{authority} does not speak TLS as we do: {what}"))
            })
        })
    }
}

/// What it is if the server does not trust us. In TLS 1.3 it says so behind the handshake, to h2, which keeps of an error
/// of the socket no more than its text.
pub(super) fn refusal(authority: &str, what: &str) -> Option<Fault> {
    let (_, alert) = what.split_once("received fatal alert: ")?;
    Some(Fault::Distrusted(format!(
        "{authority} refuses us ({alert}): it may want a client certificate of its own authority, `cert` and `key`"
    )))
}

/// A stream that says, where it cannot be written, what the peer has said before it closed: why it refuses us.
#[derive(Debug)]
pub(super) struct LastWords<S> {
    stream: S,
    /// Why it cannot be written any more, until the last words are heard.
    failure: Option<io::Error>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> LastWords<S> {
    fn new(stream: S) -> Self {
        Self {
            stream,
            failure: None,
        }
    }

    fn write<T>(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.failure.is_none() {
            match write(Pin::new(&mut self.stream), context) {
                Poll::Ready(Err(error)) => self.failure = Some(error),
                written => return written,
            }
        }
        let mut space = [0; 256];
        let mut buffer = ReadBuf::new(&mut space);
        // The end of the connection is on its way, so that this is never waited for in vain.
        match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
            Poll::Ready(Err(words)) => Poll::Ready(Err(words)),
            Poll::Ready(Ok(())) => Poll::Ready(Err(self
                .failure
                .take()
                .unwrap_or_else(|| io::ErrorKind::BrokenPipe.into()))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LastWords<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for LastWords<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write(context, S::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
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
