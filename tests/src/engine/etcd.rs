//! etcd: one server, or a cluster of three.

mod gateway;

use std::net::IpAddr;
use std::process::{Command, Output};

use super::{Data, Engine, Kind, Place, Ports, missing, program};
pub use gateway::Gateway;

/// Debian's packages of the server and of its command.
const SERVER: &str = "etcd-server";
const CLIENT: &str = "etcd-client";

/// How one member is started. Tests that need it otherwise add arguments.
#[derive(Clone, Debug, Default)]
pub struct Etcd {
    /// More arguments of the server.
    pub arguments: Vec<String>,
    /// The options of TLS in the address, `?ca=…`; encrypted if there are any.
    pub tls: Option<String>,
    /// `user:password@` of the address.
    pub login: String,
    /// `name=peer` of every member; alone if there are none.
    members: Vec<String>,
    /// Which of them this one is.
    name: usize,
}

impl Etcd {
    /// With more arguments of the server.
    pub fn with(arguments: &[&str]) -> Self {
        Self {
            arguments: arguments.iter().map(|&text| text.to_owned()).collect(),
            ..Self::default()
        }
    }

    /// One that takes requests of up to 50 MB, with up to 10 000 steps.
    pub fn patient() -> Self {
        Self::with(&["--max-request-bytes=50000000", "--max-txn-ops=10000"])
    }

    fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

impl Kind for Etcd {
    const NAME: &'static str = "etcd";
    const PORTS: usize = 2;

    fn command(&self, place: &Place) -> Command {
        let client = format!("{}://{}", self.scheme(), place.endpoint());
        let peer = peer(place.host(), place.ports()[1]);
        let name = format!("m{}", self.name);
        let members = if self.members.is_empty() {
            format!("{name}={peer}")
        } else {
            self.members.join(",")
        };
        let mut command = Command::new(program("etcd", SERVER));
        command
            .arg("--name")
            .arg(name)
            .arg("--data-dir")
            .arg(place.data().join("etcd"))
            .args(["--listen-client-urls", &client])
            .args(["--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer])
            .args(["--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &members])
            .args(&self.arguments);
        command
    }

    fn address(&self, place: &Place) -> String {
        let (tls, options) = match &self.tls {
            Some(options) => ("+tls", options.as_str()),
            None => ("", ""),
        };
        format!(
            "etcd{tls}://{}{}/shop{options}",
            self.login,
            place.endpoint()
        )
    }
}

fn peer(host: IpAddr, port: u16) -> String {
    format!("http://{host}:{port}")
}

impl Engine<Etcd> {
    /// What `etcdctl` prints for these arguments.
    ///
    /// # Panics
    /// When it fails, with what it said.
    pub fn etcdctl(&self, arguments: &[&str]) -> String {
        let output = self.try_etcdctl(arguments);
        assert!(
            output.status.success(),
            "etcdctl {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What `etcdctl` does for these arguments.
    pub fn try_etcdctl(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(program("etcdctl", CLIENT));
        command
            .env("ETCDCTL_API", "3")
            .arg("--endpoints")
            .arg(self.place().endpoint())
            .args(arguments);
        command
            .output()
            .unwrap_or_else(|_| missing("etcdctl", CLIENT))
    }
}

/// Three members that elect a leader.
#[derive(Debug)]
pub struct Cluster {
    members: Vec<Engine<Etcd>>,
}

impl Cluster {
    /// Starts three members on free ports and waits until they have a leader.
    ///
    /// # Panics
    /// As [`Engine::start`].
    pub async fn start() -> Self {
        let ports: Vec<Ports> = (0..3).map(|_| Ports::free(Etcd::PORTS)).collect();
        let all: Vec<String> = ports
            .iter()
            .enumerate()
            .map(|(name, ports)| format!("m{name}={}", peer(ports.host(), ports.all()[1])))
            .collect();
        let mut members = Vec::new();
        for (name, ports) in ports.into_iter().enumerate() {
            let kind = Etcd {
                members: all.clone(),
                name,
                ..Etcd::default()
            };
            members.push(Engine::launch(kind, ports));
        }
        for member in &mut members {
            member.ready().await;
        }
        let cluster = Self { members };
        // It answers when there is a leader.
        cluster.members[0].etcdctl(&["--command-timeout=60s", "get", "x"]);
        cluster
    }

    /// The members.
    pub fn members(&mut self) -> &mut [Engine<Etcd>] {
        &mut self.members
    }

    /// What `registry::connect` takes.
    pub fn address(&self) -> String {
        let endpoints: Vec<String> = self
            .members
            .iter()
            .map(|member| member.place().endpoint())
            .collect();
        format!("etcd://{}/shop", endpoints.join(","))
    }

    /// The index of the leader.
    ///
    /// # Panics
    /// When there is none.
    pub fn leader(&self) -> usize {
        let leads = |member: &Engine<Etcd>| {
            let status = member.etcdctl(&["endpoint", "status", "-w", "json"]);
            let field = |name: &str| {
                let (_, rest) = status.split_once(&format!("\"{name}\":")).expect(name);
                rest.split(|char: char| !char.is_ascii_digit())
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            };
            field("member_id") == field("leader")
        };
        self.members
            .iter()
            .position(leads)
            .expect("a cluster that answers has a leader")
    }

    /// Kills the member with this index, and starts it again with its data.
    pub async fn restart(&mut self, member: usize) {
        self.members[member].restart(Data::Same).await;
    }
}
