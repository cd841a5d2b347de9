//! The cases: what load each is, and how it is written.

use std::fmt;
use std::str::FromStr;

/// How large the payload of a call and its reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// 16 bytes.
    Small,
    /// 1 KiB.
    Kilobyte,
    /// 64 KiB.
    Large,
}

impl Payload {
    /// Its bytes.
    pub fn size(self) -> usize {
        match self {
            Self::Small => 16,
            Self::Kilobyte => 1024,
            Self::Large => 64 * 1024,
        }
    }
}

/// A load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Callers in a closed loop, each with one call in flight: `S 64x4`, `S 64x1 pending`.
    Closed {
        /// What is echoed.
        payload: Payload,
        /// Calls in flight.
        callers: usize,
        /// Connections that they share.
        connections: usize,
        /// Whether the handler waits once.
        pending: bool,
    },
    /// Calls that arrive whether or not earlier ones are done: `open 20k`, over 4 connections, small.
    Open {
        /// Calls per second.
        rate: u64,
    },
    /// One stream from the server: `stream server`.
    ServerStream,
    /// One stream from the client: `stream client`.
    ClientStream,
    /// One stream each way at the same time: `stream bidi`.
    BidiStream,
    /// Connections that made a call and are held open: `idle 2000`.
    Idle {
        /// How many.
        connections: usize,
    },
    /// Small calls alone, then while replies of 4 MiB share their connection: `S beside 4 MiB`.
    BesideLarge,
    /// Small calls alone, then while a method that computes for 5 ms shares their connection: `S beside 5 ms`.
    BesideCompute,
}

impl fmt::Display for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed {
                payload,
                callers,
                connections,
                pending,
            } => {
                let letter = match payload {
                    Payload::Small => 'S',
                    Payload::Kilobyte => 'K',
                    Payload::Large => 'L',
                };
                let pending = if *pending { " pending" } else { "" };
                write!(formatter, "{letter} {callers}x{connections}{pending}")
            }
            Self::Open { rate } => write!(formatter, "open {}k", rate / 1000),
            Self::ServerStream => formatter.write_str("stream server"),
            Self::ClientStream => formatter.write_str("stream client"),
            Self::BidiStream => formatter.write_str("stream bidi"),
            Self::Idle { connections } => write!(formatter, "idle {connections}"),
            Self::BesideLarge => formatter.write_str("S beside 4 MiB"),
            Self::BesideCompute => formatter.write_str("S beside 5 ms"),
        }
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let words: Vec<&str> = written.split_whitespace().collect();
        let case = match words.as_slice() {
            ["S", "beside", "4", "MiB"] => Some(Self::BesideLarge),
            ["S", "beside", "5", "ms"] => Some(Self::BesideCompute),
            ["stream", "server"] => Some(Self::ServerStream),
            ["stream", "client"] => Some(Self::ClientStream),
            ["stream", "bidi"] => Some(Self::BidiStream),
            ["idle", connections] => {
                count(connections).map(|connections| Self::Idle { connections })
            }
            ["open", rate] => rate
                .strip_suffix('k')
                .and_then(count)
                .map(|thousands| Self::Open {
                    rate: 1000 * thousands as u64,
                }),
            [letter, shape] => closed(letter, shape, false),
            [letter, shape, "pending"] => closed(letter, shape, true),
            _ => None,
        };
        case.ok_or_else(|| {
            format!(
                "no such case: {written:?}. Cases: `S 64x4` (S 16 B, K 1 KiB, L 64 KiB; callers x connections), \
                 `S 64x1 pending`, `open 20k`, `stream server`, `stream client`, `stream bidi`, `idle 2000`, \
                 `S beside 4 MiB`, `S beside 5 ms`"
            )
        })
    }
}

fn closed(letter: &str, shape: &str, pending: bool) -> Option<Case> {
    let payload = match letter {
        "S" => Payload::Small,
        "K" => Payload::Kilobyte,
        "L" => Payload::Large,
        _ => return None,
    };
    let (callers, connections) = shape.split_once('x')?;
    Some(Case::Closed {
        payload,
        callers: count(callers)?,
        connections: count(connections)?,
        pending,
    })
}

fn count(written: &str) -> Option<usize> {
    written.parse().ok().filter(|&count| count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_read_as_it_is_written() {
        for written in [
            "S 64x1",
            "K 512x4",
            "L 1x1",
            "S 64x1 pending",
            "open 20k",
            "stream server",
            "stream client",
            "stream bidi",
            "idle 2000",
            "S beside 4 MiB",
            "S beside 5 ms",
        ] {
            let case: Case = written.parse().unwrap();
            assert_eq!(case.to_string(), written);
        }
    }

    #[test]
    fn unknown_case_is_told_what_there_is() {
        for written in [
            "",
            "M 1x1",
            "S 1",
            "S 0x1",
            "S 1x1 later",
            "open 20",
            "idle -1",
        ] {
            let error = written.parse::<Case>().unwrap_err();
            assert!(error.contains("`S 64x4`"), "{written}: {error}");
        }
    }
}
