//! The members of one etcd as their clients use them: one connection to one of them, the next one when that fails, and
//! a token that is asked for again when it has run out.
//!
//! Knows nothing of what the keys mean.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;
use tokio::sync::Mutex;

use super::super::tls::Tls;
use super::super::{Endpoint, Error};
use super::api::{Authenticate, Call};
use super::connection::{Connection, Stream};
use super::fault::Fault;
use super::grpc::code;

/// A user and a password. Has no `Debug`.
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: String,
}

/// All that is known of one etcd.
pub(super) struct Cluster {
    /// The address without secrets.
    address: String,
    /// Before every key of ours: `shop/`.
    root: String,
    endpoints: Vec<Endpoint>,
    tls: Option<Tls>,
    login: Option<Login>,
    /// Held while a connection is made, so that many who need one make one.
    state: Mutex<State>,
    /// Counts the tours over all endpoints that failed.
    failures: AtomicU64,
}

/// What a request is let in with; nothing where nothing is needed.
type Token = Option<HeaderValue>;

struct State {
    connection: Option<Arc<Connection>>,
    /// `None` until it has been asked for.
    token: Option<Token>,
    /// Which endpoint is tried first.
    next: usize,
    failure: Option<Fault>,
}

/// What a request goes out with.
struct Line {
    connection: Arc<Connection>,
    token: Token,
}

impl Cluster {
    /// The endpoints are tried one after another, from the one that `seed` decides, so that clients spread.
    pub(super) fn new(
        address: String,
        root: String,
        endpoints: Vec<Endpoint>,
        tls: Option<Tls>,
        login: Option<Login>,
        seed: u64,
    ) -> Self {
        let next = crate::random::scale(crate::random::mix(seed), endpoints.len());
        Self {
            address,
            root,
            endpoints,
            tls,
            login,
            state: Mutex::new(State {
                connection: None,
                token: None,
                next,
                failure: None,
            }),
            failures: AtomicU64::new(0),
        }
    }

    /// The address without secrets.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// What a failure means to a user of the registry.
    pub(super) fn error(&self, fault: Fault) -> Error {
        fault.error(&self.address, &self.root)
    }

    /// One request that may be made twice, and its answer: where one endpoint fails, another is tried, once.
    pub(super) async fn call<C: Call>(&self, request: &C) -> Result<C::Answer, Fault> {
        self.attempt(request, true).await
    }

    /// One request that is made at most once, as far as the servers see.
    pub(super) async fn call_once<C: Call>(&self, request: &C) -> Result<C::Answer, Fault> {
        self.attempt(request, false).await
    }

    async fn attempt<C: Call>(&self, request: &C, mut again: bool) -> Result<C::Answer, Fault> {
        let mut renewed = false;
        let mut line = self.line(None).await?;
        loop {
            let fault = match line.connection.call(request, line.token.as_ref()).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            if fault.wants_token() && !renewed && self.login.is_some() {
                // It was refused before anything was done.
                renewed = true;
                line = self.line(Some(line.token)).await?;
                continue;
            }
            if fault.may_pass() {
                self.leave(&line.connection).await;
                if std::mem::take(&mut again) {
                    line = self.line(None).await?;
                    continue;
                }
            }
            return Err(fault);
        }
    }

    /// Opens a stream.
    pub(super) async fn stream(&self, path: &str) -> Result<Stream, Fault> {
        let line = self.line(None).await?;
        line.connection.stream(path, line.token.as_ref()).await
    }

    /// Forgets the token, if there is a way to another: for failures that do not say whether it was to blame.
    pub(super) async fn doubt_token(&self) {
        if self.login.is_some() {
            self.state.lock().await.token = None;
        }
    }

    /// The next one who needs a connection makes another, to the next endpoint.
    async fn leave(&self, failed: &Arc<Connection>) {
        let mut state = self.state.lock().await;
        let held = state.connection.as_ref();
        if held.is_some_and(|held| Arc::ptr_eq(held, failed)) {
            state.connection = None;
            state.next = (state.next + 1) % self.endpoints.len();
        }
    }

    /// The connection and the token that are there, or new ones; `refused` is a token that the server takes no more.
    async fn line(&self, refused: Option<Token>) -> Result<Line, Fault> {
        let failures = self.failures.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        if refused.is_some() && refused == state.token {
            state.token = None;
        }
        if self.failures.load(Ordering::Acquire) != failures
            && let Some(fault) = &state.failure
        {
            // Somebody has tried while we waited for our turn.
            return Err(fault.clone());
        }
        let line = self.any_line(&mut state).await;
        state.failure = line.as_ref().err().cloned();
        if line.is_err() {
            self.failures.fetch_add(1, Ordering::Release);
        }
        line
    }

    /// What is there if it is good, or else the first endpoint that lets us in.
    async fn any_line(&self, state: &mut State) -> Result<Line, Fault> {
        if let Some(connection) = state.connection.take() {
            if connection.is_closed() {
                state.next = (state.next + 1) % self.endpoints.len();
            } else {
                match self.let_in(state, connection).await {
                    Err(fault) if fault.may_pass() => {}
                    result => return result,
                }
            }
        }
        let mut worst = None;
        for _ in 0..self.endpoints.len() {
            let endpoint = &self.endpoints[state.next];
            let fault = match Connection::open(endpoint, self.tls.as_ref()).await {
                Ok(connection) => match self.let_in(state, Arc::new(connection)).await {
                    Ok(line) => return Ok(line),
                    Err(fault) => fault,
                },
                Err(fault) => fault,
            };
            state.next = (state.next + 1) % self.endpoints.len();
            // What may pass is the better news: it is worth going on.
            worst = worst.filter(Fault::may_pass).or(Some(fault));
        }
        Err(worst.unwrap_or_else(|| Fault::Broken("no endpoint is named".into())))
    }

    /// Asks for a token where there is none.
    async fn let_in(&self, state: &mut State, connection: Arc<Connection>) -> Result<Line, Fault> {
        let token = match &state.token {
            Some(token) => token.clone(),
            None => self.authenticate(&connection).await?,
        };
        state.token = Some(token.clone());
        state.connection = Some(Arc::clone(&connection));
        Ok(Line { connection, token })
    }

    /// A token for the user of the address; none where there is no user, or no need of one.
    async fn authenticate(&self, connection: &Connection) -> Result<Token, Fault> {
        let Some(login) = &self.login else {
            return Ok(None);
        };
        let request = Authenticate {
            name: login.user.clone(),
            password: login.password.clone(),
        };
        let answer = match connection.call(&request, None).await {
            Ok(answer) => answer,
            Err(Fault::Status(status)) if status.code == code::FAILED_PRECONDITION => {
                // etcd asks nobody for a password yet; when it does, the next request is told so.
                return Ok(None);
            }
            Err(fault) => return Err(fault),
        };
        let mut token = HeaderValue::from_str(&answer.token)
            .map_err(|_| Fault::Broken("etcd's token cannot be sent".into()))?;
        token.set_sensitive(true);
        Ok(Some(token))
    }
}
