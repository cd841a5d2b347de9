//! Filters: code of yours around every call, on both sides, with bytes in the middle.
//!
//! ```text
//!   client   Call ─▶ filter ─▶ filter ─▶ retries, hedges, breakers ─▶ an instance
//!                    of the    of the
//!                    client    channel
//!
//!   server   limits ─▶ filter ─▶ filter ─▶ decode ─▶ your handler ─▶ encode
//!                      of the    of the
//!                      server    offer
//! ```
//!
//! A filter sees which method is called, what travels beside the request, until when the caller waits, and the messages as
//! the bytes that they are. It may look, change, wait, answer by itself, or turn the call away; [`Next::run`] goes on to the
//! next filter and behind the last of them to the call itself. The first that was added is the outermost; those of one
//! channel or offer are inside those of their client or server.
//!
//! On the client a filter runs once per call, outside of retries: it sees one answer, whose
//! [`Status::attempts`] tells how often the call was tried. On the server it runs behind the server's limits and
//! before the request is decoded, and within the call's [`Context`](crate::Context): calls that it makes inherit the deadline.
//! Where no filter is added, nothing of this costs anything.
//!
//! # A server that asks who calls
//!
//! ```
//! use callsheet::filter::{Call, Filter, Next, Reply};
//! use callsheet::{Server, Status};
//!
//! struct Authenticated {
//!     token: String,
//! }
//!
//! impl Filter for Authenticated {
//!     async fn call(&self, call: Call, next: Next) -> Result<Reply, Status> {
//!         if call.metadata().text("authorization") == Some(&self.token) {
//!             next.run(call).await
//!         } else {
//!             // Nothing was decoded, and no handler has seen it.
//!             Err(Status::unauthenticated("who are you?").not_started())
//!         }
//!     }
//! }
//!
//! # fn example(orders: callsheet::Offer) -> Server {
//! Server::bind("127.0.0.1:0")
//!     .filter(Authenticated { token: "Bearer 7".into() })
//!     .add(orders)
//! # }
//! ```
//!
//! # A client that says who it is
//!
//! ```
//! use callsheet::filter::{Call, Filter, Next, Reply};
//! use callsheet::{Code, Status};
//! use tokio::sync::Mutex;
//!
//! # async fn fetch() -> Result<String, Status> { Ok("Bearer 7".into()) }
//! /// Adds a token, and fetches another one when it is no longer taken.
//! #[derive(Default)]
//! struct Token(Mutex<Option<String>>);
//!
//! impl Token {
//!     /// The token; all calls wait for one fetch of it.
//!     async fn current(&self) -> Result<String, Status> {
//!         let mut token = self.0.lock().await;
//!         if token.is_none() {
//!             *token = Some(fetch().await?);
//!         }
//!         Ok(token.clone().unwrap_or_default())
//!     }
//!
//!     /// What was refused is not used again.
//!     async fn refused(&self, refused: &str) {
//!         let mut token = self.0.lock().await;
//!         if token.as_deref() == Some(refused) {
//!             *token = None;
//!         }
//!     }
//! }
//!
//! impl Filter for Token {
//!     async fn call(&self, mut call: Call, next: Next) -> Result<Reply, Status> {
//!         let again = call.try_clone();
//!         let token = self.current().await?;
//!         call.metadata_mut().insert("authorization", token.clone())?;
//!         let answer = next.run(call).await;
//!         match (answer, again) {
//!             (Err(status), Some(mut again)) if status.code() == Code::Unauthenticated => {
//!                 self.refused(&token).await;
//!                 let token = self.current().await?;
//!                 again.metadata_mut().insert("authorization", token)?;
//!                 next.run(again).await
//!             }
//!             (answer, _) => answer,
//!         }
//!     }
//! }
//!
//! # fn example(registry: &callsheet::registry::Handle) -> callsheet::Client {
//! callsheet::Client::builder()
//!     .registry(registry)
//!     .filter(Token::default())
//!     .build()
//! # }
//! ```
//!
//! # The id of a request, and a log, on either side
//!
//! ```
//! use callsheet::filter::{self, Call, Next};
//! use callsheet::Server;
//!
//! # fn fresh_id() -> String { "7".into() }
//! # fn example(orders: callsheet::Offer) -> Server {
//! let request_id = filter::from_fn(|mut call: Call, next: Next| async move {
//!     let id = call.metadata().text("request-id").map_or_else(fresh_id, str::to_owned);
//!     call.metadata_mut().insert("request-id", id.clone())?;
//!     let mut reply = next.run(call).await?;
//!     reply.trailers_mut().insert("request-id", id)?;
//!     Ok(reply)
//! });
//!
//! let log = filter::from_fn(|call: Call, next: Next| async move {
//!     let path = call.method().path;
//!     let answer = next.run(call).await;
//!     match answer {
//!         // Also where replies are a stream: it is over when its last message has passed.
//!         Ok(reply) => Ok(reply.on_end(move |end| match end {
//!             Ok(_) => println!("{path}: ok"),
//!             Err(status) => println!("{path}: {status}"),
//!         })),
//!         Err(status) => {
//!             println!("{path}: {status}");
//!             Err(status)
//!         }
//!     }
//! });
//!
//! Server::bind("127.0.0.1:0").filter(request_id).filter(log).add(orders)
//! # }
//! ```

