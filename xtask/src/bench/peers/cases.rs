//! The cases, in the order of the report.

use super::programs::{FLOOR, OURS};

/// A case by its name, which the programs understand.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// What it is, for the heading of its table.
    pub(super) shows: &'static str,
    /// The figure that systems are compared by.
    pub(super) figure: &'static str,
    /// Whether only the floor, Callsheet and the best-known peer run it: it is about how one system grows.
    few: bool,
}

impl Case {
    const fn all(name: &'static str, shows: &'static str) -> Self {
        Self {
            name,
            shows,
            figure: "calls_per_s",
            few: false,
        }
    }

    const fn by(self, figure: &'static str) -> Self {
        Self { figure, ..self }
    }

    const fn few(name: &'static str, shows: &'static str) -> Self {
        Self {
            name,
            shows,
            figure: "calls_per_s",
            few: true,
        }
    }

    pub(super) fn concerns(&self, system: &str) -> bool {
        !self.few || [FLOOR, OURS, "tonic"].contains(&system)
    }
}

/// S is an echo of 16 B, K of 1 KiB, L of 64 KiB; then callers, each with one call in flight, x connections.
pub(super) const CASES: [Case; 24] = [
    Case::all("S 1x1", "16 B, one call at a time"),
    Case::all("S 64x1", "16 B, 64 calls in flight on one connection"),
    Case::all("S 64x4", "16 B, 64 calls in flight on 4 connections"),
    Case::all("S 512x4", "16 B, 512 calls in flight on 4 connections"),
    Case::all("K 64x4", "1 KiB, 64 calls in flight on 4 connections"),
    Case::all("L 64x1", "64 KiB, 64 calls in flight on one connection"),
    Case::all("L 64x4", "64 KiB, 64 calls in flight on 4 connections"),
    Case::all(
        "stream server",
        "100-byte messages of one stream from the server",
    ).by("messages_per_s"),
    Case::all(
        "stream client",
        "100-byte messages of one stream from the client",
    ).by("messages_per_s"),
    Case::all("stream bidi", "100-byte messages of one stream each way").by("messages_per_s"),
    Case::all(
        "open 20k",
        "16 B, 20 000 calls arriving per second, in bursts of 1 ms, on 4 connections",
    ).by("p99_us"),
    Case::all(
        "open 50k",
        "16 B, 50 000 calls arriving per second, in bursts of 1 ms, on 4 connections",
    ).by("p99_us"),
    Case::all(
        "open 100k",
        "16 B, 100 000 calls arriving per second, in bursts of 1 ms, on 4 connections",
    ).by("p99_us"),
    Case::all(
        "idle 2000",
        "the server's memory for each of 2000 connections: after a call, and after 64 KiB on all at once",
    ).by("kib_per_connection"),
    Case::all("S 64x1 pending", "as S 64x1, and each handler waits once"),
    Case::all(
        "S beside 4 MiB",
        "16 B, 8 calls in flight, while replies of 4 MiB share the connection",
    ).by("p99_us"),
    Case::all(
        "S beside 5 ms",
        "16 B, 8 calls in flight, while handlers that compute for 5 ms share the connection",
    ).by("p99_us"),
    Case::few("S 128x2", "64 calls in flight on each of 2 connections"),
    Case::few("S 256x4", "64 calls in flight on each of 4 connections"),
    Case::few("S 1024x16", "64 calls in flight on each of 16 connections"),
    Case::few("S 4096x64", "64 calls in flight on each of 64 connections"),
    Case::few("S 64x16", "64 calls in flight on 16 connections"),
    Case::few(
        "S 64x64",
        "64 calls in flight on 64 connections: no two share one",
    ),
    Case::few("S 10000x4", "10 000 calls in flight on 4 connections"),
];
