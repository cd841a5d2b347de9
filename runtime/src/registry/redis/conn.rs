//! One connection: commands and their replies, scripts, and what the server says without being asked.
//!
//! The crate `redis` speaks the protocol; here is what we need of it. After any fault but a refusal a connection is of no
//! use and is dropped. Knows no key.

use std::collections::HashMap;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, Pipeline, ProtocolVersion, PushInfo, PushKind, RedisConnectionInfo,
    RedisError, ServerError, ServerErrorKind, Value, cmd,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::super::tls::refuses_us;
use super::fault::Fault;
use super::reply::Reply as _;
use super::script::Script;

/// How long a server may take to answer. Ours are answered in a millisecond; a server that is stopped or cut off is known
/// after this, well within the time after which an instance runs out.
pub(super) const DEADLINE: Duration = Duration::from_secs(2);

/// The most messages that are kept until somebody takes them, and the longest of them. What is beyond is lost, as any message may
/// be.
const MAX_MESSAGES: usize = 20_000;
const MAX_MESSAGE: usize = 512;

/// The keys of a script, and its arguments.
#[derive(Clone, Debug, Default)]
pub(super) struct Call {
    pub(super) keys: Vec<String>,
    pub(super) arguments: Vec<Vec<u8>>,
}

impl Call {
    pub(super) fn new(keys: Vec<String>) -> Self {
        Self {
            keys,
            arguments: Vec::new(),
        }
    }

    #[must_use]
    pub(super) fn with(mut self, argument: impl Into<Vec<u8>>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    #[must_use]
    pub(super) fn with_number(self, number: &impl ToString) -> Self {
        self.with(number.to_string())
    }
}

/// A message of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) channel: String,
    pub(super) text: String,
}

/// A connection that is greeted and ready.
pub(super) struct Conn {
    inner: MultiplexedConnection,
    /// The task that reads and writes; it ends with this.
    _driver: JoinSet<()>,
    /// Replies and messages come over one stream, in this order: what was said before a reply is here when that is.
    said: mpsc::Receiver<Message>,
    /// The first message, where somebody has waited for it.
    first: Option<Message>,
    /// The names that the server has given to scripts.
    scripts: HashMap<&'static str, Vec<u8>>,
    /// Whether it knows `EVALSHA_RO`, which needs no right to write: Redis 7 and later.
    pub(super) reads_apart: bool,
}

impl Conn {
    /// Greets the server behind a socket, or TLS over one, with user and password where `login` has them.
    ///
    /// # Errors
    /// [`Fault::Unwelcome`] where the server refuses that.
    pub(super) async fn open(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        login: &RedisConnectionInfo,
    ) -> Result<Self, Fault> {
        // One connection for commands and messages needs RESP3. The name is given to the connection with our own greeting.
        let login = login
            .clone()
            .set_protocol(ProtocolVersion::RESP3)
            .set_skip_set_lib_name();
        let (keep, said) = mpsc::channel(MAX_MESSAGES);
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(Some(DEADLINE))
            .set_push_sender(move |push: PushInfo| {
                message(push).map_or(Ok(()), |message| keep.try_send(message))
            });
        let greeted = MultiplexedConnection::new_with_config(&login, stream, config).await;
        let (inner, reads_and_writes) = greeted.map_err(|error| fault(error).of_greeting())?;
        let mut driver = JoinSet::new();
        driver.spawn(reads_and_writes);
        Ok(Self {
            inner,
            _driver: driver,
            said,
            first: None,
            scripts: HashMap::new(),
            reads_apart: false,
        })
    }

