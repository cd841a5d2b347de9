//! From an address to a connection that is greeted, to the first server that is a master.
//!
//! Knows no key.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::{Pipeline, RedisConnectionInfo, Value, cmd};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::super::locator::{Endpoint, Locator};
use super::super::tls::{self, FOREIGN, Tls};
use super::super::{Error, ErrorKind};
use super::conn::{Conn, DEADLINE};
use super::fault::Fault;
use super::reply::Reply as _;

const PORT: u16 = 6379;

/// After this no other server is tried: the next try begins with it.
const TOUR: Duration = Duration::from_secs(5);

/// What the server shows of us in `CLIENT LIST`.
const NAME: &str = "callsheet";

/// What one server says of itself.
const MASTER: &str = "master";

/// How to reach the servers of one registry, and what to say to them. Shows no secret.
pub(super) struct Dialer {
    locator: Locator,
    address: String,
    database: u32,
    tls: Option<Tls>,
    /// The server to begin with: the last that was good.
    first: AtomicUsize,
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dialer").field(&self.address).finish()
    }
}

impl Dialer {
    /// Understands `redis://`, `redis+tls://`, and `rediss://`, as others call it.
    pub(super) fn parse(address: &str) -> Result<Self, Error> {
        let canonical = address
            .strip_prefix("rediss://")
            .map(|rest| format!("redis+tls://{rest}"));
        let address = canonical.as_deref().unwrap_or(address);
        let mut options = vec!["db"];
        options.extend(tls::OPTIONS);
        let locator = Locator::parse(address, PORT, &options)?;
        let shown = locator.to_string();
        let wrong = |message: &str| Error::new(ErrorKind::Address, &shown, message);
        if locator.user().is_some() && locator.password().is_none() {
            return Err(wrong(
                "a user without a password: write `user:password@`, or `:password@` for `requirepass`",
            ));
        }
        let database = match locator.option("db") {
            None => 0,
            Some(number) => number
                .parse()
                .map_err(|_| wrong("`db` is the number of a database: write `?db=1`"))?,
        };
        let tls = Tls::of(&locator, &[])?;
        Ok(Self {
            locator,
            address: shown,
            database,
            tls,
            first: AtomicUsize::new(0),
        })
    }

    /// The address without secrets.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn namespace(&self) -> &str {
        self.locator.namespace()
    }

    /// What went wrong with a connection, as an error of this registry.
    pub(super) fn error(&self, fault: Fault) -> Error {
        let endpoints = self.locator.endpoints();
        let index = self.first.load(Ordering::Relaxed) % endpoints.len();
        fault.at(&self.address, &endpoints[index].to_string())
    }

    /// Connects to the first server that is a master, beginning with the last that was.
    ///
    /// # Errors
    /// Of all servers' faults the one that is most likely to stay.
    pub(super) async fn dial(&self) -> Result<Conn, Error> {
        let endpoints = self.locator.endpoints();
        let first = self.first.load(Ordering::Relaxed);
        let begun = Instant::now();
        let mut worst: Option<Error> = None;
        for step in 0..endpoints.len() {
            let index = first.wrapping_add(step) % endpoints.len();
            let endpoint = &endpoints[index];
            let greeted = timeout(DEADLINE, self.greet(endpoint)).await;
            let fault = match greeted.unwrap_or(Err(Fault::Late)) {
                Ok(conn) => {
                    self.first.store(index, Ordering::Relaxed);
                    return Ok(conn);
                }
                Err(fault) => fault,
            };
            let error = fault.at(&self.address, &endpoint.to_string());
            if worst
                .as_ref()
                .is_none_or(|worst| lasting(worst) < lasting(&error))
            {
                worst = Some(error);
            }
            if begun.elapsed() >= TOUR {
                self.first.store(index.wrapping_add(1), Ordering::Relaxed);
                break;
            }
        }
        // There is one server at least.
        Err(worst.unwrap_or_else(|| self.error(Fault::Late)))
    }

    async fn greet(&self, endpoint: &Endpoint) -> Result<Conn, Fault> {
        let mut conn = self.connect(endpoint).await?;
        let mut commands = Pipeline::new();
        if self.database > 0 {
            commands.cmd("SELECT").arg(self.database);
        }
        commands.cmd("HELLO").arg(3).arg("SETNAME").arg(NAME);
        let granted = conn.ask_all(&commands).await.map_err(Fault::of_greeting)?;
        let welcome = granted.last().unwrap_or(&Value::Nil);
        fit(welcome)?;
        let version = welcome.field("version").and_then(Value::text);
        let major = version.and_then(|text| text.split('.').next()?.parse::<u32>().ok());
        conn.reads_apart = major.is_some_and(|major| major >= 7);
        Ok(conn)
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Conn, Fault> {
        let unreachable = |error| Fault::Broken(format!("no connection: {error}"));
        let socket = TcpStream::connect((endpoint.host.as_str(), endpoint.port))
            .await
            .map_err(unreachable)?;
        // Commands are small, and waited for.
        socket.set_nodelay(true).map_err(unreachable)?;
        match &self.tls {
            None => Conn::open(socket, &self.login()).await,
            Some(tls) => {
                let secured = tls.connect(endpoint, socket).await.map_err(|what| {
                    if what.starts_with(FOREIGN) {
                        Fault::Broken(what)
                    } else {
                        Fault::Distrusted(what)
                    }
                })?;
                Conn::open(secured, &self.login()).await
            }
        }
    }

    fn login(&self) -> RedisConnectionInfo {
        let mut login = RedisConnectionInfo::default();
        if let Some(user) = self.locator.user() {
            login = login.set_username(user);
        }
        if let Some(password) = self.locator.password() {
            login = login.set_password(password);
        }
        login
    }
}

