//! `ZooKeeper` for tests: one server, or an ensemble of three.
//!
//! Every server is a Java process with little memory and a compiler that does not try hard: it starts within a second. It is
//! asked what it is by its words of four letters.

mod raw;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{Data, Engine, Kind, PATIENCE, Place, Ports, missing, program};
pub use raw::{Raw, expire};

/// Debian's packages of the server and of what runs it.
const SERVER: &str = "libzookeeper-java";
const JAVA: &str = "default-jre-headless";

/// Where Debian has the server. What it needs beside is named in there, but for the log and for what it encrypts with.
const JARS: &[&str] = &[
    "/usr/share/java/zookeeper.jar",
    "/usr/share/java/slf4j-simple.jar",
    "/usr/share/java/netty-codec.jar",
    "/usr/share/java/netty-resolver.jar",
];

/// What keeps a Java process small and quick to start.
const FLAGS: &[&str] = &[
    "-Xmx256m",
    "-Xms16m",
    "-Xss512k",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
];

/// The tick in milliseconds: sessions of 1 to 20 s may be asked for.
const TICK_MS: u32 = 500;

/// One `ZooKeeper` server.
#[derive(Debug, Default)]
pub struct ZooKeeper {
    /// The number of the server in its ensemble; 0 alone.
    number: usize,
    /// The lines of the configuration that name the members of the ensemble.
    members: String,
    /// Whether its second port is for clients that encrypt.
    encrypted: bool,
    /// `user:password@` of the address.
    login: String,
    /// Further options of the address, `&name=value`.
    options: String,
    /// Further lines of the configuration.
    settings: Vec<String>,
    /// Further properties of the Java process.
    properties: Vec<String>,
}

impl ZooKeeper {
    /// With one more line of the configuration, `name=value`.
    #[must_use]
    pub fn set(mut self, line: &str) -> Self {
        self.settings.push(line.into());
        self
    }

    /// With a second port for clients that encrypt and show a certificate: this file holds the server's key and certificate,
    /// that one whom it trusts (both PEM).
    #[must_use]
    pub fn encrypted(mut self, identity: &str, trusted: &str) -> Self {
        self.encrypted = true;
        self.set("serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory")
            .set(&format!("ssl.keyStore.location={identity}"))
            .set(&format!("ssl.trustStore.location={trusted}"))
            .set("ssl.clientAuth=need")
    }

    /// With this user in the address, `user:password@`, and these options, `&name=value`.
    #[must_use]
    pub fn login(mut self, login: &str, options: &str) -> Self {
        self.login = login.into();
        self.options = options.into();
        self
    }

    /// With one more property of the Java process, `name=value`.
    #[must_use]
    pub fn property(mut self, property: &str) -> Self {
        self.properties.push(format!("-D{property}"));
        self
    }

    fn configure(&self, place: &Place) -> std::path::PathBuf {
        let data = place.data();
        let mut lines = format!(
            "tickTime={TICK_MS}\ninitLimit=20\nsyncLimit=10\nmaxClientCnxns=0\nadmin.enableServer=false\n\
             4lw.commands.whitelist=*\ndataDir={}\nclientPortAddress={}\nclientPort={}\n",
            data.display(),
            place.host(),
            place.port(),
        );
        for line in &self.settings {
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "{line}");
        }
        if self.encrypted {
            let (host, port) = (place.host(), place.ports()[1]);
            let _ = writeln!(
                lines,
                "secureClientPortAddress={host}\nsecureClientPort={port}"
            );
        }
        if self.number > 0 {
            lines.push_str(&self.members);
            std::fs::write(data.join("myid"), self.number.to_string()).expect("a number");
        }
        let file = place.folder().join("zoo.cfg");
        std::fs::write(&file, lines).expect("a configuration");
        file
    }
}

/// A Java process that finds the classes of `ZooKeeper`.
fn java() -> Command {
    for file in JARS {
        if !Path::new(file).is_file() {
            missing(file, SERVER);
        }
    }
    let mut command = Command::new(program("java", JAVA));
    command.args(FLAGS).args(["-cp", &JARS.join(":")]);
    command
}

