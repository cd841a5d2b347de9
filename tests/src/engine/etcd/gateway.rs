//! etcd's JSON gateway, which takes what its command would not: any bytes, of any length, and many at once.

use std::fmt::Write as _;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Engine, Etcd};

/// Who puts entries past every back end.
#[derive(Debug)]
pub struct Gateway {
    endpoint: String,
    /// The line of the head that says who asks.
    authorization: String,
}

impl Gateway {
    /// The gateway of a server that lets everybody in.
    pub fn of(etcd: &Engine<Etcd>) -> Self {
        Self {
            endpoint: etcd.place().endpoint(),
            authorization: String::new(),
        }
    }

    /// The gateway for a user.
    ///
    /// # Panics
    /// When it is not let in.
    pub async fn login(etcd: &Engine<Etcd>, name: &str, password: &str) -> Self {
        let mut gateway = Self::of(etcd);
        let who = format!(r#"{{"name":"{name}","password":"{password}"}}"#);
        let answer = gateway.post("/v3/auth/authenticate", &who).await;
        let token = answer.split_once(r#""token":""#);
        let token = token.and_then(|(_, rest)| rest.split('"').next());
        let token = token.unwrap_or_else(|| panic!("{name} is not let in: {answer}"));
        gateway.authorization = format!("authorization: {token}\r\n");
        gateway
    }

    /// Puts keys and values in one transaction. More than 128, or of more than 1.5 MiB, need a server that is
    /// [patient](Etcd::patient).
    ///
    /// # Panics
    /// When it is refused.
    pub async fn put(&self, entries: &[(Vec<u8>, Vec<u8>)]) {
        let mut steps = String::new();
        for (key, value) in entries {
            let comma = if steps.is_empty() { "" } else { "," };
            let (key, value) = (base64(key), base64(value));
            // Writing to a string cannot fail.
            let _ = write!(
                steps,
                r#"{comma}{{"request_put":{{"key":"{key}","value":"{value}"}}}}"#
            );
        }
        let body = format!(r#"{{"success":[{steps}]}}"#);
        let answer = self.post("/v3/kv/txn", &body).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    async fn post(&self, path: &str, body: &str) -> String {
        let ask = async {
            let mut socket = TcpStream::connect(&self.endpoint).await?;
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: {}\r\n{}connection: close\r\ncontent-length: {}\r\n\r\n",
                self.endpoint,
                self.authorization,
                body.len()
            );
            socket.write_all(head.as_bytes()).await?;
            socket.write_all(body.as_bytes()).await?;
            let mut answer = String::new();
            socket.read_to_string(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        ask.await.expect("a gateway that answers")
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .fold(0_usize, |bits, &byte| bits << 8 | usize::from(byte))
            << (8 * (3 - group.len()));
        for digit in 0..4 {
            let index = bits >> (18 - 6 * digit) & 63;
            text.push(if digit <= group.len() {
                char::from(DIGITS[index])
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(b"\xfb\xff\xbe"), "+/++");
    }
}
