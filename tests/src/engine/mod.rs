//! Real engines of discovery, each a process of its own on free loopback ports, with a scratch folder.
//!
//! What is common to all is here: starting, waiting until it answers, killing, stopping, starting again with the same data
//! or none. What one engine needs is its [`Kind`], in a file of its own. A test that panics shows what its engines said.
//!
//! Nothing here knows the protocol of a back end.

pub mod etcd;
mod network;
mod port;
mod process;
pub mod redis;
pub mod zookeeper;

use std::future::Future;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};

pub use network::Network;
pub use port::Ports;
use process::Process;

/// How long an engine may take to answer: many times what a virtual machine needs to start beside a build.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often an engine that starts is asked whether it answers, and how long one such question may take.
const ASKED_EVERY: Duration = Duration::from_millis(20);
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// How one engine is started, and asked.
pub trait Kind: Send + Sync {
    /// Its name in what a failing test prints, and of its scratch folder.
    const NAME: &'static str;

    /// How many ports one process of it needs.
    const PORTS: usize = 1;

    /// The program and its arguments, which serve at that place in the foreground and keep their data below
    /// [`Place::data`]; called at each start. Files of configuration belong in [`Place::folder`].
    ///
    /// # Panics
    /// When the program is not installed: [`program`] says what to install.
    fn command(&self, place: &Place) -> Command;

    /// What `registry::connect` takes.
    fn address(&self, place: &Place) -> String;

    /// Whether it serves. By default, whether its first port accepts a connection.
    fn answers(&self, place: &Place) -> impl Future<Output = bool> + Send {
        let socket = (place.host(), place.port());
        async move { TcpStream::connect(socket).await.is_ok() }
    }
}

/// Where a process of an engine is: its host, its ports, its folder.
#[derive(Debug)]
pub struct Place {
    ports: Ports,
    folder: TempDir,
    network: Option<Network>,
}

impl Place {
    /// The address it binds.
    pub fn host(&self) -> IpAddr {
        self.ports.host()
    }

    /// Its first port.
    pub fn port(&self) -> u16 {
        self.ports.all()[0]
    }

    /// All its ports.
    pub fn ports(&self) -> &[u16] {
        self.ports.all()
    }

    /// The network of its own, where it has one.
    pub fn network(&self) -> Option<&Network> {
        self.network.as_ref()
    }

    /// `host:port` of its first port.
    pub fn endpoint(&self) -> String {
        format!("{}:{}", self.host(), self.port())
    }

    /// A folder of its own, which is there as long as the engine.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of what it stores, which is there before it starts and emptied by [`Data::Empty`].
    pub fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    fn output(&self) -> PathBuf {
        self.folder().join("output")
    }
}

/// What an engine that starts again finds of what it stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// All of it, as far as it was on disk.
    Same,
    /// Nothing.
    Empty,
}

/// A running engine; killed, with whatever it started, when it is dropped or the test's process ends.
#[derive(Debug)]
pub struct Engine<K> {
    kind: K,
    place: Place,
    process: Option<Process>,
}

impl<K: Kind> Engine<K> {
    /// Starts one on free ports and waits until it answers.
    ///
    /// # Panics
    /// When it is not installed, ends, or does not answer within a minute; with what it said.
    pub async fn start(kind: K) -> Self {
        let mut engine = Self::launch(kind, Ports::free(K::PORTS));
        engine.ready().await;
        engine
    }

    /// Starts one on these ports and does not wait, as for the members of an ensemble, who answer when most of them run.
    ///
    /// # Panics
    /// When it is not installed.
    pub fn launch(kind: K, ports: Ports) -> Self {
        Self::begin(kind, ports, None)
    }

    /// As [`Engine::start`], in a network that can be cut.
    ///
    /// # Panics
    /// As [`Engine::start`].
    pub async fn start_in(kind: K, network: Network) -> Self {
        let ports = network.ports(K::PORTS);
        let mut engine = Self::begin(kind, ports, Some(network));
        engine.ready().await;
        engine
    }

    fn begin(kind: K, ports: Ports, network: Option<Network>) -> Self {
        assert!(ports.all().len() >= K::PORTS, "{} lacks ports", K::NAME);
        let folder = tempfile::Builder::new()
            .prefix(&format!("callsheet-{}-", K::NAME))
            .tempdir()
            .expect("a scratch folder");
        let place = Place {
            ports,
            folder,
            network,
        };
        let mut engine = Self {
            kind,
            place,
            process: None,
        };
        engine.relaunch(Data::Empty);
        engine
    }

