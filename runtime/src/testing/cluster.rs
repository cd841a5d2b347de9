//! Servers of one service within the process, a registry that lists them, and a network that a test can break.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::faults::Faults;
use super::wire::{SCHEME, Wires};
use crate::client::{Client, ClientBuilder};
use crate::registry::{Handle, Memory};
use crate::server::{Report, Running, Server, StartError};
use crate::service::Offer;

/// The key of the tag by which the members of a cluster are told apart.
const TAG: &str = "member";

/// Changes the settings of the server with this name.
type Configure = dyn Fn(&str, Server) -> Server + Send + Sync;

/// Servers of one service within the process, as many as a test wants, with a registry of their own.
///
/// Members are numbered from 0; their [names](Cluster::name) are the numbers. Nothing of it leaves the process, and all of it
/// runs in paused time (`#[tokio::test(start_paused = true)]`). Dropping the cluster kills what is left of it.
///
/// ```
/// # use callsheet::{Answer, Handler, Incoming, Offer};
/// # async fn example(offer: Offer) -> Result<(), callsheet::server::StartError> {
/// use callsheet::testing::{Cluster, Fault};
/// use callsheet::Code;
///
/// // As a rule: Cluster::new(|_| OrdersServer::new(MyOrders::default())).
/// let cluster = Cluster::new(move |_name| offer.clone()).start(3).await?;
/// let client = cluster.client();
/// // OrdersClient::new(&client)
///
/// cluster.faults().add(Fault::code(Code::Unavailable).instance("1"));
/// cluster.pause(0);
/// cluster.kill(2);
/// cluster.restart(2).await?;
/// cluster.resume(0);
/// cluster.stop(0).await;
/// # Ok(())
/// # }
/// ```
pub struct Cluster {
    registry: Handle,
    faults: Faults,
    wires: Wires,
    offer: Box<dyn Fn(&str) -> Offer + Send + Sync>,
    server: Box<Configure>,
    members: Mutex<Vec<Option<Running>>>,
}

impl Cluster {
    /// A cluster without members. `offer` makes what a member serves, from its name; it is called again when the member is
    /// restarted.
    pub fn new<O: Into<Offer>>(offer: impl Fn(&str) -> O + Send + Sync + 'static) -> Self {
        Self {
            registry: Handle::new(Memory::new()),
            faults: Faults::new(0),
            wires: Wires::default(),
            offer: Box::new(move |name| offer(name).into()),
            server: Box::new(|_, server| server),
            members: Mutex::default(),
        }
    }

    /// Has `seed` decide what its faults leave to chance. For all else that chance decides there is
    /// [`seeded`](super::seeded).
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.faults = Faults::new(seed);
        self
    }

    /// Lists its members in this registry, in the place of one of its own.
    #[must_use]
    pub fn registry_of(mut self, registry: &Handle) -> Self {
        self.registry = registry.clone();
        self
    }

    /// Has `set` change the settings of every server before it starts, from the member's name: limits, filters, a second
    /// service.
    #[must_use]
    pub fn configure(
        mut self,
        set: impl Fn(&str, Server) -> Server + Send + Sync + 'static,
    ) -> Self {
        self.server = Box::new(set);
        self
    }

    /// Starts this many members more.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start(self, members: usize) -> Result<Self, StartError> {
        for _ in 0..members {
            self.add().await?;
        }
        Ok(self)
    }

    /// Starts one member more, and gives its number.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn add(&self) -> Result<usize, StartError> {
        let member = {
            let mut members = self.members();
            members.push(None);
            members.len() - 1
        };
        self.restart(member).await?;
        Ok(member)
    }

    /// Starts a member again that was stopped or killed, at its old address. One that runs is killed first.
    ///
    /// # Errors
    /// As [`Server::start`].
    ///
    /// # Panics
    /// Without such a member.
    pub async fn restart(&self, member: usize) -> Result<(), StartError> {
        self.kill(member);
        let name = Self::name(member);
        let server = Server::bind(format!("{SCHEME}://{name}"))
            .transport(self.wires.clone())
            .register(&self.registry)
            .tag(TAG, &name)
            .add((self.offer)(&name));
        // Innermost: what a test puts before the handler sees the faults as well.
        let gate = self.wires.gate(&name);
        let server = (self.server)(&name, server).filter(self.faults.behind(&name, gate));
        let running = server.start().await?;
        running.listed().await;
        self.members()[member] = Some(running);
        Ok(())
    }

    /// Ends a member in good order: it says that it leaves, and answers what it has taken. `None` of one that does not run.
    ///
    /// # Panics
    /// Without such a member.
    pub async fn stop(&self, member: usize) -> Option<Report> {
        let running = self.members()[member].take()?;
        Some(running.shutdown().await)
    }

    /// Ends a member as a crash does: its connections break, nobody listens any more, and the registry loses it without a
    /// word.
    ///
    /// # Panics
    /// Without such a member.
    pub fn kill(&self, member: usize) {
        let running = self.members()[member].take();
        self.wires.gate(&Self::name(member)).kill();
        if let Some(running) = running {
            running.crash();
        }
    }

    /// Stops a member in its tracks: it is listed and takes connections, and neither reads nor writes.
    ///
    /// # Panics
    /// Without such a member.
    pub fn pause(&self, member: usize) {
        assert!(member < self.len(), "there is no member {member}");
        self.wires.gate(&Self::name(member)).freeze(true);
    }

    /// Lets a member go on that was paused.
    ///
    /// # Panics
    /// Without such a member.
    pub fn resume(&self, member: usize) {
        assert!(member < self.len(), "there is no member {member}");
        self.wires.gate(&Self::name(member)).freeze(false);
    }

    /// How many members there are, those included that do not run.
    pub fn len(&self) -> usize {
        self.members().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What a member is called in [faults](super::Fault::instance), and the tag `member` of its record.
    pub fn name(member: usize) -> String {
        member.to_string()
    }

    /// The address of a member, as errors and statuses name it.
    pub fn address(member: usize) -> String {
        format!("{SCHEME}://{}", Self::name(member))
    }

    /// Looks at a member that runs.
    ///
    /// # Panics
    /// Without such a member.
    pub fn with<T>(&self, member: usize, look: impl FnOnce(Option<&Running>) -> T) -> T {
        look(self.members()[member].as_ref())
    }

    /// A new client of the cluster.
    pub fn client(&self) -> Client {
        self.client_with(|builder| builder)
    }

    /// A new client of the cluster with settings of the test's own.
    pub fn client_with(&self, set: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
        let builder = Client::builder()
            .registry(&self.registry)
            .transport(self.wires.clone());
        set(builder).build()
    }

    /// The registry that lists its members, and keeps documents.
    pub fn registry(&self) -> &Handle {
        &self.registry
    }

    /// What goes wrong with calls that reach its members.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    fn members(&self) -> MutexGuard<'_, Vec<Option<Running>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for member in 0..self.len() {
            self.kill(member);
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running: Vec<_> = self.members().iter().map(Option::is_some).collect();
        f.debug_struct("Cluster")
            .field("running", &running)
            .finish_non_exhaustive()
    }
}
