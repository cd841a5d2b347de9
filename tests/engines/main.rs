//! Registries of several servers against the real ones, started on free loopback ports: conformance, and their faults.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod authority;
mod etcd;
mod redis;
mod zookeeper;
