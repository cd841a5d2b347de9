//! Several registries as one, for as long as users move from one to another.
//!
//! Servers are listed in all of them; clients see the union. Names no back end.

mod everywhere;
mod union;

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use tokio::runtime;

use super::document::Documents;
use super::entry::Override;
use super::watch::{Feed, Feeds, Watch};
use super::{BoxFuture, Error, ErrorKind, Handle, Instance, Lease, Registry};
use everywhere::Everywhere;
use union::Union;

/// Between the addresses of several registries.
pub(super) const BETWEEN: &str = " | ";

/// Several registries as one. The first has the last word: of those that answer and list different records under one id, its
/// record counts, and its documents are the documents.
///
/// - **Servers** are listed in all of them. [`LeaseState::Listed`](super::LeaseState::Listed) means in every one; while one
///   is down the lease is lost, says which, and the others list the server all the same. A leave goes to all.
/// - **Clients** see every instance that one of them lists. One that has left, by the word of any, is gone, whoever still
///   lists it. One that was lost by a registry that answers is gone if only registries that do not answer have it.
/// - A view waits for the first registry that names an instance, or for all of them where none does. It is stale while
///   none answers.
///
/// Those that take no registrations are passed over by servers.
///
/// ```
/// # async fn example() -> Result<(), callsheet::registry::Error> {
/// use callsheet::registry;
///
/// let new = registry::connect("memory:new").await?;
/// let old = registry::connect("memory:old").await?;
/// let both = registry::all([new, old])?;
/// // The same by its address:
/// let both = registry::connect("memory:new | memory:old").await?;
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
///
/// # Errors
/// There are none, or there is no tokio runtime.
pub fn all(registries: impl IntoIterator<Item = Handle>) -> Result<Handle, Error> {
    let registries: Vec<_> = registries.into_iter().collect();
    let addresses: Vec<_> = registries.iter().map(|one| one.address()).collect();
    let address = addresses.join(BETWEEN);
    if registries.is_empty() {
        return Err(Error::new(
            ErrorKind::Address,
            address,
            "name at least one registry",
        ));
    }
    let runtime = runtime::Handle::try_current().map_err(|error| {
        let message = "joining registries needs a tokio runtime: call it from an async function";
        Error::caused_by(ErrorKind::Unsupported, &address, message, error)
    })?;
    Ok(Handle::new(Joined {
        address,
        registries: registries.into(),
        feeds: Feeds::default(),
        watching: Mutex::default(),
        runtime,
    }))
}

struct Joined {
    address: String,
    /// Best first.
    registries: Arc<[Handle]>,
    feeds: Feeds,
    /// Held while a watch is added, so that it is fed exactly once.
    watching: Mutex<()>,
    runtime: runtime::Handle,
}

/// What the registries say of one service, and who is told.
struct Watched {
    union: Mutex<Union>,
    feed: Arc<Feed>,
}

impl Watched {
    /// The registry with this index says so; its watchers hear of it if it is news.
    fn hear(&self, index: usize, said: &mut Watch) {
        let mut union = self.union.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(news) = union.hear(index, said.borrow_and_update()) {
            self.feed.show(news);
        }
    }

    /// Hears one registry for as long as somebody watches.
    async fn follow(self: Arc<Self>, index: usize, mut said: Watch) {
        loop {
            tokio::select! {
                news = said.changed() => match news {
                    Some(_) => self.hear(index, &mut said),
                    None => return,
                },
                () = self.feed.abandoned() => return,
            }
        }
    }
}

impl Registry for Joined {
    fn address(&self) -> &str {
        &self.address
    }

    fn register(&self, records: Vec<Instance>) -> Result<Lease, Error> {
        Everywhere::register(&self.address, &self.registries, records)
    }

    fn watch(&self, service: &str) -> Watch {
        let _one = self.watching.lock().unwrap_or_else(PoisonError::into_inner);
        // Forgets the feeds that nobody watches, whose followers end.
        self.feeds.watched();
        let known = self.feeds.of(service);
        let watch = self.feeds.watch(service);
        if let (None, Some(feed)) = (known, self.feeds.of(service)) {
            let watched = Arc::new(Watched {
                union: Mutex::new(Union::new(service, self.registries.len())),
                feed,
            });
            for (index, registry) in self.registries.iter().enumerate() {
                let mut said = registry.watch(service);
                watched.hear(index, &mut said);
                let follower = Arc::clone(&watched).follow(index, said);
                self.runtime.spawn(follower);
            }
        }
        watch
    }

    fn services(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        let asked = self.registries.iter().map(|one| one.services()).collect();
        Box::pin(async {
            let (mut names, mut refused) = (Vec::new(), None);
            let mut answers = 0;
            for answer in together(asked).await {
                match answer {
                    Ok(more) => {
                        answers += 1;
                        names.extend(more);
                    }
                    Err(error) => refused = refused.or(Some(error)),
                }
            }
            if let (0, Some(error)) = (answers, refused) {
                return Err(error);
            }
            names.sort();
            names.dedup();
            Ok(names)
        })
    }

    fn steer(&self, order: Override) -> BoxFuture<'_, Result<(), Error>> {
        let told = self.registries.iter().map(|one| one.steer(order.clone()));
        let told = told.collect();
        Box::pin(async { first_refusal(together(told).await) })
    }

    fn documents(&self) -> Option<&dyn Documents> {
        self.registries.iter().find_map(|one| one.documents())
    }
}

/// All must do it, but for those that never can; one must.
fn first_refusal(results: Vec<Result<(), Error>>) -> Result<(), Error> {
    let (mut unsupported, mut done) = (None, false);
    for result in results {
        match result {
            Ok(()) => done = true,
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                unsupported = unsupported.or(Some(error));
            }
            Err(error) => return Err(error),
        }
    }
    match unsupported {
        Some(error) if !done => Err(error),
        _ => Ok(()),
    }
}

/// What all futures give, in their order; they run side by side.
async fn together<T>(mut futures: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|cx| {
        for (future, done) in futures.iter_mut().zip(&mut done) {
            if done.is_none()
                && let Poll::Ready(value) = future.as_mut().poll(cx)
            {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