    /// Waits until it answers.
    ///
    /// # Panics
    /// When it ends, or does not answer within a minute; with what it said.
    pub async fn ready(&mut self) {
        let mut ticks = interval(ASKED_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let answered = timeout(PATIENCE, async {
            loop {
                ticks.tick().await;
                if self.ended() {
                    return false;
                }
                let asked = timeout(ANSWERS_WITHIN, self.kind.answers(&self.place));
                if asked.await.unwrap_or(false) {
                    return true;
                }
            }
        });
        let failure = match answered.await {
            Ok(true) => return,
            Ok(false) => "has ended".to_owned(),
            Err(_) => format!("does not answer after {} s", PATIENCE.as_secs()),
        };
        panic!("{} {failure}; it said:\n{}", K::NAME, self.said());
    }

    /// Ends it at once, as a crash does (SIGKILL). Its ports stay its own, and refuse connections.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Suspends it (SIGSTOP): connections are accepted by the system, and nothing is answered.
    ///
    /// # Panics
    /// When it does not run.
    pub fn stop(&self) {
        self.running().signal("STOP");
    }

    /// Lets it go on (SIGCONT).
    ///
    /// # Panics
    /// When it does not run.
    pub fn cont(&self) {
        self.running().signal("CONT");
    }

    /// Kills it where it runs, starts it on the same ports, and waits until it answers.
    ///
    /// # Panics
    /// As [`Engine::start`].
    pub async fn restart(&mut self, data: Data) {
        self.relaunch(data);
        self.ready().await;
    }

    /// As [`Engine::restart`], without waiting.
    pub fn relaunch(&mut self, data: Data) {
        self.process = None;
        let folder = self.place.data();
        if data == Data::Empty && folder.exists() {
            std::fs::remove_dir_all(&folder).expect("data that nobody writes");
        }
        std::fs::create_dir_all(&folder).expect("a folder for data");
        let mut command = self.kind.command(&self.place);
        if let Some(network) = &self.place.network {
            command = network.inside(&command);
        }
        self.process = Some(Process::start(&command, &self.place.output()));
    }

    /// What `registry::connect` takes.
    pub fn address(&self) -> String {
        self.kind.address(&self.place)
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What it was started as.
    pub fn kind(&self) -> &K {
        &self.kind
    }

    /// The id of its process.
    ///
    /// # Panics
    /// When it does not run.
    pub fn id(&self) -> u32 {
        self.running().id()
    }

    /// What it has printed since it was first started.
    pub fn said(&self) -> String {
        std::fs::read(self.place.output())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    fn ended(&mut self) -> bool {
        self.process.as_mut().is_none_or(Process::ended)
    }

    fn running(&self) -> &Process {
        self.process
            .as_ref()
            .unwrap_or_else(|| panic!("{} was killed", K::NAME))
    }
}

impl<K> Drop for Engine<K> {
    fn drop(&mut self) {
        // Before its folder and its network.
        self.process = None;
        if std::thread::panicking() {
            let said = std::fs::read(self.place.output()).unwrap_or_default();
            process::show(&self.place.endpoint(), &String::from_utf8_lossy(&said));
        }
    }
}

/// Where a program is that Debian has in `package`.
///
/// # Panics
/// When it is not installed, with what to install.
pub fn program(name: &str, package: &str) -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        // Where Debian has what it means for root.
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| missing(name, package))
}

/// Fails for want of what Debian has in `package`.
///
/// # Panics
/// Always.
pub fn missing(what: &str, package: &str) -> ! {
    panic!(
        "`{what}` is not installed: `apt-get install {package}` brings it (Debian), and so does `cargo xtask test` where it \
         runs as root"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Serves nothing and stays, as far as its port goes: a shell that sleeps for ever.
    struct Silent;

    impl Kind for Silent {
        const NAME: &'static str = "silent";
        const PORTS: usize = 2;

        fn command(&self, place: &Place) -> Command {
            // That of an earlier start, if any.
            let _ = std::fs::remove_file(place.folder().join("up"));
            let script = r#"ls data; touch "data/$MARK" up; exec sleep 1000"#;
            let mut command = Command::new("sh");
            command
                .args(["-c", script])
                .env("MARK", "mark")
                .current_dir(place.folder());
            command
        }

        fn address(&self, place: &Place) -> String {
            format!("silent://{}", place.endpoint())
        }

        async fn answers(&self, place: &Place) -> bool {
            place.folder().join("up").exists()
        }
    }

    fn alive(id: u32) -> bool {
        // A process that has ended and is not waited for yet is a zombie: `Z` behind the name.
        std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    }

    #[tokio::test]
    async fn engine_starts_again_where_it_was_with_its_data_or_none() {
        let mut engine = Engine::start(Silent).await;
        let address = engine.address();
        assert_eq!(engine.place().ports().len(), 2);
        assert_eq!(engine.said(), "");
        engine.restart(Data::Same).await;
        assert_eq!(engine.said(), "mark\n");
        engine.restart(Data::Empty).await;
        assert_eq!(engine.said(), "mark\n");
        assert_eq!(engine.address(), address);
    }

    #[tokio::test]
    async fn engine_is_gone_when_killed_or_dropped() {
        let mut engine = Engine::start(Silent).await;
        let first = engine.id();
        engine.kill();
        assert!(!alive(first));
        engine.restart(Data::Same).await;
        let second = engine.id();
        engine.stop();
        assert!(alive(second));
        engine.cont();
        drop(engine);
        assert!(!alive(second));
    }

    #[test]
    #[should_panic(expected = "`apt-get install redis-server`")]
    fn program_that_is_missing_is_told_with_its_package() {
        program("no-such-program-anywhere", "redis-server");
    }
}