    /// Sends commands in one go and waits for all their replies, refusals among them.
    pub(super) async fn ask(&mut self, commands: &Pipeline) -> Result<Vec<Value>, Fault> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let replies = self.inner.send_packed_commands(commands, 0, commands.len());
        replies.await.map_err(fault)
    }

    /// The same, where one refusal fails them all.
    pub(super) async fn ask_all(&mut self, commands: &Pipeline) -> Result<Vec<Value>, Fault> {
        let replies = self.ask(commands).await?;
        replies.into_iter().map(granted).collect()
    }

    /// Sends one command and waits for its reply.
    pub(super) async fn ask_one(&mut self, command: &Cmd) -> Result<Value, Fault> {
        let reply = self.inner.send_packed_command(command);
        granted(reply.await.map_err(fault)?)
    }

    /// Runs a script once for each call, in one go. One refusal fails them all, though the others may have run.
    pub(super) async fn run(
        &mut self,
        script: &'static Script,
        calls: &[Call],
    ) -> Result<Vec<Value>, Fault> {
        let replies = self.evaluate(script, calls).await?;
        // Somebody has emptied the server's memory of scripts.
        let is_forgotten = |reply: &Value| match reply {
            Value::ServerError(error) => error.kind() == Some(ServerErrorKind::NoScript),
            _ => false,
        };
        let replies = if replies.iter().any(is_forgotten) {
            self.scripts.clear();
            self.evaluate(script, calls).await?
        } else {
            replies
        };
        replies.into_iter().map(granted).collect()
    }

    /// Runs a script once.
    pub(super) async fn run_one(
        &mut self,
        script: &'static Script,
        call: Call,
    ) -> Result<Value, Fault> {
        let replies = self.run(script, &[call]).await?;
        Ok(replies.into_iter().next().unwrap_or_default())
    }

    async fn evaluate(
        &mut self,
        script: &'static Script,
        calls: &[Call],
    ) -> Result<Vec<Value>, Fault> {
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        let name = self.name(script).await?;
        let evaluate = if script.reads && self.reads_apart {
            "EVALSHA_RO"
        } else {
            "EVALSHA"
        };
        let mut commands = Pipeline::with_capacity(calls.len());
        for call in calls {
            commands
                .cmd(evaluate)
                .arg(&name)
                .arg(call.keys.len())
                .arg(&call.keys)
                .arg(&call.arguments);
        }
        self.ask(&commands).await
    }

    /// What the server calls a script.
    async fn name(&mut self, script: &'static Script) -> Result<Vec<u8>, Fault> {
        if let Some(name) = self.scripts.get(script.name) {
            return Ok(name.clone());
        }
        let mut load = cmd("SCRIPT");
        load.arg("LOAD").arg(script.text);
        let Value::BulkString(name) = self.ask_one(&load).await? else {
            return Err(Fault::Malformed("no name for a script"));
        };
        self.scripts.insert(script.name, name.clone());
        Ok(name)
    }

    /// Begins to listen to channels.
    pub(super) async fn subscribe(&mut self, channels: &[String]) -> Result<(), Fault> {
        if channels.is_empty() {
            return Ok(());
        }
        self.inner.subscribe(channels).await.map_err(fault)
    }

    /// No longer listens to channels.
    pub(super) async fn unsubscribe(&mut self, channels: &[String]) -> Result<(), Fault> {
        if channels.is_empty() {
            return Ok(());
        }
        self.inner.unsubscribe(channels).await.map_err(fault)
    }

    /// Waits until the server has said something without being asked. Dropping the future loses nothing.
    pub(super) async fn heard(&mut self) -> Result<(), Fault> {
        if self.first.is_none() {
            self.first = self.said.recv().await;
        }
        match self.first {
            Some(_) => Ok(()),
            None => Err(Fault::Broken("the connection is closed".into())),
        }
    }

    /// Takes what has been heard so far.
    pub(super) fn messages(&mut self) -> impl Iterator<Item = Message> {
        let first = self.first.take().into_iter();
        first.chain(std::iter::from_fn(|| self.said.try_recv().ok()))
    }
}

/// What a channel says; confirmations and what is no text say nothing.
fn message(push: PushInfo) -> Option<Message> {
    match (push.kind, push.data.as_slice()) {
        (PushKind::Message, [channel, text]) => Some(Message {
            channel: channel.text()?.to_owned(),
            text: text
                .text()
                .filter(|text| text.len() <= MAX_MESSAGE)?
                .to_owned(),
        }),
        _ => None,
    }
}

/// A reply that is no refusal.
fn granted(reply: Value) -> Result<Value, Fault> {
    match reply {
        Value::ServerError(error) => Err(Fault::Refused(words(&error))),
        reply => Ok(reply),
    }
}

/// What a server said as it refused something: a word in capitals, then an explanation.
fn words(error: &ServerError) -> String {
    let explained = error.details().unwrap_or_default();
    format!("{} {explained}", error.code())
}

/// What went wrong. The crate's own words are repeated of sockets only.
fn fault(error: RedisError) -> Fault {
    match error.kind() {
        redis::ErrorKind::Io if error.is_timeout() => Fault::Late,
        redis::ErrorKind::Io => broken(&error.to_string()),
        redis::ErrorKind::RESP3NotSupported => Fault::Unwelcome("NOPROTO".into()),
        _ => match ServerError::try_from(error) {
            Ok(error) => Fault::Refused(words(&error)),
            Err(_) => Fault::Malformed("what is not RESP3"),
        },
    }
}