impl Kind for ZooKeeper {
    const NAME: &'static str = "zookeeper";
    /// For clients, for followers or clients that encrypt, for elections.
    const PORTS: usize = 3;

    fn command(&self, place: &Place) -> Command {
        let mut command = java();
        command
            .args(&self.properties)
            .arg("org.apache.zookeeper.server.quorum.QuorumPeerMain")
            .arg(self.configure(place));
        command
    }

    fn address(&self, place: &Place) -> String {
        address(place, &self.login, &self.options)
    }

    async fn answers(&self, place: &Place) -> bool {
        // Only a server that serves says what it is.
        ask(place, "srvr").await.contains("Mode: ")
    }
}

fn address(place: &Place, login: &str, options: &str) -> String {
    let endpoint = place.endpoint();
    format!("zookeeper://{login}{endpoint}/shop?session_ms=2000{options}")
}

/// What a server answers to a word of four letters; nothing if it does not.
async fn ask(place: &Place, word: &str) -> String {
    let answer = async {
        let mut stream = TcpStream::connect((place.host(), place.port())).await?;
        stream.write_all(word.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    answer.await.unwrap_or_default()
}

impl Engine<ZooKeeper> {
    /// The same address with another user, `user:password@`, and further options, `&name=value`.
    pub fn address_with(&self, login: &str, options: &str) -> String {
        address(self.place(), login, options)
    }

    /// What it answers to a word of four letters, such as `srvr` or `dump`.
    pub async fn says(&self, word: &str) -> String {
        ask(self.place(), word).await
    }

    /// What `zkCli` prints for these words.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn cli(&self, words: &[&str]) -> Output {
        let mut command = java();
        command
            .arg("org.apache.zookeeper.ZooKeeperMain")
            .args(["-server", &self.place().endpoint()])
            .args(words);
        command.output().unwrap_or_else(|_| missing("java", JAVA))
    }
}

/// Three servers that elect a leader.
#[derive(Debug)]
pub struct Ensemble {
    servers: Vec<Engine<ZooKeeper>>,
}

impl Ensemble {
    /// Starts three servers on free ports and waits until all serve.
    ///
    /// # Panics
    /// As [`Engine::start`].
    pub async fn start() -> Self {
        let ports: Vec<Ports> = (0..3).map(|_| Ports::free(ZooKeeper::PORTS)).collect();
        let mut members = String::new();
        for (index, ports) in ports.iter().enumerate() {
            let (host, all) = (ports.host(), ports.all());
            let _ = writeln!(members, "server.{}={host}:{}:{}", index + 1, all[1], all[2]);
        }
        let launch = |(index, ports)| {
            let kind = ZooKeeper {
                number: index + 1,
                members: members.clone(),
                ..ZooKeeper::default()
            };
            Engine::launch(kind, ports)
        };
        let mut servers: Vec<_> = ports.into_iter().enumerate().map(launch).collect();
        for server in &mut servers {
            server.ready().await;
        }
        Self { servers }
    }

    /// What `registry::connect` takes.
    pub fn address(&self) -> String {
        let endpoints: Vec<_> = self
            .servers
            .iter()
            .map(|server| server.place().endpoint())
            .collect();
        format!("zookeeper://{}/shop?session_ms=4000", endpoints.join(","))
    }

    /// Its servers.
    pub fn servers(&mut self) -> &mut [Engine<ZooKeeper>] {
        &mut self.servers
    }

    /// The place of the leader among its servers, once there is one.
    ///
    /// # Panics
    /// When none is elected within a minute.
    pub async fn leader(&self) -> usize {
        let mut ticks = interval(Duration::from_millis(50));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let found = timeout(PATIENCE, async {
            loop {
                ticks.tick().await;
                for (index, server) in self.servers.iter().enumerate() {
                    if server.says("srvr").await.contains("Mode: leader") {
                        return index;
                    }
                }
            }
        });
        found.await.expect("a leader is elected")
    }

    /// Starts a server that was killed, with its data, and waits until it serves.
    ///
    /// # Panics
    /// As [`Engine::restart`].
    pub async fn restart(&mut self, index: usize) {
        self.servers[index].restart(Data::Same).await;
    }
}
