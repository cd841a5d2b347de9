//! RESP3, the protocol of Redis 6 and later: bytes to values and commands to bytes.
//!
//! As much of it as the registry's own commands are answered with. Knows no socket, no clock and no command.
//! <https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md>

use bytes::{Buf as _, BytesMut};

/// The largest reply that is taken: what our scripts give is far below it, so more is a fault or an attack.
pub(super) const MAX_REPLY: usize = 16 * 1024 * 1024;

/// How deep replies may be nested; ours are three deep.
const MAX_DEPTH: usize = 8;

/// The longest line: a header, a number, a simple text.
const MAX_LINE: usize = 64 * 1024;

/// A value that a server sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Number(i64),
    Text(Vec<u8>),
    /// What the server refuses something with: a word in capitals, then an explanation.
    Error(String),
    /// An array, a set, or the keys and values of a map in turn.
    List(Vec<Value>),
    /// Said without being asked.
    Push(Vec<Value>),
}

impl Value {
    /// The text, if it is one of UTF-8.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> Option<&[Value]> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// The value behind this key of a map.
    pub(super) fn field(&self, key: &str) -> Option<&Value> {
        let pairs = self.list()?.chunks_exact(2);
        pairs
            .filter(|pair| pair[0].text() == Some(key))
            .map(|pair| &pair[1])
            .next()
    }
}

/// The server does not speak RESP3, or says more than we take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) String);

/// Appends a command.
pub(super) fn encode(command: &[&[u8]], to: &mut Vec<u8>) {
    to.extend_from_slice(format!("*{}\r\n", command.len()).as_bytes());
    for part in command {
        to.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        to.extend_from_slice(part);
        to.extend_from_slice(b"\r\n");
    }
}

/// Takes the first value off `from`; `None` if it is not all there yet.
pub(super) fn decode(from: &mut BytesMut) -> Result<Option<Value>, Malformed> {
    // Before the first allocation it is known that all of it is there, so that no length is believed on its word.
    let Some(length) = extent(from)? else {
        return Ok(None);
    };
    let mut reader = Reader {
        rest: &from[..length],
    };
    let value = reader.value()?;
    from.advance(length);
    Ok(Some(value))
}

/// How long the first value is; `None` if that cannot be told yet.
fn extent(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let mut at = 0;
    // Values that are still to come, of the outermost to the innermost list.
    let mut open = vec![1_usize];
    while let Some(left) = open.last_mut() {
        if *left == 0 {
            open.pop();
            continue;
        }
        *left -= 1;
        if open.len() > MAX_DEPTH {
            return Err(Malformed(format!("a reply nested deeper than {MAX_DEPTH}")));
        }
        let Some((kind, line, behind)) = line(&bytes[at..])? else {
            return Ok(None);
        };
        at += behind;
        match Kind::of(kind)? {
            Kind::Line => {}
            Kind::Blob => {
                if let Some(length) = length(line)? {
                    at += length + 2;
                }
            }
            Kind::Lists(each) => {
                if let Some(count) = length(line)? {
                    open.push(count * each);
                }
            }
        }
        if at > MAX_REPLY {
            return Err(too_long());
        }
        if at > bytes.len() {
            return Ok(None);
        }
    }
    Ok(Some(at))
}

fn too_long() -> Malformed {
    Malformed(format!("a reply longer than {MAX_REPLY} bytes"))
}

/// What follows behind the first line of a value.
enum Kind {
    Line,
    Blob,
    /// So many values per counted one.
    Lists(usize),
}

impl Kind {
    fn of(kind: u8) -> Result<Self, Malformed> {
        match kind {
            b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => Ok(Self::Line),
            b'$' | b'!' | b'=' => Ok(Self::Blob),
            b'*' | b'~' | b'>' => Ok(Self::Lists(1)),
            b'%' => Ok(Self::Lists(2)),
            other => Err(Malformed(format!(
                "a reply that starts with `{}`",
                other.escape_ascii()
            ))),
        }
    }
}

/// The kind of a value, the rest of its first line, and where that ends.
type Line<'a> = (u8, &'a [u8], usize);

/// The first line of the first value.
fn line(bytes: &[u8]) -> Result<Option<Line<'_>>, Malformed> {
    let window = &bytes[..bytes.len().min(MAX_LINE)];
    let Some((&kind, _)) = window.split_first() else {
        return Ok(None);
    };
    let Some(end) = window.windows(2).position(|pair| pair == b"\r\n") else {
        // What is no RESP at all is told at once, not after 64 KiB.
        Kind::of(kind)?;
        if window.len() == MAX_LINE {
            return Err(Malformed(format!("a line longer than {MAX_LINE} bytes")));
        }
        return Ok(None);
    };
    // A line that is its kind only has no `\r` in its place.
    let text = window.get(1..end).unwrap_or_default();
    Ok(Some((kind, text, end + 2)))
}

/// A length or count; `None` for the `-1` that stands for nothing in older servers.
fn length(line: &[u8]) -> Result<Option<usize>, Malformed> {
    match number(line)? {
        -1 => Ok(None),
        length => usize::try_from(length)
            .ok()
            .filter(|&length| length <= MAX_REPLY)
            .map(Some)
            .ok_or_else(too_long),
    }
}

fn number(line: &[u8]) -> Result<i64, Malformed> {
    std::str::from_utf8(line)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| {
            let start = &line[..line.len().min(40)];
            Malformed(format!(
                "`{}` where a number should be",
                start.escape_ascii()
            ))
        })
}

