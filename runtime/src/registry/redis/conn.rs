//! One connection: commands and their replies, scripts, and what the server says without being asked.
//!
//! It has no task of its own: whoever holds it reads it. After any fault but a refusal it is of no use and is dropped.
//! Knows no key.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::fault::Fault;
use super::resp::{self, Value};
use super::script::Script;

/// How long a server may take to answer. Ours are answered in a millisecond; a server that is stopped or cut off is known
/// after this, well within the time after which an instance runs out.
pub(super) const DEADLINE: Duration = Duration::from_secs(2);

/// The most messages that are kept until somebody takes them, and the longest of them. What is beyond is lost, as any message may
/// be.
const MAX_MESSAGES: usize = 20_000;
const MAX_MESSAGE: usize = 512;

/// What goes over the wire: a socket, or TLS over one.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

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
    stream: Box<dyn Stream>,
    inbound: BytesMut,
    outbound: Vec<u8>,
    messages: VecDeque<Message>,
    /// The names that the server has given to scripts.
    scripts: HashMap<&'static str, Vec<u8>>,
    /// Whether it knows `EVALSHA_RO`, which needs no right to write: Redis 7 and later.
    pub(super) reads_apart: bool,
}

impl Conn {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            inbound: BytesMut::new(),
            outbound: Vec::new(),
            messages: VecDeque::new(),
            scripts: HashMap::new(),
            reads_apart: false,
        }
    }

    /// Sends commands in one go and waits for all their replies, refusals among them.
    pub(super) async fn ask(&mut self, commands: &[&[&[u8]]]) -> Result<Vec<Value>, Fault> {
        for command in commands {
            resp::encode(command, &mut self.outbound);
        }
        let count = commands.len();
        timeout(DEADLINE, async {
            self.stream
                .write_all(&self.outbound)
                .await
                .map_err(|error| broken(&error))?;
            self.stream.flush().await.map_err(|error| broken(&error))?;
            self.outbound.clear();
            let mut replies = Vec::with_capacity(count);
            while replies.len() < count {
                replies.push(self.reply().await?);
            }
            Ok(replies)
        })
        .await
        .unwrap_or(Err(Fault::Late))
    }

    /// Sends one command and waits for its reply.
    pub(super) async fn ask_one(&mut self, command: &[&[u8]]) -> Result<Value, Fault> {
        let replies = self.ask(&[command]).await?;
        match replies.into_iter().next() {
            Some(Value::Error(said)) => Err(Fault::Refused(said)),
            reply => Ok(reply.unwrap_or(Value::Null)),
        }
    }

    /// Runs a script once for each call, in one go. One refusal fails them all, though the others may have run.
    pub(super) async fn run(
        &mut self,
        script: &'static Script,
        calls: &[Call],
    ) -> Result<Vec<Value>, Fault> {
        let replies = self.evaluate(script, calls).await?;
        // Somebody has emptied the server's memory of scripts.
        let forgotten =
            |reply: &Value| matches!(reply, Value::Error(said) if said.starts_with("NOSCRIPT"));
        let replies = if replies.iter().any(forgotten) {
            self.scripts.clear();
            self.evaluate(script, calls).await?
        } else {
            replies
        };
        replies
            .into_iter()
            .map(|reply| match reply {
                Value::Error(said) => Err(Fault::Refused(said)),
                reply => Ok(reply),
            })
            .collect()
    }

    /// Runs a script once.
    pub(super) async fn run_one(
        &mut self,
        script: &'static Script,
        call: Call,
    ) -> Result<Value, Fault> {
        let replies = self.run(script, &[call]).await?;
        Ok(replies.into_iter().next().unwrap_or(Value::Null))
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
        let counts: Vec<String> = calls
            .iter()
            .map(|call| call.keys.len().to_string())
            .collect();
        let evaluate: &[u8] = if script.reads && self.reads_apart {
            b"EVALSHA_RO"
        } else {
            b"EVALSHA"
        };
        let commands: Vec<Vec<&[u8]>> = calls
            .iter()
            .zip(&counts)
            .map(|(call, count)| {
                let head: [&[u8]; 3] = [evaluate, &name, count.as_bytes()];
                head.into_iter()
                    .chain(call.keys.iter().map(String::as_bytes))
                    .chain(call.arguments.iter().map(Vec::as_slice))
                    .collect()
            })
            .collect();
        let commands: Vec<&[&[u8]]> = commands.iter().map(Vec::as_slice).collect();
        self.ask(&commands).await
    }

    /// What the server calls a script.
    async fn name(&mut self, script: &'static Script) -> Result<Vec<u8>, Fault> {
        if let Some(name) = self.scripts.get(script.name) {
            return Ok(name.clone());
        }
        let load: &[&[u8]] = &[b"SCRIPT", b"LOAD", script.text.as_bytes()];
        let Value::Text(name) = self.ask_one(load).await? else {
            return Err(Fault::Malformed("no name for a script".into()));
        };
        self.scripts.insert(script.name, name.clone());
        Ok(name)
    }

    /// Begins (`SUBSCRIBE`) or ends (`UNSUBSCRIBE`) to listen to channels.
    pub(super) async fn listen(&mut self, command: &str, channels: &[String]) -> Result<(), Fault> {
        if channels.is_empty() {
            return Ok(());
        }
        let subscribe: Vec<&[u8]> = std::iter::once(command)
            .chain(channels.iter().map(String::as_str))
            .map(str::as_bytes)
            .collect();
        // It is confirmed by pushes, one per channel, and refused by a reply: the second command's tells them apart.
        resp::encode(&subscribe, &mut self.outbound);
        match self.ask_one(&[b"PING"]).await {
            Err(Fault::Refused(said)) => {
                // This was the refusal; the answer to the second command is still to come.
                timeout(DEADLINE, self.reply())
                    .await
                    .unwrap_or(Err(Fault::Late))?;
                Err(Fault::Refused(said))
            }
            answered => answered.map(drop),
        }
    }

    /// Waits until the server has said something without being asked. Dropping the future loses nothing.
    pub(super) async fn heard(&mut self) -> Result<(), Fault> {
        while self.messages.is_empty() {
            if let Some(reply) = self.next().await? {
                return Err(Fault::Malformed(format!(
                    "a reply that nobody asked for ({})",
                    match reply {
                        Value::Error(_) => "a refusal",
                        _ => "a value",
                    }
                )));
            }
        }
        Ok(())
    }

    /// Takes what has been heard so far.
    pub(super) fn messages(&mut self) -> impl Iterator<Item = Message> {
        self.messages.drain(..)
    }

    async fn reply(&mut self) -> Result<Value, Fault> {
        loop {
            if let Some(reply) = self.next().await? {
                return Ok(reply);
            }
        }
    }

    /// The next reply, or nothing where it was a push, which is kept.
    async fn next(&mut self) -> Result<Option<Value>, Fault> {
        loop {
            let value = resp::decode(&mut self.inbound)
                .map_err(|resp::Malformed(what)| Fault::Malformed(what))?;
            match value {
                Some(Value::Push(parts)) => {
                    if self.messages.len() < MAX_MESSAGES {
                        self.messages.extend(message(&parts));
                    }
                    return Ok(None);
                }
                Some(reply) => return Ok(Some(reply)),
                None => {}
            }
            self.inbound.reserve(16 * 1024);
            let read = self
                .stream
                .read_buf(&mut self.inbound)
                .await
                .map_err(|error| broken(&error))?;
            if read == 0 {
                return Err(Fault::Broken("it has closed the connection".into()));
            }
        }
    }
}

