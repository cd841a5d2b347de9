//! The messages of etcd's public API (v3) that a registry needs, by the numbers of its `rpc.proto`, written by hand so
//! that nobody needs protoc. Fields that are never looked at are left out: readers of protobuf pass over them.
//!
//! Knows nothing of how they travel.

use std::fmt;

use bytes::Bytes;
use prost::{Message, Oneof};

/// What stands at the head of every answer.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Header {
    /// The revision of the whole store when it answered.
    #[prost(int64, tag = "3")]
    pub(super) revision: i64,
}

/// An entry.
#[derive(Clone, PartialEq, Message)]
pub(super) struct KeyValue {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
    /// The revision of its last change.
    #[prost(int64, tag = "3")]
    pub(super) mod_revision: i64,
    #[prost(bytes = "bytes", tag = "5")]
    pub(super) value: Bytes,
    /// The lease it goes with, 0 for none.
    #[prost(int64, tag = "6")]
    pub(super) lease: i64,
}

/// Reads the keys from `key` to `end`, which is not among them; one key where `end` is empty.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Range {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) end: Bytes,
    #[prost(int64, tag = "3")]
    pub(super) limit: i64,
    /// Reads as of this revision; 0 reads the newest.
    #[prost(int64, tag = "4")]
    pub(super) revision: i64,
    #[prost(bool, tag = "8")]
    pub(super) keys_only: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct RangeAnswer {
    #[prost(message, optional, tag = "1")]
    pub(super) header: Option<Header>,
    #[prost(message, repeated, tag = "2")]
    pub(super) kvs: Vec<KeyValue>,
    /// Whether the limit cut it short.
    #[prost(bool, tag = "3")]
    pub(super) more: bool,
    /// How many keys there are, with those beyond the limit.
    #[prost(int64, tag = "4")]
    pub(super) count: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Put {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) value: Bytes,
    #[prost(int64, tag = "3")]
    pub(super) lease: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct DeleteRange {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) end: Bytes,
}

/// One step of a transaction.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Step {
    #[prost(oneof = "step::Kind", tags = "1, 2, 3")]
    pub(super) kind: Option<step::Kind>,
}

pub(super) mod step {
    use super::{DeleteRange, Oneof, Put, Range};

    #[derive(Clone, PartialEq, Oneof)]
    pub(in super::super) enum Kind {
        #[prost(message, tag = "1")]
        Range(Range),
        #[prost(message, tag = "2")]
        Put(Put),
        #[prost(message, tag = "3")]
        Delete(DeleteRange),
    }
}

impl Step {
    pub(super) fn put(key: impl Into<Bytes>, value: impl Into<Bytes>, lease: i64) -> Self {
        Self {
            kind: Some(step::Kind::Put(Put {
                key: key.into(),
                value: value.into(),
                lease,
            })),
        }
    }

    pub(super) fn delete(key: impl Into<Bytes>) -> Self {
        Self {
            kind: Some(step::Kind::Delete(DeleteRange {
                key: key.into(),
                end: Bytes::new(),
            })),
        }
    }
}

/// What a transaction asks of a key: that its last change was at `revision`, 0 for a key that is not there.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Unchanged {
    /// Always `EQUAL`, 0, which is not written.
    #[prost(int32, tag = "1")]
    result: i32,
    /// Always `MOD`.
    #[prost(int32, tag = "2")]
    target: i32,
    #[prost(bytes = "bytes", tag = "3")]
    key: Bytes,
    /// One of a oneof, so that 0 is written, too.
    #[prost(int64, optional, tag = "6")]
    revision: Option<i64>,
}

impl Unchanged {
    pub(super) fn since(revision: i64, key: impl Into<Bytes>) -> Self {
        const MOD: i32 = 2;
        Self {
            result: 0,
            target: MOD,
            key: key.into(),
            revision: Some(revision),
        }
    }
}

