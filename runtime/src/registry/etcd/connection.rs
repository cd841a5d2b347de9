//! One HTTP/2 connection to one endpoint: calls and streams over it, and proof that somebody is there.
//!
//! Knows gRPC and no registry.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Ping, PingPong, RecvStream, SendStream};
use http::{HeaderValue, Request, Version};
use prost::Message as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::super::Endpoint;
use super::super::tls::{FOREIGN, Tls};
use super::api::Call;
use super::fault::Fault;
use super::grpc::{Deframer, GrpcStatus, Piece, code, frame, shown};
use super::refusal::{LastWords, refusal};

/// How long an endpoint may take to let us in: time for one lost packet, short enough to try the next one.
const HANDSHAKE: Duration = Duration::from_secs(2);

/// How long a PING or a request may take. A healthy etcd answers within milliseconds, and elects a leader within two
/// seconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// How long the peer may be quiet until it is asked for a sign of life: longer than the beats of a watch are apart.
const QUIET: Duration = Duration::from_millis(2_500);

/// How often it is looked whether it is.
const LOOK: Duration = Duration::from_millis(500);

/// The largest message we hold. Some thousand records of the usual size; what has larger ones is read in smaller pages.
pub(super) const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// How much a stream may send ahead: a page in one go.
const WINDOW: u32 = 1024 * 1024;

/// How much all streams may.
const ALL_WINDOWS: u32 = 8 * 1024 * 1024;

/// A server that is told to try again by itself must not be asked to answer without a leader.
const REQUIRE_LEADER: &str = "hasleader";

/// A connection that is open, or was. Its driver ends when the last handle and stream is gone, or the peer is silent.
#[derive(Debug)]
pub(super) struct Connection {
    requests: SendRequest<Bytes>,
    /// Scheme and authority.
    origin: String,
    heard: Arc<AtomicU64>,
    closed: Arc<AtomicBool>,
}

impl Connection {
    /// Opens a connection, and waits until the peer has answered over it: a process that is stopped accepts
    /// connections, too.
    pub(super) async fn open(endpoint: &Endpoint, tls: Option<&Tls>) -> Result<Self, Fault> {
        let authority = endpoint.to_string();
        let opened = timeout(HANDSHAKE, async {
            let tcp = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await;
            let tcp = tcp
                .and_then(|tcp| tcp.set_nodelay(true).map(|()| tcp))
                .map_err(|error| {
                    Fault::Broken(format!("{authority} cannot be reached: {error}"))
                })?;
            match tls {
                None => Self::start(tcp, format!("http://{authority}")).await,
                Some(tls) => {
                    let secure = tls.connect(endpoint, tcp).await.map_err(|what| {
                        let told = format!("{authority}: {what}");
                        if what.starts_with(FOREIGN) {
                            Fault::Broken(told)
                        } else {
                            Fault::Distrusted(told)
                        }
                    })?;
                    Self::start(LastWords::new(secure), format!("https://{authority}")).await
                }
            }
        });
        opened.await.unwrap_or_else(|_| {
            let what = format!("{authority} does not answer within {HANDSHAKE:?}");
            Err(Fault::Late(what))
        })
    }

    async fn start<S>(socket: S, origin: String) -> Result<Self, Fault>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let broken = |error: h2::Error| {
            let what = error.to_string();
            refusal(&origin, &what)
                .unwrap_or_else(|| Fault::Broken(format!("{origin} does not speak HTTP/2: {what}")))
        };
        let (requests, mut connection) = Builder::new()
            .initial_window_size(WINDOW)
            .initial_connection_window_size(ALL_WINDOWS)
            .enable_push(false)
            .handshake::<_, Bytes>(socket)
            .await
            .map_err(broken)?;
        let Some(mut pings) = connection.ping_pong() else {
            return Err(Fault::Broken(format!("{origin} cannot be pinged")));
        };
        tokio::select! {
            ended = &mut connection => {
                return Err(match ended {
                    Err(error) => broken(error),
                    Ok(()) => Fault::Broken(format!("{origin} closed the connection")),
                });
            }
            answered = pings.ping(Ping::opaque()) => {
                answered.map_err(broken)?;
            }
        }
        let heard = Arc::new(AtomicU64::new(0));
        let closed = Arc::new(AtomicBool::new(false));
        let opened = Self {
            requests,
            origin,
            heard: Arc::clone(&heard),
            closed: Arc::clone(&closed),
        };
        tokio::spawn(async move {
            let end = Closed(closed);
            tokio::select! {
                // Whoever waits for an answer learns of the failure.
                _ = connection => {}
                () = silence(pings, &heard) => {}
            }
            drop(end);
        });
        Ok(opened)
    }

    /// Whether nothing can come over it any more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// One request, one answer.
    pub(super) async fn call<C: Call>(
        &self,
        request: &C,
        token: Option<&HeaderValue>,
    ) -> Result<C::Answer, Fault> {
        let answered = timeout(PATIENCE, async {
            let mut stream = self.stream(C::PATH, token).await?;
            stream.send(frame(request), true)?;
            let Some(message) = stream.next().await? else {
                return Err(self.broken("it answers with nothing"));
            };
            let answer = C::Answer::decode(message)
                .map_err(|error| self.broken(format!("its answer is not etcd's: {error}")))?;
            // A failure may follow.
            while stream.next().await?.is_some() {}
            Ok(answer)
        });
        answered.await.unwrap_or_else(|_| {
            let what = format!("{} does not answer within {PATIENCE:?}", self.origin);
            Err(Fault::Late(what))
        })
    }

    /// A stream in both directions.
    pub(super) async fn stream(
        &self,
        path: &str,
        token: Option<&HeaderValue>,
    ) -> Result<Stream, Fault> {
        let mut request = Request::post(format!("{}{path}", self.origin))
            .version(Version::HTTP_2)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header(
                "user-agent",
                concat!("callsheet/", env!("CARGO_PKG_VERSION")),
            )
            .header(REQUIRE_LEADER, "true");
        if let Some(token) = token {
            request = request.header("token", token.clone());
        }
        let request = request.body(()).map_err(|error| self.broken(error))?;
        let mut requests = self.requests.clone();
        poll_fn(|context| requests.poll_ready(context))
            .await
            .map_err(|error| self.broken(error))?;
        let (response, sending) = requests
            .send_request(request, false)
            .map_err(|error| self.broken(error))?;
        Ok(Stream {
            origin: self.origin.clone(),
            sending,
            response,
            receiving: None,
            deframer: Deframer::new(MAX_MESSAGE),
            heard: Arc::clone(&self.heard),
        })
    }

    fn broken(&self, what: impl std::fmt::Display) -> Fault {
        Fault::Broken(format!("{}: {what}", self.origin))
    }
}

