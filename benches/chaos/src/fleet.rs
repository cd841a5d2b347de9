//! Servers and their registry, started and restarted as an operator would.

use std::time::Duration;

use callsheet_tests::engine::Ports;
use chaos::{Event, Failure, now};

use crate::node::Node;
use crate::record::Load;
use crate::registry::Registry;
use crate::stage::{Stage, System};

/// A server process.
pub(crate) struct Server {
    pub(crate) node: Node,
    /// As its answers have it; another with each start.
    pub(crate) name: String,
    /// Where it listens.
    pub(crate) address: String,
    /// When it listened and was listed.
    pub(crate) since: u64,
}

/// Servers of one registry, or of one list.
pub(crate) struct Fleet<'a> {
    stage: &'a Stage,
    pub(crate) registry: Registry,
    pub(crate) servers: Vec<Server>,
    /// Where tonic's servers listen, whenever they are started.
    ports: Ports,
    started: Vec<usize>,
    loads: usize,
    /// How many file descriptors each process of it may have.
    descriptors: u32,
}

/// Enough for a storm of connections.
const DESCRIPTORS: u32 = 12_000;

/// The most servers of a fleet.
const MOST: usize = 4;

impl<'a> Fleet<'a> {
    /// A registry and so many servers.
    pub(crate) async fn start(stage: &'a Stage, servers: usize) -> Result<Self, Failure> {
        let registry = Registry::start(stage.arena, false).await?;
        Self::of(stage, registry, servers).await
    }

    /// So many servers of this registry.
    pub(crate) async fn of(
        stage: &'a Stage,
        registry: Registry,
        servers: usize,
    ) -> Result<Self, Failure> {
        let mut fleet = Self {
            stage,
            registry,
            servers: Vec::new(),
            ports: Ports::free(MOST),
            started: vec![0; MOST],
            loads: 0,
            descriptors: DESCRIPTORS,
        };
        for _ in 0..servers {
            fleet.join(&[]).await?;
        }
        Ok(fleet)
    }

    /// One more server, which may have only so many file descriptors.
    pub(crate) async fn join_with(&mut self, descriptors: u32) -> Result<&Server, Failure> {
        self.descriptors = descriptors;
        self.join(&[]).await?;
        self.descriptors = DESCRIPTORS;
        self.servers
            .last()
            .ok_or_else(|| "a server has joined".into())
    }

    /// So many connections at once to a server.
    pub(crate) fn storm(&self, server: &Server, connections: u32) -> Result<Node, Failure> {
        let to = server.address.trim_start_matches("tcp://");
        let connections = connections.to_string();
        self.process("storm", &["storm", "--to", to, "--count", &connections])
    }

    /// One more server.
    pub(crate) async fn join(&mut self, options: &[&str]) -> Result<&Server, Failure> {
        let place = self.servers.len();
        let server = self.launch(place, options).await?;
        self.servers.push(server);
        Ok(&self.servers[place])
    }

    /// Ends a server in order and starts it again, as a process of another name.
    pub(crate) async fn restart(&mut self, place: usize) -> Result<&Server, Failure> {
        let old = &mut self.servers[place].node;
        old.dismiss();
        old.ended().await?;
        self.revive(place).await
    }

    /// Starts a server again that has ended.
    pub(crate) async fn revive(&mut self, place: usize) -> Result<&Server, Failure> {
        self.servers[place] = self.launch(place, &[]).await?;
        Ok(&self.servers[place])
    }

    /// The names of all servers.
    pub(crate) fn names(&self) -> Vec<String> {
        self.servers
            .iter()
            .map(|server| server.name.clone())
            .collect()
    }

    async fn launch(&mut self, place: usize, options: &[&str]) -> Result<Server, Failure> {
        self.started[place] += 1;
        let letter = ["a", "b", "c", "d"][place];
        let name = format!("{letter}{}", self.started[place]);
        let mut arguments = vec!["serve", "--name", &name];
        let bind = match self.stage.system {
            System::Callsheet | System::Bare => "127.0.0.1:0".to_owned(),
            System::Tonic => format!("127.0.0.1:{}", self.ports.all()[place]),
        };
        arguments.extend(["--bind", &bind]);
        let registry = self.registry.address();
        if let Some(registry) = &registry {
            arguments.extend(["--registry", registry]);
        }
        arguments.extend(options);
        let node = self.process(&name, &arguments)?;
        served(node, name).await
    }

    /// The default load, and these options.
    pub(crate) fn load(&mut self, options: &[&str]) -> Result<Load, Failure> {
        self.loads += 1;
        let name = format!("load{}", self.loads);
        let seed = self.loads.to_string();
        let addresses: Vec<String> = self
            .servers
            .iter()
            .map(|server| server.address.clone())
            .collect();
        let found = match (self.stage.system, self.registry.address()) {
            (System::Tonic, _) => ["--servers".to_owned(), addresses.join(",")],
            (_, Some(registry)) => ["--registry".to_owned(), registry],
            (_, None) => {
                let list = format!("static:{}", addresses.join(","));
                ["--registry".to_owned(), list]
            }
        };
        let mut arguments = vec!["load", "--seed", &seed, &found[0], &found[1]];
        arguments.extend(options);
        Ok(Load::new(self.process(&name, &arguments)?))
    }

    /// A process of the system, with these words.
    pub(crate) fn process(&self, name: &str, arguments: &[&str]) -> Result<Node, Failure> {
        let program = self.stage.program()?;
        // The shell becomes the program.
        let mut command = vec![
            "-c".to_owned(),
            format!("ulimit -n {}; exec \"$@\"", self.descriptors),
            "sh".to_owned(),
            program.display().to_string(),
        ];
        command.extend(arguments.iter().map(|&word| word.to_owned()));
        Node::start(name, "sh".as_ref(), &command, self.stage.folder())
    }
}

/// Waits until a process serves.
pub(crate) async fn served(mut node: Node, name: String) -> Result<Server, Failure> {
    while let Some(event) = node.next().await? {
        if let Event::Serving { address, at } = event {
            return Ok(Server {
                node,
                name,
                address,
                since: at,
            });
        }
    }
    Err(node.failure("ended before it served").into())
}

/// Lets things take their course for so long.
pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Sends a signal; gives the moments before and after.
pub(crate) fn strike(node: &Node, signal: &str) -> Result<(u64, u64), Failure> {
    let before = now();
    node.signal(signal)?;
    Ok((before, now()))
}