/// Asks a server whether it is still what it was when it was greeted.
pub(super) async fn still_fits(conn: &mut Conn) -> Result<(), Fault> {
    let welcome = conn.ask_one(&cmd("HELLO")).await?;
    fit(&welcome)
}

/// Whether we can use a server that greets us so.
fn fit(welcome: &Value) -> Result<(), Fault> {
    let says = |field: &str| welcome.field(field).and_then(Value::text);
    if welcome.field("proto").and_then(Value::number) != Some(3) {
        return Err(Fault::Malformed("a greeting that is none"));
    }
    match says("mode") {
        Some("cluster") => {
            return Err(Fault::Unfit(
                "is part of a Redis Cluster, which is not supported: name a master that stands alone",
            ));
        }
        Some("sentinel") => {
            return Err(Fault::Unfit(
                "is a Sentinel, which keeps no keys: name the servers that it watches",
            ));
        }
        _ => {}
    }
    match says("role") {
        Some(MASTER) => Ok(()),
        // It may become one.
        _ => Err(Fault::Broken(
            "it is a replica: name the master, too".into(),
        )),
    }
}

/// How much more telling an error is than that nobody answers.
fn lasting(error: &Error) -> u8 {
    match error.kind() {
        ErrorKind::Denied => 2,
        ErrorKind::Unavailable => 0,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn welcome(role: &str, mode: &str) -> Value {
        let text = |text: &str| Value::BulkString(text.into());
        Value::Map(vec![
            (text("proto"), Value::Int(3)),
            (text("mode"), text(mode)),
            (text("role"), text(role)),
        ])
    }

    #[test]
    fn a_master_that_stands_alone_is_what_we_want() {
        assert_eq!(fit(&welcome("master", "standalone")), Ok(()));
        let told = |role, mode| {
            fit(&welcome(role, mode))
                .unwrap_err()
                .at("redis://h", "h:1")
        };
        insta::assert_snapshot!(told("replica", "standalone"), @"registry `redis://h`: h:1: it is a replica: name the master, too");
        insta::assert_snapshot!(told("master", "cluster"), @"registry `redis://h`: h:1 is part of a Redis Cluster, which is not supported: name a master that stands alone");
        insta::assert_snapshot!(told("master", "sentinel"), @"registry `redis://h`: h:1 is a Sentinel, which keeps no keys: name the servers that it watches");
        assert!(fit(&Value::Nil).is_err());
    }

    #[test]
    fn an_address_is_understood_and_shown_without_secrets() {
        let dialer = Dialer::parse("redis://shop:hunter2@h1,h2:7/shop?db=3").unwrap();
        insta::assert_snapshot!(format!("{dialer:?} {}", dialer.database), @r#"Dialer("redis://h1:6379,h2:7/shop") 3"#);
        let wrong = |address: &str| Dialer::parse(address).unwrap_err().to_string();
        insta::assert_snapshot!(wrong("redis://shop@h"), @"registry `redis://h:6379/callsheet`: a user without a password: write `user:password@`, or `:password@` for `requirepass`");
        insta::assert_snapshot!(wrong("redis://h?db=hunter2"), @"registry `redis://h:6379/callsheet`: `db` is the number of a database: write `?db=1`");
        let secured = wrong("rediss://:hunter2@h");
        assert!(
            secured.contains("redis+tls://h:6379") && secured.contains("ca"),
            "{secured}"
        );
    }
}
