//! Redis: one server that stands alone, or a replica of one.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use super::{Engine, Kind, Place, missing, program};

/// Debian's packages of the server and of its command.
const SERVER: &str = "redis-server";
const CLIENT: &str = "redis-tools";

/// How a server is started. By default it keeps its data in memory only, and lets everybody in.
#[derive(Clone, Debug, Default)]
pub struct Redis {
    /// More arguments of the server, such as `--requirepass`.
    pub arguments: Vec<String>,
    /// `user:password@` of the address.
    pub login: String,
    /// The options of the address, `?db=1`.
    pub options: String,
    /// Whether it writes each change to its disk before it answers.
    pub durable: bool,
    /// Whether it speaks TLS, and nothing else, with a certificate that it makes when it first starts.
    pub tls: bool,
}

impl Redis {
    /// With more arguments of the server.
    pub fn with(arguments: &[&str]) -> Self {
        Self {
            arguments: arguments.iter().map(|&text| text.to_owned()).collect(),
            ..Self::default()
        }
    }

    /// One whose data survives a restart.
    pub fn durable() -> Self {
        Self {
            durable: true,
            ..Self::default()
        }
    }
}

impl Kind for Redis {
    const NAME: &'static str = "redis";

    fn command(&self, place: &Place) -> Command {
        let port = place.port().to_string();
        let mut command = Command::new(program("redis-server", SERVER));
        command
            .args(["--bind", &place.host().to_string(), "--save", ""])
            .arg("--dir")
            .arg(place.data());
        if !place.host().is_loopback() {
            // In a network of its own nobody else reaches it.
            command.args(["--protected-mode", "no"]);
        }
        if self.durable {
            command.args(["--appendonly", "yes", "--appendfsync", "always"]);
        }
        if self.tls {
            let file = |name: &str| place.folder().join(name);
            if !file("ca.pem").exists() {
                certify(place);
            }
            command.args(["--port", "0", "--tls-port", &port]);
            command.arg("--tls-cert-file").arg(file("server.pem"));
            command.arg("--tls-key-file").arg(file("server.key"));
            command.arg("--tls-ca-cert-file").arg(file("ca.pem"));
            command.args(["--tls-auth-clients", "no"]);
        } else {
            command.args(["--port", &port]);
        }
        command.args(&self.arguments);
        command
    }

    fn address(&self, place: &Place) -> String {
        let (tls, options) = if self.tls {
            let ca = place.folder().join("ca.pem");
            ("+tls", format!("?ca={}", ca.display()))
        } else {
            ("", self.options.clone())
        };
        format!(
            "redis{tls}://{}{}/shop{options}",
            self.login,
            place.endpoint()
        )
    }
}

/// Makes an authority and a certificate of the server's host.
fn certify(place: &Place) {
    let name = format!("subjectAltName=IP:{}", place.host());
    let new = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ];
    let authority = [
        "-subj",
        "/CN=authority",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
    ];
    let server = [
        "-subj",
        "/CN=server",
        "-keyout",
        "server.key",
        "-out",
        "server.pem",
    ];
    let signed = [
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-addext",
        &name,
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ];
    for arguments in [
        [&new[..], &authority].concat(),
        [&new[..], &server, &signed].concat(),
    ] {
        let output = Command::new("openssl")
            .args(&arguments)
            .current_dir(place.folder())
            .output()
            .unwrap_or_else(|_| missing("openssl", "openssl"));
        assert!(
            output.status.success(),
            "openssl {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

impl Engine<Redis> {
    /// What `redis-cli` prints for these arguments.
    ///
    /// # Panics
    /// When it or the command fails, with what it said.
    pub fn cli(&self, arguments: &[&str]) -> String {
        self.cli_with(arguments, b"")
    }

    /// The same with a last argument that may be anything.
    ///
    /// # Panics
    /// As [`Engine::cli`].
    pub fn cli_with(&self, arguments: &[&str], last: &[u8]) -> String {
        let output = self.try_cli(arguments, last);
        assert!(
            output.status.success(),
            "redis-cli {arguments:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    /// What `redis-cli` does for these arguments, and one more if `last` is not empty.
    ///
    /// # Panics
    /// When it is not installed.
    pub fn try_cli(&self, arguments: &[&str], last: &[u8]) -> Output {
        let mut command = Command::new(program("redis-cli", CLIENT));
        command
            .args(["-e", "-p", &self.place().port().to_string()])
            .args(["-h", &self.place().host().to_string()])
            .args((!last.is_empty()).then_some("-x"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut running = command
            .spawn()
            .unwrap_or_else(|_| missing("redis-cli", CLIENT));
        let mut input = running.stdin.take().expect("it is piped");
        // Who ends before it has read all says why.
        drop(input.write_all(last));
        drop(input);
        running.wait_with_output().expect("it ends")
    }
}