/// If all of `compare` holds then `success` is done, in one step, else nothing.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Txn {
    #[prost(message, repeated, tag = "1")]
    pub(super) compare: Vec<Unchanged>,
    #[prost(message, repeated, tag = "2")]
    pub(super) success: Vec<Step>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TxnAnswer {
    #[prost(message, optional, tag = "1")]
    pub(super) header: Option<Header>,
    #[prost(bool, tag = "2")]
    pub(super) succeeded: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LeaseGrant {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LeaseGrantAnswer {
    #[prost(int64, tag = "2")]
    pub(super) id: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LeaseRevoke {
    #[prost(int64, tag = "1")]
    pub(super) id: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LeaseRevokeAnswer {}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LeaseKeepAlive {
    #[prost(int64, tag = "1")]
    pub(super) id: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LeaseKeepAliveAnswer {
    /// What is left of it now; 0 or less if there is no such lease.
    #[prost(int64, tag = "3")]
    pub(super) seconds: i64,
}

/// Asks something of a watch stream.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Watching {
    #[prost(oneof = "watching::Kind", tags = "1, 3")]
    pub(super) kind: Option<watching::Kind>,
}

pub(super) mod watching {
    use super::{Oneof, Progress, WatchCreate};

    #[derive(Clone, PartialEq, Oneof)]
    pub(in super::super) enum Kind {
        #[prost(message, tag = "1")]
        Create(WatchCreate),
        #[prost(message, tag = "3")]
        Progress(Progress),
    }
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WatchCreate {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) end: Bytes,
    #[prost(int64, tag = "3")]
    pub(super) start_revision: i64,
    /// Whether answers that are too large for one message may come in several.
    #[prost(bool, tag = "8")]
    pub(super) fragment: bool,
}

/// Asks for a sign of life.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Progress {}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WatchAnswer {
    #[prost(message, optional, tag = "1")]
    pub(super) header: Option<Header>,
    #[prost(bool, tag = "4")]
    pub(super) canceled: bool,
    /// The oldest revision that is left, if the one asked for is compacted.
    #[prost(int64, tag = "5")]
    pub(super) compact_revision: i64,
    #[prost(string, tag = "6")]
    pub(super) cancel_reason: String,
    /// Whether the rest of this revision comes in the next message.
    #[prost(bool, tag = "7")]
    pub(super) fragment: bool,
    #[prost(message, repeated, tag = "11")]
    pub(super) events: Vec<Event>,
}

/// A change of one key.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    /// 0 for a put, 1 for a delete.
    #[prost(int32, tag = "1")]
    pub(super) kind: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) kv: Option<KeyValue>,
}

impl Event {
    pub(super) fn is_delete(&self) -> bool {
        self.kind == 1
    }
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct Authenticate {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) password: String,
}

impl fmt::Debug for Authenticate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticate")
    }
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct AuthenticateAnswer {
    #[prost(string, tag = "2")]
    pub(super) token: String,
}

impl fmt::Debug for AuthenticateAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthenticateAnswer")
    }
}

/// A request that has one answer.
pub(super) trait Call: Message + Clone {
    /// Where it goes.
    const PATH: &'static str;
    /// What comes back.
    type Answer: Message + Default;
}

macro_rules! calls {
    ($($request:ty => $path:literal, $answer:ty;)*) => {$(
        impl Call for $request {
            const PATH: &'static str = $path;
            type Answer = $answer;
        }
    )*};
}

calls! {
    Range => "/etcdserverpb.KV/Range", RangeAnswer;
    Txn => "/etcdserverpb.KV/Txn", TxnAnswer;
    LeaseGrant => "/etcdserverpb.Lease/LeaseGrant", LeaseGrantAnswer;
    LeaseRevoke => "/etcdserverpb.Lease/LeaseRevoke", LeaseRevokeAnswer;
    // A stream that is closed behind its first request has one answer, too.
    LeaseKeepAlive => "/etcdserverpb.Lease/LeaseKeepAlive", LeaseKeepAliveAnswer;
    Authenticate => "/etcdserverpb.Auth/Authenticate", AuthenticateAnswer;
}

/// Where watch streams are opened.
pub(super) const WATCH: &str = "/etcdserverpb.Watch/Watch";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_must_not_exist_is_compared_with_a_written_zero() {
        let compare = Unchanged::since(0, "k");
        assert_eq!(compare.encode_to_vec(), b"\x10\x02\x1a\x01k\x30\x00");
    }

    #[test]
    fn a_progress_request_is_an_empty_message_that_is_there() {
        let request = Watching {
            kind: Some(watching::Kind::Progress(Progress {})),
        };
        assert_eq!(request.encode_to_vec(), b"\x1a\x00");
    }

    #[test]
    fn secrets_are_not_debugged() {
        let request = Authenticate {
            name: "root".into(),
            password: "hunter2".into(),
        };
        assert_eq!(format!("{request:?}"), "Authenticate");
        let answer = AuthenticateAnswer {
            token: "hunter2".into(),
        };
        assert_eq!(format!("{answer:?}"), "AuthenticateAnswer");
    }
}
