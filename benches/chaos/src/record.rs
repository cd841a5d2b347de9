//! All that became of the calls of a load, and what can be asked of it.

use std::collections::BTreeMap;
use std::ops::Range;

use chaos::{Call, Event, Failure, Unanswered};

use crate::node::Node;

/// Microseconds of a slice of time in which calls are counted.
pub(crate) const SLICE: u64 = 250_000;

/// A load at work.
pub(crate) struct Load {
    node: Node,
    seen: Vec<(String, u64)>,
    failed: Vec<Unanswered>,
}

impl Load {
    pub(crate) fn new(node: Node) -> Self {
        Self {
            node,
            seen: Vec::new(),
            failed: Vec::new(),
        }
    }

    /// When a server answered, after `since`, for the first time or again after it had not for a while.
    pub(crate) async fn sees(&mut self, server: &str, since: u64) -> Result<u64, Failure> {
        loop {
            let seen = self.seen.iter();
            if let Some((_, at)) = seen.rev().find(|(name, at)| name == server && *at >= since) {
                return Ok(*at);
            }
            let Some(event) = self.node.next().await? else {
                return Err(self.node.failure(&format!("never saw {server}")).into());
            };
            self.note(event);
        }
    }

    /// Waits until each of these has answered.
    pub(crate) async fn sees_all(&mut self, servers: &[String]) -> Result<(), Failure> {
        for server in servers {
            self.sees(server, 0).await?;
        }
        Ok(())
    }

    /// Suspends its process: what it has asked for arrives and is not read.
    pub(crate) fn suspend(&self) -> Result<(), Failure> {
        self.node.signal("STOP")
    }

    /// Ends the load and waits for all its calls.
    pub(crate) async fn finish(mut self) -> Result<Record, Failure> {
        self.node.dismiss();
        let mut record = Record::default();
        let mut told = false;
        while let Some(event) = self.node.next().await? {
            match event {
                Event::Calls(calls) => record.calls.extend(calls),
                Event::Behind { late } => {
                    record.late = late;
                    told = true;
                }
                other => self.note(other),
            }
        }
        if !told {
            return Err(self.node.failure("ended before its account").into());
        }
        record.name = self.node.name().to_owned();
        record.failed = self.failed;
        Ok(record)
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Seen { server, at } => self.seen.push((server, at)),
            Event::Failed(unanswered) => self.failed.push(unanswered),
            _ => {}
        }
    }
}

/// All calls of a load. Moments and times are microseconds.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) calls: Vec<Call>,
    pub(crate) failed: Vec<Unanswered>,
    /// How far the load's process was behind at most.
    pub(crate) late: u64,
}

/// What a slice of time was like.
#[derive(Debug, Default, serde::Serialize)]
pub(crate) struct Slice {
    /// Its beginning, in milliseconds from the first call.
    at_ms: u64,
    calls: usize,
    failed: usize,
    p50_us: u64,
    p99_us: u64,
    slowest_us: u64,
}

impl Record {
    /// How many calls there were.
    pub(crate) fn all(&self) -> usize {
        self.calls.len() + self.failed.len()
    }

    /// Calls that were due in a span of time and failed.
    pub(crate) fn failed_in(&self, due: &Range<u64>) -> usize {
        let failed = self.failed.iter();
        failed.filter(|call| due.contains(&call.due)).count()
    }

    /// Calls that were due in a span of time.
    pub(crate) fn all_in(&self, due: &Range<u64>) -> usize {
        let answered = self.calls.iter().filter(|call| due.contains(&call.0));
        answered.count() + self.failed_in(due)
    }

    /// The longest that a call took that was due in a span of time.
    pub(crate) fn slowest_in(&self, due: &Range<u64>) -> u64 {
        let answered = self.calls.iter();
        let answered = answered.filter(|call| due.contains(&call.0));
        let failed = self.failed.iter();
        let failed = failed.filter(|call| due.contains(&call.due));
        let took = answered
            .map(|call| call.1)
            .chain(failed.map(|call| call.at.saturating_sub(call.due)));
        took.max().unwrap_or_default()
    }