/// Why a connection is broken. With TLS 1.3 a server says behind the handshake that it does not trust us.
fn broken(what: &str) -> Fault {
    match what.split_once("received fatal alert: ") {
        Some((_, alert)) => Fault::Distrusted(refuses_us(&alert)),
        None => Fault::Broken(format!("the connection is broken: {what}")),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

    use super::super::super::ErrorKind;
    use super::super::script;
    use super::*;

    async fn pair() -> (Conn, DuplexStream) {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let login = RedisConnectionInfo::default();
        let (conn, ()) = tokio::join!(
            Conn::open(ours, &login),
            answer(&mut theirs, "HELLO", "%0\r\n")
        );
        (conn.ok().unwrap(), theirs)
    }

    /// Waits for a command that holds `expect`, then answers.
    async fn answer(server: &mut DuplexStream, expect: &str, with: &str) {
        let mut buffer = vec![0; 1 << 16];
        let mut heard = String::new();
        while !heard.contains(expect) {
            let read = server.read(&mut buffer).await.unwrap();
            assert_ne!(read, 0, "closed after {heard}");
            heard.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        server.write_all(with.as_bytes()).await.unwrap();
    }

    fn texts(conn: &mut Conn) -> Vec<String> {
        conn.messages().map(|message| message.text).collect()
    }

    #[tokio::test]
    async fn what_is_said_before_a_reply_is_here_with_it() {
        let (mut conn, mut server) = pair().await;
        let talk = ">3\r\n+message\r\n+c\r\n+one\r\n+PONG\r\n";
        let ping = cmd("PING");
        let (reply, ()) = tokio::join!(conn.ask_one(&ping), answer(&mut server, "PING", talk));
        assert_eq!(reply.unwrap().text(), Some("PONG"));
        assert_eq!(texts(&mut conn), ["one"]);
        let later = b">3\r\n+message\r\n+c\r\n+two\r\n";
        let (heard, sent) = tokio::join!(conn.heard(), server.write_all(later));
        assert_eq!((heard, sent.unwrap()), (Ok(()), ()));
        assert_eq!(texts(&mut conn), ["two"]);
    }

    #[tokio::test]
    async fn messages_that_are_too_long_are_lost() {
        let (mut conn, mut server) = pair().await;
        let long = "x".repeat(MAX_MESSAGE + 1);
        let talk = format!(">3\r\n+message\r\n+c\r\n+{long}\r\n>3\r\n+message\r\n+c\r\n+short\r\n");
        server.write_all(talk.as_bytes()).await.unwrap();
        conn.heard().await.unwrap();
        assert_eq!(texts(&mut conn), ["short"]);
    }

    #[tokio::test]
    async fn messages_that_nobody_takes_are_lost_beyond_a_limit() {
        let (mut conn, mut server) = pair().await;
        let talk = ">3\r\n+message\r\n+c\r\n+x\r\n".repeat(MAX_MESSAGES + 1) + "+PONG\r\n";
        let ping = cmd("PING");
        let (reply, ()) = tokio::join!(conn.ask_one(&ping), answer(&mut server, "PING", &talk));
        reply.unwrap();
        assert_eq!(conn.messages().count(), MAX_MESSAGES);
    }

    #[tokio::test]
    async fn a_refused_subscription_leaves_replies_where_they_belong() {
        let (mut conn, mut server) = pair().await;
        let channels = ["c".to_owned()];
        let (refused, ()) = tokio::join!(
            conn.subscribe(&channels),
            answer(&mut server, "SUBSCRIBE", "-NOPERM no\r\n"),
        );
        assert_eq!(refused, Err(Fault::Refused("NOPERM no".into())));
        let ping = cmd("PING");
        let (reply, ()) = tokio::join!(conn.ask_one(&ping), answer(&mut server, "PING", ":1\r\n"));
        assert_eq!(reply, Ok(Value::Int(1)));
    }

    #[tokio::test]
    async fn a_forgotten_script_is_loaded_again() {
        let (mut conn, mut server) = pair().await;
        let call = Call::new(vec!["k".into()]).with("a");
        let (reply, ()) = tokio::join!(conn.run_one(&script::POLL, call.clone()), async {
            answer(&mut server, "LOAD", "$2\r\nid\r\n").await;
            answer(&mut server, "EVALSHA", ":1\r\n").await;
        });
        assert_eq!(reply, Ok(Value::Int(1)));
        let (reply, ()) = tokio::join!(conn.run_one(&script::POLL, call), async {
            answer(&mut server, "EVALSHA", "-NOSCRIPT No matching script\r\n").await;
            answer(&mut server, "LOAD", "$2\r\nid\r\n").await;
            answer(&mut server, "EVALSHA", ":2\r\n").await;
        });
        assert_eq!(reply, Ok(Value::Int(2)));
    }

    #[tokio::test]
    async fn a_greeting_that_is_refused_is_told_without_the_password() {
        let login = RedisConnectionInfo::default().set_password("hunter2");
        for (said, expect) in [
            ("-WRONGPASS hunter2\r\n", ErrorKind::Denied),
            ("-NOAUTH hunter2\r\n", ErrorKind::Denied),
            (
                "-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `default`, `hunter2`\r\n",
                ErrorKind::Unsupported,
            ),
            ("HTTP/1.1 400 hunter2\r\n", ErrorKind::Unavailable),
        ] {
            let (ours, mut theirs) = tokio::io::duplex(1 << 16);
            let (refused, ()) =
                tokio::join!(Conn::open(ours, &login), answer(&mut theirs, "HELLO", said));
            let error = refused.err().unwrap().at("redis://h", "h:1");
            assert_eq!(error.kind(), expect, "{error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_silent_or_gone_is_noticed() {
        let ping = cmd("PING");
        let (mut conn, server) = pair().await;
        assert_eq!(conn.ask_one(&ping).await, Err(Fault::Late));
        drop(server);
        assert!(conn.ask_one(&ping).await.unwrap_err().is_broken());
        let (mut conn, server) = pair().await;
        drop(server);
        assert!(conn.heard().await.unwrap_err().is_broken());
    }

    #[tokio::test]
    async fn a_connection_that_is_dropped_is_closed() {
        let (conn, mut server) = pair().await;
        drop(conn);
        assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
    }
}
