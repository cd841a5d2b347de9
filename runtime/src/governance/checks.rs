//! What values of a document may be, and which ones contradict each other.

use std::time::Duration;

use crate::contract::Cluster;

use super::settings::Settings;
use super::words::{OrOff, Share, Span};

/// The longest time that a call, a pause or a window may take: who means longer means `off`.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The most tries after the first. Ten already make a storm of every outage.
const MOST_ATTEMPTS: u32 = 10;

/// The most instances that a call forks to.
const MOST_FORKS: u32 = 16;

/// Something that is wrong with settings: of which value, and what.
pub(super) struct Objection {
    pub(super) key: &'static str,
    /// The value that it contradicts.
    pub(super) against: Option<&'static str>,
    pub(super) why: String,
}

/// Everything that is wrong with these.
pub(super) fn check(settings: &Settings) -> Vec<Objection> {
    let mut check = Check(Vec::new());
    check.calls(settings);
    check.retries(settings);
    check.breaker(settings);
    check.limits(settings);
    check.fallback(settings);
    check.failback(settings);
    check.0
}

struct Check(Vec<Objection>);

impl Check {
    fn object(&mut self, key: &'static str, why: impl Into<String>) {
        self.0.push(Objection {
            key,
            against: None,
            why: why.into(),
        });
    }

    fn against(&mut self, key: &'static str, other: &'static str, why: String) {
        self.0.push(Objection {
            key,
            against: Some(other),
            why,
        });
    }

    fn time(&mut self, key: &'static str, span: Option<Span>) {
        match span {
            Some(Span(time)) if time.is_zero() => self.object(key, "no time at all: name some"),
            Some(Span(time)) if time > LONGEST => {
                self.object(key, format!("longer than {}", Span(LONGEST)));
            }
            _ => {}
        }
    }

    fn time_or_off(&mut self, key: &'static str, span: Option<OrOff<Span>>) {
        match span.and_then(OrOff::on) {
            Some(Span(time)) if time.is_zero() => {
                self.object(key, "no time at all: name some, or write off");
            }
            Some(Span(time)) if time > LONGEST => {
                self.object(key, format!("longer than {}: write off", Span(LONGEST)));
            }
            _ => {}
        }
    }

    fn one_at_least(&mut self, key: &'static str, number: Option<u32>) {
        if number == Some(0) {
            self.object(key, "0: write 1 at least");
        }
    }

    /// The first of two is not to be more than the second.
    fn ordered<T: PartialOrd + std::fmt::Display>(
        &mut self,
        (low, first): (&'static str, Option<T>),
        (high, second): (&'static str, Option<T>),
    ) {
        if let (Some(first), Some(second)) = (first, second)
            && first > second
        {
            let why = format!("{first} is more than {second} of {high}");
            self.against(low, high, why);
        }
    }

    fn calls(&mut self, settings: &Settings) {
        self.time_or_off("timeout", settings.timeout);
        if let Some(Cluster::Forking(number)) = settings.cluster
            && number > MOST_FORKS
        {
            self.object(
                "cluster",
                format!("forking({number}): {MOST_FORKS} instances at most"),
            );
        }
        let Some(hedge) = &settings.hedge else {
            return;
        };
        self.time_or_off("hedge.after", hedge.after);
        let (after, timeout) = (
            hedge.after.and_then(OrOff::on),
            settings.timeout.and_then(OrOff::on),
        );
        if let (Some(after), Some(timeout)) = (after, timeout)
            && after >= timeout
        {
            let why = format!("{after} is not before the timeout of {timeout}");
            self.against("hedge.after", "timeout", why);
        }
    }

    fn retries(&mut self, settings: &Settings) {
        let Some(retry) = &settings.retry else {
            return;
        };
        if let Some(attempts) = retry.attempts
            && attempts > MOST_ATTEMPTS
        {
            let why = format!("{attempts} tries after the first: {MOST_ATTEMPTS} at most");
            self.object("retry.attempts", why);
        }
        self.time("retry.first_pause", retry.first_pause);
        self.time("retry.longest_pause", retry.longest_pause);
        self.ordered(
            ("retry.first_pause", retry.first_pause),
            ("retry.longest_pause", retry.longest_pause),
        );
        if settings.cluster == Some(Cluster::Failfast)
            && retry.attempts.is_some_and(|some| some > 0)
        {
            let why = "failfast tries nothing again: write 0, or another strategy".into();
            self.against("retry.attempts", "cluster", why);
        }
    }

    fn breaker(&mut self, settings: &Settings) {
        if let Some(throttle) = &settings.throttle {
            self.one_at_least("throttle.ratio", throttle.ratio);
        }
        let Some(breaker) = &settings.breaker else {
            return;
        };
        self.one_at_least("breaker.failures_in_row", breaker.failures_in_row);
        self.one_at_least("breaker.least_calls", breaker.least_calls);
        self.time("breaker.window", breaker.window);
        self.time("breaker.open", breaker.open);
        self.time("breaker.longest_open", breaker.longest_open);
        self.ordered(
            ("breaker.open", breaker.open),
            ("breaker.longest_open", breaker.longest_open),
        );
        // Who leaves more alone than panic allows never does.
        if let (Some(ejected), Some(panic)) = (breaker.most_ejected, breaker.panic_below) {
            let usable = Share::new(1.0 - ejected.part()).unwrap_or_default();
            if usable < panic {
                let why = format!(
                    "with {ejected} left alone {usable} are usable, which is below {panic} of breaker.panic_below"
                );
                self.against("breaker.most_ejected", "breaker.panic_below", why);
            }
        }
    }

    fn limits(&mut self, settings: &Settings) {
        let Some(limit) = &settings.limit else {
            return;
        };
        let number = |value: Option<OrOff<u32>>| value.and_then(OrOff::on);
        for (key, value) in [
            ("limit.calls", limit.calls),
            ("limit.rate", limit.rate),
            ("limit.caller_calls", limit.caller_calls),
            ("limit.caller_rate", limit.caller_rate),
            ("limit.adaptive_most", limit.adaptive_most),
            ("limit.server_calls", limit.server_calls),
            ("limit.server_rate", limit.server_rate),
        ] {
            if number(value) == Some(0) {
                self.object(key, "0: write 1 at least, or off for no limit");
            }
        }
        self.ordered(
            ("limit.caller_calls", number(limit.caller_calls)),
            ("limit.calls", number(limit.calls)),
        );
        self.ordered(
            ("limit.caller_rate", number(limit.caller_rate)),
            ("limit.rate", number(limit.rate)),
        );
        self.one_at_least("limit.adaptive_least", limit.adaptive_least);
        self.ordered(
            ("limit.adaptive_least", limit.adaptive_least),
            ("limit.adaptive_most", number(limit.adaptive_most)),
        );
    }

    fn fallback(&mut self, settings: &Settings) {
        let Some(fallback) = &settings.fallback else {
            return;
        };
        self.time_or_off("fallback.stale", fallback.stale);
        if let Some(reply) = fallback.reply.as_deref().filter(|reply| !reply.is_empty())
            && let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(reply)
        {
            self.object("fallback.reply", format!("this is no JSON: {error}"));
        }
    }

    fn failback(&mut self, settings: &Settings) {
        let Some(failback) = &settings.failback else {
            return;
        };
        self.time("failback.first_pause", failback.first_pause);
        self.time("failback.longest_pause", failback.longest_pause);
        self.time("failback.keep", failback.keep);
        self.ordered(
            ("failback.first_pause", failback.first_pause),
            ("failback.longest_pause", failback.longest_pause),
        );
        self.one_at_least("failback.queue_calls", failback.queue_calls);
    }
}