/// Reads values from bytes that are known to hold them whole.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn value(&mut self) -> Result<Value, Malformed> {
        let cut = || Malformed("a reply that is cut off".into());
        let (kind, line, behind) = line(self.rest)?.ok_or_else(cut)?;
        self.rest = &self.rest[behind..];
        Ok(match kind {
            b':' => Value::Number(number(line)?),
            b'-' => Value::Error(String::from_utf8_lossy(line).into_owned()),
            b'_' => Value::Null,
            b'$' | b'=' | b'!' => {
                let Some(length) = length(line)? else {
                    return Ok(Value::Null);
                };
                let text = self.rest.get(..length).ok_or_else(cut)?.to_vec();
                self.rest = self.rest.get(length + 2..).ok_or_else(cut)?;
                if kind == b'!' {
                    Value::Error(String::from_utf8_lossy(&text).into_owned())
                } else {
                    Value::Text(text)
                }
            }
            b'*' | b'~' | b'>' | b'%' => {
                let Some(count) = length(line)? else {
                    return Ok(Value::Null);
                };
                let count = if kind == b'%' { count * 2 } else { count };
                let values = (0..count)
                    .map(|_| self.value())
                    .collect::<Result<Vec<_>, _>>()?;
                if kind == b'>' {
                    Value::Push(values)
                } else {
                    Value::List(values)
                }
            }
            _ => Value::Text(line.to_vec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(bytes: &[u8]) -> Result<Option<Value>, Malformed> {
        decode(&mut BytesMut::from(bytes))
    }

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn values_of_every_kind_are_read_however_they_are_cut() {
        let cases: [(&str, Value); 14] = [
            ("+OK\r\n", text("OK")),
            ("+\r\n", text("")),
            ("-NOPERM no\r\n", Value::Error("NOPERM no".into())),
            ("!7\r\nERR a\r\n\r\n", Value::Error("ERR a\r\n".into())),
            (":-42\r\n", Value::Number(-42)),
            ("_\r\n", Value::Null),
            ("$-1\r\n", Value::Null),
            ("*-1\r\n", Value::Null),
            ("$4\r\na\r\nb\r\n", text("a\r\nb")),
            ("=7\r\ntxt:abc\r\n", text("txt:abc")),
            ("*0\r\n", Value::List(vec![])),
            (
                "*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
                Value::List(vec![text("a"), Value::List(vec![Value::Number(1)])]),
            ),
            (
                "%1\r\n+role\r\n+master\r\n",
                Value::List(vec![text("role"), text("master")]),
            ),
            (
                ">2\r\n+message\r\n$0\r\n\r\n",
                Value::Push(vec![text("message"), text("")]),
            ),
        ];
        for (bytes, value) in cases {
            let bytes = bytes.as_bytes();
            for cut in 0..bytes.len() {
                assert_eq!(
                    decoded(&bytes[..cut]),
                    Ok(None),
                    "{cut} of {}",
                    bytes.escape_ascii()
                );
            }
            let mut two = BytesMut::from(&[bytes, b":7\r\n"].concat()[..]);
            assert_eq!(
                decode(&mut two),
                Ok(Some(value)),
                "{}",
                bytes.escape_ascii()
            );
            assert_eq!(&two[..], b":7\r\n", "what follows is left");
        }
    }

    #[test]
    fn what_is_no_reply_or_too_much_is_refused_before_it_is_there() {
        for bytes in [
            "HTTP/1.1 400 Bad Request\r\n",
            "SSH-2.0-x",
            "$999999999999\r\n",
            "*99999999999\r\n",
            "%9000000000000000000\r\n",
            "*1\r\n$20000000\r\n",
            "$-2\r\n",
            "$x\r\n",
            ":\r\n",
            &"*1\r\n".repeat(9),
            &format!("+{}", "x".repeat(MAX_LINE)),
        ] {
            assert!(decoded(bytes.as_bytes()).is_err(), "{bytes:.40}");
        }
    }

    #[test]
    fn fields_of_a_map_are_found_by_name() {
        let map = decoded(b"%2\r\n+proto\r\n:3\r\n+role\r\n+replica\r\n")
            .unwrap()
            .unwrap();
        assert_eq!(map.field("proto").and_then(Value::number), Some(3));
        assert_eq!(map.field("role").and_then(Value::text), Some("replica"));
        assert_eq!(map.field("3"), None);
    }

    #[test]
    fn a_command_is_a_list_of_texts_of_any_bytes() {
        let mut bytes = Vec::new();
        encode(&[b"SET", b"k", b"\r\n\xff"], &mut bytes);
        assert_eq!(bytes, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\n\r\n\xff\r\n");
        let expect = ["SET".into(), "k".into(), b"\r\n\xff".to_vec()].map(Value::Text);
        assert_eq!(decoded(&bytes), Ok(Some(Value::List(expect.into()))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = BytesMut::from(&bytes[..]);
            while let Ok(Some(_)) = decode(&mut bytes) {}
        }

        #[test]
        fn any_damage_to_a_reply_is_read_or_refused(at in 0..60_usize, byte: u8) {
            let mut bytes = b"*3\r\n$4\r\nabcd\r\n%1\r\n+role\r\n*2\r\n:1\r\n_\r\n>1\r\n-ERR x\r\n".to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            let mut bytes = BytesMut::from(&bytes[..]);
            while let Ok(Some(_)) = decode(&mut bytes) {}
        }
    }
}
