//! Layers of `tower` as filters.

use std::error::Error as StdError;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::Mutex;
use tower_layer::Layer;
use tower_service::Service;

use super::{Call, Filter, Next, Reply};
use crate::status::Status;

/// What goes wrong within layers.
type BoxError = Box<dyn StdError + Send + Sync>;

/// A filter of a `tower` layer: timeouts, limits, retries, whatever is made of services.
///
/// The layer is applied once, and the service that comes of it serves all calls: what it counts, it counts for all of them. A
/// call waits until the service is ready, in the order in which calls came. A [`Status`] goes through layers as it is; any other
/// error is `unavailable`, unless [`Layered::map_error`] says otherwise.
///
/// ```
/// use std::time::Duration;
/// use callsheet::{Server, Status, filter};
/// use tower::limit::ConcurrencyLimitLayer;
/// use tower::timeout::{TimeoutLayer, error::Elapsed};
///
/// # fn example(orders: callsheet::Offer) -> Server {
/// Server::bind("127.0.0.1:0")
///     .filter(filter::tower(ConcurrencyLimitLayer::new(100)))
///     .filter(filter::tower(TimeoutLayer::new(Duration::from_secs(1))).map_error(|error| {
///         match error.downcast_ref::<Elapsed>() {
///             Some(_) => Status::deadline_exceeded("more than a second"),
///             None => Status::unavailable(error.to_string()),
///         }
///     }))
///     .add(orders)
/// # }
/// ```
pub fn tower<L>(layer: L) -> Layered<L::Service>
where
    L: Layer<Inner>,
{
    Layered {
        service: Mutex::new(layer.layer(Inner { private: () })),
        error: Box::new(|error| Status::unavailable(error.to_string())),
    }
}

/// The service that layers are put around: whatever stands behind the filter. Always ready.
#[derive(Clone, Debug)]
pub struct Inner {
    private: (),
}

impl Service<Call> for Inner {
    type Response = Reply;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut call: Call) -> Self::Future {
        let () = self.private;
        let next = call.next.clone();
        Box::pin(async move {
            match next {
                Some(next) => {
                    call.next = None;
                    next.run(call).await
                }
                None => Err(Status::internal(
                    "a layer made a call of its own: it must hand on the one that it was given",
                )),
            }
        })
    }
}

/// A `tower` service around calls: see [`tower`].
pub struct Layered<S> {
    service: Mutex<S>,
    error: Box<dyn Fn(BoxError) -> Status + Send + Sync>,
}

impl<S> Layered<S> {
    /// The same where errors of the layers are told to callers as `status` says. A [`Status`] that went through them stays as
    /// it is.
    #[must_use]
    pub fn map_error(
        mut self,
        status: impl Fn(BoxError) -> Status + Send + Sync + 'static,
    ) -> Self {
        self.error = Box::new(status);
        self
    }

    fn status(&self, error: impl Into<BoxError>) -> Status {
        match error.into().downcast::<Status>() {
            Ok(status) => *status,
            Err(error) => (self.error)(error),
        }
    }
}

impl<S> Filter for Layered<S>
where
    S: Service<Call, Response = Reply> + Send + 'static,
    S::Error: Into<BoxError> + Send,
    S::Future: Send,
{
    async fn call(&self, mut call: Call, next: Next) -> Result<Reply, Status> {
        call.next = Some(next);
        let answer = {
            // Held from ready to called, as services want it; whoever waits for it waits in turn.
            let mut service = self.service.lock().await;
            poll_fn(|cx| service.poll_ready(cx))
                .await
                .map_err(|error| self.status(error))?;
            service.call(call)
        };
        answer.await.map_err(|error| self.status(error))
    }
}

impl<S> fmt::Debug for Layered<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layered").finish_non_exhaustive()
    }
}