mod body;
mod call;
mod messages;
mod reply;
#[cfg(feature = "tower")]
mod tower;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::registry::BoxFuture;
use crate::status::Status;

pub use body::{Body, Form};
pub use call::{Call, Side};
pub use messages::Messages;
pub use reply::Reply;
#[cfg(feature = "tower")]
pub use tower::{Inner, Layered, tower};

pub(crate) use body::Content;
pub(crate) use call::Facts;
pub(crate) use messages::Source;

/// Something around calls, on either side. See the [module](self) for examples.
///
/// One filter serves all calls at once, so what it remembers it shares. It is dropped where it waits when the caller goes
/// away or the deadline passes.
pub trait Filter: Send + Sync + 'static {
    /// Answers `call`, as a rule by what [`Next::run`] answers.
    ///
    /// # Errors
    /// The status that the caller gets. A server's filter that turns calls away before `next` has run says so with
    /// [`Status::not_started`], if another instance may be asked.
    fn call(&self, call: Call, next: Next) -> impl Future<Output = Result<Reply, Status>> + Send;
}

/// A filter that is an async function or closure.
///
/// ```
/// use callsheet::filter;
///
/// let impatient = filter::from_fn(|call, next| async move {
///     tokio::time::timeout(std::time::Duration::from_secs(1), next.run(call))
///         .await
///         .unwrap_or_else(|_| Err(callsheet::Status::deadline_exceeded("more than a second")))
/// });
/// # fn is_filter(_: impl filter::Filter) {}
/// # is_filter(impatient);
/// ```
pub fn from_fn<F, A>(function: F) -> impl Filter
where
    F: Fn(Call, Next) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Reply, Status>> + Send + 'static,
{
    FromFn(function)
}

struct FromFn<F>(F);

impl<F, A> Filter for FromFn<F>
where
    F: Fn(Call, Next) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Reply, Status>> + Send + 'static,
{
    fn call(&self, call: Call, next: Next) -> impl Future<Output = Result<Reply, Status>> + Send {
        (self.0)(call, next)
    }
}

impl<F: Filter> Filter for Arc<F> {
    fn call(&self, call: Call, next: Next) -> impl Future<Output = Result<Reply, Status>> + Send {
        F::call(self, call, next)
    }
}

/// A filter of any type: the one box that a call pays per filter is made here.
trait Boxed: Send + Sync {
    fn call(&self, call: Call, next: Next) -> BoxFuture<'_, Result<Reply, Status>>;
}

impl<F: Filter> Boxed for F {
    fn call(&self, call: Call, next: Next) -> BoxFuture<'_, Result<Reply, Status>> {
        Box::pin(Filter::call(self, call, next))
    }
}

/// Filters in their order, the outermost first. Cheap to clone; empty as a rule.
#[derive(Clone, Default)]
pub(crate) struct Filters(Option<Arc<[Arc<dyn Boxed>]>>);

impl Filters {
    /// The same with one more, inside the others.
    #[must_use]
    pub(crate) fn with(&self, filter: impl Filter) -> Self {
        self.within(&Self(Some(Arc::new([Arc::new(filter) as Arc<dyn Boxed>]))))
    }

    /// The same with `inner` inside them.
    #[must_use]
    pub(crate) fn within(&self, inner: &Self) -> Self {
        match (&self.0, &inner.0) {
            (None, only) | (only, None) => Self(only.clone()),
            (Some(outer), Some(inner)) => {
                Self(Some(outer.iter().chain(&**inner).cloned().collect()))
            }
        }
    }

    /// Whether there are none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Answers `call` through all of them, and by `end` behind the last.
    pub(crate) async fn run(self, call: Call, end: impl End) -> Result<Reply, Status> {
        let next = Next {
            filters: self,
            at: 0,
            end: Arc::new(end),
        };
        next.run(call).await
    }
}

impl fmt::Debug for Filters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0.as_ref().map_or(0, |filters| filters.len());
        write!(f, "{number} filters")
    }
}

/// What stands behind the last filter.
pub(crate) trait End: Send + Sync + 'static {
    /// Has the call answered.
    fn run(&self, call: Call) -> BoxFuture<'static, Result<Reply, Status>>;
}

/// What stands behind a filter: further filters, then the call itself.
#[derive(Clone)]
pub struct Next {
    filters: Filters,
    at: usize,
    end: Arc<dyn End>,
}

impl Next {
    /// Goes on with `call`. It may be run again, with a [clone](Call::try_clone) of the call; the client's retries and
    /// the server's limits stand outside of that, or behind it.
    ///
    /// # Errors
    /// How the call ended.
    pub async fn run(&self, call: Call) -> Result<Reply, Status> {
        let filter = self.filters.0.as_ref().and_then(|all| all.get(self.at));
        match filter {
            Some(filter) => {
                let next = Self {
                    at: self.at + 1,
                    ..self.clone()
                };
                filter.call(call, next).await
            }
            None => self.end.run(call).await,
        }
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
