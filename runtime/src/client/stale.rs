//! The last good answers that a client remembers, by method.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::governance::FallbackPolicy;
use crate::metadata::{Metadata, Value};
use crate::release::ReleaseRange;
use crate::resilience::{Bounds, LastAnswers};
use crate::rope::Rope;
use crate::route::GroupChoice;

/// Metadata that differs from call to call and changes no answer.
const TRACES: [&str; 2] = ["traceparent", "tracestate"];

/// What makes two requests of a method equal: who is asked, and every byte that they would see. Metadata counts, since
/// answers may depend on who asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    groups: GroupChoice,
    releases: ReleaseRange,
    sent: Vec<u8>,
}

impl Key {
    pub(super) fn new(
        groups: &GroupChoice,
        releases: ReleaseRange,
        metadata: &Metadata,
        body: &Rope,
    ) -> Self {
        let mut sent = Vec::with_capacity(body.len() + 16);
        // Lengths in front, so that no two requests look alike.
        let mut put = |kind: u8, bytes: &[u8]| {
            sent.push(kind);
            sent.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
            sent.extend_from_slice(bytes);
        };
        for (key, value) in metadata.iter().filter(|(key, _)| !TRACES.contains(key)) {
            put(0, key.as_bytes());
            match value {
                Value::Text(text) => put(1, text.as_bytes()),
                Value::Binary(bytes) => put(2, bytes),
            }
        }
        // No entry begins so.
        sent.push(3);
        for piece in body.pieces() {
            sent.extend_from_slice(piece);
        }
        Self {
            groups: groups.clone(),
            releases,
            sent,
        }
    }
}

/// The last good answers to calls of one client, by the path of their method.
#[derive(Default)]
pub(super) struct Stale(Mutex<HashMap<&'static str, LastAnswers<Key>>>);

impl Stale {
    /// Remembers what came at `now`.
    pub(super) fn keep(
        &self,
        path: &'static str,
        key: Key,
        body: &Rope,
        now: Duration,
        policy: &FallbackPolicy,
    ) {
        let weight = key.sent.len();
        let bounds = Bounds {
            entries: policy.stale_entries as usize,
            bytes: policy.stale_bytes,
        };
        let body = body.clone().into_bytes();
        let mut answers = self.lock();
        let last = answers.entry(path).or_default();
        last.keep(key, weight, &body, now, bounds);
    }

    /// The last good answer, if it came within `age` before `now`.
    pub(super) fn recall(
        &self,
        path: &str,
        key: &Key,
        now: Duration,
        age: Duration,
    ) -> Option<Bytes> {
        self.lock().get_mut(path)?.recall(key, now, age)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, LastAnswers<Key>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(tenant: &str, body: &'static str) -> Key {
        let mut metadata = Metadata::new();
        metadata.append("tenant", tenant.to_owned()).unwrap();
        metadata
            .append("traceparent", format!("of {body} by {tenant}"))
            .unwrap();
        let body = Rope::from(Bytes::from_static(body.as_bytes()));
        Key::new(&GroupChoice::Any, ReleaseRange::ANY, &metadata, &body)
    }

    #[test]
    fn requests_of_two_tenants_are_not_equal() {
        assert_ne!(key("a", "7"), key("b", "7"));
        assert_ne!(key("a", "7"), key("a", "8"));
        assert_ne!(key("a", "b7"), key("ab", "7"));
    }

    #[test]
    fn traces_make_no_difference() {
        let mut metadata = Metadata::new();
        metadata.append("tenant", "a").unwrap();
        metadata.append("traceparent", "another").unwrap();
        let body = Rope::from(Bytes::from_static(b"7"));
        let other = Key::new(&GroupChoice::Any, ReleaseRange::ANY, &metadata, &body);
        assert_eq!(key("a", "7"), other);
    }
}