/// Says that the connection is closed, however its driver ends.
struct Closed(Arc<AtomicBool>);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Ends when the peer is quiet and does not answer a PING.
///
/// etcd closes connections of those who ping too often: more than once in 5 s with an open stream, or in 2 h without
/// one. But each message that it sends pays for one more PING (gRPC proposal A8), so we ping once per silence; who waits
/// for an answer behind that has a deadline of its own.
async fn silence(mut pings: PingPong, heard: &AtomicU64) {
    let mut counted = heard.load(Ordering::Relaxed);
    let mut last = Instant::now();
    let mut paid = false;
    loop {
        sleep(LOOK).await;
        let now = heard.load(Ordering::Relaxed);
        if std::mem::replace(&mut counted, now) != now {
            last = Instant::now();
            paid = true;
        } else if paid && last.elapsed() >= QUIET {
            paid = false;
            let answered = timeout(PATIENCE, pings.ping(Ping::opaque())).await;
            if !matches!(answered, Ok(Ok(_))) {
                return;
            }
        }
    }
}

/// Messages in both directions. Dropping it cancels it.
#[derive(Debug)]
pub(super) struct Stream {
    origin: String,
    sending: SendStream<Bytes>,
    response: ResponseFuture,
    receiving: Option<RecvStream>,
    deframer: Deframer,
    heard: Arc<AtomicU64>,
}

impl Stream {
    /// Sends one framed message; `last` closes this direction.
    pub(super) fn send(&mut self, framed: Bytes, last: bool) -> Result<(), Fault> {
        let sent = self.sending.send_data(framed, last);
        sent.map_err(|error| self.broken(error))
    }

    /// The next message; `None` at a good end. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            match self.deframer.next() {
                Some(Piece::Message(message)) => return Ok(Some(message)),
                Some(Piece::TooLarge(bytes)) => return Err(Fault::TooLarge(bytes)),
                Some(Piece::Compressed) => return Err(self.broken("its answer is compressed")),
                None => {}
            }
            let Some(receiving) = &mut self.receiving else {
                if let Some(end) = self.head().await? {
                    return end;
                }
                continue;
            };
            let data = receiving.data().await;
            self.heard.fetch_add(1, Ordering::Relaxed);
            match data {
                Some(Ok(bytes)) => {
                    // Fails only on a stream that is gone, which the next read tells.
                    drop(receiving.flow_control().release_capacity(bytes.len()));
                    self.deframer.push(bytes);
                }
                Some(Err(error)) => return Err(self.broken(error)),
                None => {
                    let trailers = receiving.trailers().await;
                    let trailers = trailers.map_err(|error| self.broken(error))?;
                    let status = trailers.as_ref().and_then(GrpcStatus::of);
                    return self.end(status);
                }
            }
        }
    }

    /// Waits for the head of the response. It is the end, too, where the server has nothing but a status to say.
    async fn head(&mut self) -> Result<Option<Result<Option<Bytes>, Fault>>, Fault> {
        let response = (&mut self.response).await;
        self.heard.fetch_add(1, Ordering::Relaxed);
        let response = response.map_err(|error| self.broken(error))?;
        if response.status() != http::StatusCode::OK {
            let what = format!("HTTP status {}: is it etcd?", response.status());
            return Err(self.broken(what));
        }
        if let Some(status) = GrpcStatus::of(response.headers()) {
            return Ok(Some(self.end(Some(status))));
        }
        self.receiving = Some(response.into_body());
        Ok(None)
    }

    fn end(&self, status: Option<GrpcStatus>) -> Result<Option<Bytes>, Fault> {
        match status {
            Some(status) if status.code == code::OK => Ok(None),
            Some(status) => Err(Fault::Status(status)),
            None => Err(self.broken("it ends without a status")),
        }
    }

    fn broken(&self, what: impl std::fmt::Display) -> Fault {
        Fault::Broken(format!("{}: {}", self.origin, shown(&what.to_string())))
    }
}