fn broken(error: &io::Error) -> Fault {
    Fault::Broken(format!("the connection is broken: {error}"))
}

/// What a channel says; confirmations and what is no text say nothing.
fn message(parts: &[Value]) -> Option<Message> {
    match parts {
        [kind, channel, text] if kind.text() == Some("message") => Some(Message {
            channel: channel.text()?.to_owned(),
            text: text
                .text()
                .filter(|text| text.len() <= MAX_MESSAGE)?
                .to_owned(),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;

    use super::super::script;
    use super::*;

    fn pair() -> (Conn, DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        (Conn::new(Box::new(ours)), theirs)
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

    #[tokio::test]
    async fn what_is_said_between_replies_is_kept_in_order() {
        let (mut conn, mut server) = pair();
        let talk = ">3\r\n+message\r\n+c\r\n+one\r\n+PONG\r\n>3\r\n+message\r\n+c\r\n+two\r\n";
        let (reply, ()) = tokio::join!(conn.ask_one(&[b"PING"]), answer(&mut server, "PING", talk));
        assert_eq!(reply.unwrap(), Value::Text("PONG".into()));
        let texts = |conn: &mut Conn| {
            conn.messages()
                .map(|message| message.text)
                .collect::<Vec<_>>()
        };
        assert_eq!(texts(&mut conn), ["one"]);
        conn.heard().await.unwrap();
        assert_eq!(texts(&mut conn), ["two"]);
    }

    #[tokio::test]
    async fn messages_that_are_too_long_are_lost() {
        let (mut conn, mut server) = pair();
        let long = "x".repeat(MAX_MESSAGE + 1);
        let talk = format!(">3\r\n+message\r\n+c\r\n+{long}\r\n>3\r\n+message\r\n+c\r\n+short\r\n");
        server.write_all(talk.as_bytes()).await.unwrap();
        conn.heard().await.unwrap();
        let texts: Vec<_> = conn.messages().map(|message| message.text).collect();
        assert_eq!(texts, ["short"]);
    }

    #[tokio::test]
    async fn a_refused_subscription_leaves_replies_where_they_belong() {
        let (mut conn, mut server) = pair();
        let channels = ["c".to_owned()];
        let (refused, ()) = tokio::join!(
            conn.listen("SUBSCRIBE", &channels),
            answer(&mut server, "PING", "-NOPERM no\r\n+PONG\r\n"),
        );
        assert_eq!(refused, Err(Fault::Refused("NOPERM no".into())));
        let (reply, ()) = tokio::join!(
            conn.ask_one(&[b"GET", b"x"]),
            answer(&mut server, "GET", ":1\r\n")
        );
        assert_eq!(reply, Ok(Value::Number(1)));
    }

    #[tokio::test]
    async fn a_forgotten_script_is_loaded_again() {
        let (mut conn, mut server) = pair();
        let call = Call::new(vec!["k".into()]).with("a");
        let (reply, ()) = tokio::join!(conn.run_one(&script::POLL, call.clone()), async {
            answer(&mut server, "LOAD", "$2\r\nid\r\n").await;
            answer(&mut server, "EVALSHA", ":1\r\n").await;
        });
        assert_eq!(reply, Ok(Value::Number(1)));
        let (reply, ()) = tokio::join!(conn.run_one(&script::POLL, call), async {
            answer(&mut server, "EVALSHA", "-NOSCRIPT No matching script\r\n").await;
            answer(&mut server, "LOAD", "$2\r\nid\r\n").await;
            answer(&mut server, "EVALSHA", ":2\r\n").await;
        });
        assert_eq!(reply, Ok(Value::Number(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_silent_or_gone_is_noticed() {
        let (mut conn, server) = pair();
        assert_eq!(conn.ask_one(&[b"PING"]).await, Err(Fault::Late));
        drop(server);
        assert!(conn.ask_one(&[b"PING"]).await.unwrap_err().is_broken());
        let (mut conn, server) = pair();
        drop(server);
        assert!(conn.heard().await.unwrap_err().is_broken());
    }
}
