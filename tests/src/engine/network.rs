//! A network of its own for an engine, which can be cut: packets are dropped, and nobody is told.
//!
//! A namespace of Linux with one cable to it. Making it needs root.

use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;

use super::{Ports, program};

/// The first address of 198.18.0.0/15, which is set apart for tests of networks (RFC 2544).
const FIRST: u32 = u32::from_be_bytes([198, 18, 0, 0]);

/// The ports of an engine in there: nobody else has any.
const PORTS: u16 = 20_000;

/// A namespace with an address of its own; gone when it is dropped.
#[derive(Debug)]
pub struct Network {
    name: String,
    cable: String,
    host: IpAddr,
    /// Keeps the addresses our own: networks and ports are numbered alike.
    _number: Ports,
}

impl Network {
    /// A network that is connected to this machine's.
    ///
    /// # Panics
    /// Where `ip` or `iptables` is not installed, or this process may not use them.
    pub fn connect() -> Self {
        let number = Ports::free(1);
        let block = FIRST + 4 * u32::from(number.all()[0]);
        let [near, far] = [1, 2].map(|host| Ipv4Addr::from(block + host));
        let cable = format!("cs{}", number.all()[0]);
        let network = Self {
            name: format!("callsheet-{cable}"),
            cable,
            host: far.into(),
            _number: number,
        };
        network.sweep();
        let Self { name, cable, .. } = &network;
        // The end inside is called the same with an `i`.
        for step in [
            format!("netns add {name}"),
            format!("link add {cable} type veth peer name {cable}i netns {name}"),
            format!("addr add {near}/30 dev {cable}"),
            format!("link set {cable} up"),
            format!("-n {name} addr add {far}/30 dev {cable}i"),
            format!("-n {name} link set {cable}i up"),
            format!("-n {name} link set lo up"),
        ] {
            run("ip", &step);
        }
        network
    }

    /// The address of what listens there.
    pub fn host(&self) -> IpAddr {
        self.host
    }

    /// So many ports there.
    pub(super) fn ports(&self, count: usize) -> Ports {
        Ports::of(self.host, PORTS, count)
    }

    /// The same command within the network, where it is not cut off.
    pub fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new(program("ip", "iproute2"));
        inside
            .args(["netns", "exec", &self.name])
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            inside.current_dir(folder);
        }
        inside
    }

    /// Drops every packet in and out from now on.
    ///
    /// # Panics
    /// As [`Network::connect`].
    pub fn cut(&self) {
        self.filter("-A INPUT -i", "-j DROP");
        self.filter("-A OUTPUT -o", "-j DROP");
    }

    /// Lets packets through again.
    ///
    /// # Panics
    /// As [`Network::connect`].
    pub fn heal(&self) {
        self.filter("-D INPUT -i", "-j DROP");
        self.filter("-D OUTPUT -o", "-j DROP");
    }

    fn filter(&self, rule: &str, verdict: &str) {
        let Self { name, cable, .. } = self;
        let iptables = program("iptables", "iptables");
        let step = format!(
            "netns exec {name} {} {rule} {cable}i {verdict}",
            iptables.display()
        );
        run("ip", &step);
    }

    /// Takes away what a process left that was killed with this number.
    fn sweep(&self) {
        let mut command = Command::new(program("ip", "iproute2"));
        command.args(["netns", "del", &self.name]);
        // There is hardly ever one.
        drop(command.output());
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.sweep();
    }
}

fn run(name: &str, arguments: &str) {
    let output = Command::new(program(name, "iproute2"))
        .args(arguments.split(' '))
        .output()
        .expect("it is installed");
    assert!(
        output.status.success(),
        "`{name} {arguments}` failed: {}; a network of its own needs root (Linux: CAP_NET_ADMIN, CAP_SYS_ADMIN)",
        String::from_utf8_lossy(&output.stderr).trim()
    );
}

#[cfg(all(test, feature = "engines"))]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpStream;
    use tokio::time::timeout;

    use super::*;
    use crate::engine::Engine;
    use crate::engine::etcd::Etcd;

    #[tokio::test]
    async fn what_is_cut_off_is_silent_and_does_not_refuse() {
        let engine = Engine::start_in(Etcd::default(), Network::connect()).await;
        let place = engine.place();
        let network = place.network().expect("it has one");
        let connect = || TcpStream::connect((place.host(), place.port()));
        let mut open = connect().await.expect("it answers");
        network.cut();
        let cut = timeout(Duration::from_millis(500), connect()).await;
        assert!(cut.is_err(), "{cut:?}");
        // From inside it is reached.
        let mut health = Command::new(program("etcdctl", "etcd-client"));
        health
            .env("ETCDCTL_API", "3")
            .args(["--endpoints", &place.endpoint(), "put", "a", "1"]);
        let said = network.inside(&health).output().expect("`ip`");
        assert!(said.status.success(), "{said:?}");
        network.heal();
        connect().await.expect("it answers again");
        // The connection has lived through it.
        tokio::io::AsyncWriteExt::write_all(&mut open, b"PRI")
            .await
            .expect("nobody closed it");
    }
}