    /// Calls that were open at a moment.
    pub(crate) fn open_at(&self, moment: u64) -> usize {
        let answered = self.calls.iter();
        let answered = answered.filter(|call| call.0 <= moment && moment < call.0 + call.1);
        let failed = self.failed.iter();
        let failed = failed.filter(|call| call.due <= moment && moment < call.at);
        answered.count() + failed.count()
    }

    /// How many calls of a span of time each server answered.
    pub(crate) fn shares_in(&self, due: &Range<u64>) -> BTreeMap<&str, usize> {
        let mut shares = BTreeMap::new();
        for Call(at, _, server) in &self.calls {
            if due.contains(at) {
                *shares.entry(server.as_str()).or_default() += 1;
            }
        }
        shares
    }

    /// The failures by what they say, most frequent first.
    pub(crate) fn reasons(&self) -> Vec<(usize, &str)> {
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for failed in &self.failed {
            *reasons.entry(failed.status.as_str()).or_default() += 1;
        }
        let mut reasons: Vec<_> = reasons
            .into_iter()
            .map(|(why, count)| (count, why))
            .collect();
        reasons.sort_by(|a, b| b.cmp(a));
        reasons
    }

    /// The whole time, cut in slices.
    pub(crate) fn slices(&self) -> Vec<Slice> {
        let answered = self.calls.iter().map(|call| (call.0, call.1, false));
        let failed = self.failed.iter();
        let failed = failed.map(|call| (call.due, call.at.saturating_sub(call.due), true));
        let mut all: Vec<(u64, u64, bool)> = answered.chain(failed).collect();
        all.sort_unstable();
        let Some(first) = all.first().map(|call| call.0) else {
            return Vec::new();
        };
        let mut slices: BTreeMap<u64, Vec<(u64, bool)>> = BTreeMap::new();
        for (due, took, failed) in all {
            let slice = slices.entry((due - first) / SLICE).or_default();
            slice.push((took, failed));
        }
        let sum_up = |(number, mut calls): (u64, Vec<(u64, bool)>)| {
            calls.sort_unstable();
            let at = |share: usize| calls[(calls.len() * share / 100).min(calls.len() - 1)].0;
            Slice {
                at_ms: number * SLICE / 1000,
                calls: calls.len(),
                failed: calls.iter().filter(|call| call.1).count(),
                p50_us: at(50),
                p99_us: at(99),
                slowest_us: at(100),
            }
        };
        slices.into_iter().map(sum_up).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let unanswered = |due, at| Unanswered {
            due,
            at,
            started: true,
            status: "unavailable".to_owned(),
        };
        Record {
            calls: vec![
                Call(1000, 10, "a".to_owned()),
                Call(2000, 500, "b".to_owned()),
                Call(301_000, 10, "a".to_owned()),
            ],
            failed: vec![unanswered(2100, 9000)],
            ..Record::default()
        }
    }

    #[test]
    fn calls_count_where_they_were_due() {
        let record = record();
        assert_eq!(record.all(), 4);
        assert_eq!(record.failed_in(&(2000..2200)), 1);
        assert_eq!(record.failed_in(&(2200..9_999_999)), 0);
        assert_eq!(record.all_in(&(0..2000)), 1);
        assert_eq!(record.slowest_in(&(0..2001)), 500);
        assert_eq!(record.slowest_in(&(0..9_999_999)), 6900);
        assert_eq!(record.open_at(2200), 2);
        assert_eq!(record.shares_in(&(0..9_999_999))["a"], 2);
        assert_eq!(record.reasons(), [(1, "unavailable")]);
    }

    #[test]
    fn slices_hold_all_calls_in_turn() {
        let slices = record().slices();
        let calls: Vec<_> = slices
            .iter()
            .map(|slice| (slice.at_ms, slice.calls))
            .collect();
        assert_eq!(calls, [(0, 3), (250, 1)]);
        assert_eq!((slices[0].failed, slices[0].slowest_us), (1, 6900));
    }
}
