//! How a call may be treated, as an expression of the runtime's type.

use std::fmt::Write as _;

use crate::model::{Balance, Cluster, Compression, Method, Priority, Retry};

use super::names::literal;
use super::services::{Catalogue, code};

/// The policy of a method: what the contract says of it, one call each.
pub(super) fn expression(declared: &Method, catalogue: &Catalogue<'_>) -> String {
    let policy = &declared.policy;
    let mut out = "::callsheet::codegen::Policy::UNSET".to_owned();
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            // Writing to a string cannot fail.
            let _ = write!(out, ".{name}({value})");
        }
    };
    set("idempotent", policy.idempotent.then(String::new));
    set("timeout", policy.timeout.map(duration));
    set("retry", policy.retry.as_ref().map(retry));
    set("hedge", policy.hedge.map(duration));
    let balance = policy.balance.as_ref();
    set(
        "balance",
        balance.map(|it| self::balance(it, declared, catalogue)),
    );
    set("cluster", policy.cluster.map(cluster));
    set("limit", policy.limit.map(|calls| calls.to_string()));
    set("max_size", policy.max_size.map(|bytes| bytes.to_string()));
    set("compress", policy.compress.map(compression));
    set("priority", policy.priority.map(priority));
    out
}

fn duration(micros: u64) -> String {
    format!("::core::time::Duration::from_micros({micros})")
}

fn retry(retry: &Retry) -> String {
    let on: Vec<String> = retry
        .on
        .iter()
        .map(|one| format!("::callsheet::codegen::Code::{}", code(*one)))
        .collect();
    let backoff = match retry.backoff {
        Some(backoff) => format!(
            "::core::option::Option::Some(({}, {}))",
            duration(backoff.from),
            duration(backoff.to)
        ),
        None => "::core::option::Option::None".to_owned(),
    };
    format!(
        "::callsheet::codegen::Retry {{ attempts: {}, on: &[{}], backoff: {backoff} }}",
        retry.attempts,
        on.join(", ")
    )
}

fn balance(balance: &Balance, declared: &Method, catalogue: &Catalogue<'_>) -> String {
    let variant = match balance {
        Balance::P2c => "P2c".to_owned(),
        Balance::Random => "Random".to_owned(),
        Balance::RoundRobin => "RoundRobin".to_owned(),
        Balance::LeastActive => "LeastActive".to_owned(),
        Balance::ConsistentHash(path) => {
            let message = &declared.request.message;
            let numbers: Vec<String> = catalogue
                .field_numbers(message, path)
                .iter()
                .map(i32::to_string)
                .collect();
            format!(
                "ConsistentHash(::callsheet::codegen::FieldPath {{ names: {}, numbers: &[{}] }})",
                literal(&path.join(".")),
                numbers.join(", ")
            )
        }
    };
    format!("::callsheet::codegen::Balance::{variant}")
}

fn cluster(cluster: Cluster) -> String {
    let variant = match cluster {
        Cluster::Failover => "Failover".to_owned(),
        Cluster::Failfast => "Failfast".to_owned(),
        Cluster::Failsafe => "Failsafe".to_owned(),
        Cluster::Failback => "Failback".to_owned(),
        Cluster::Forking(calls) => format!("Forking({calls})"),
        Cluster::Broadcast => "Broadcast".to_owned(),
        Cluster::Available => "Available".to_owned(),
    };
    format!("::callsheet::codegen::Cluster::{variant}")
}

fn compression(compression: Compression) -> String {
    let variant = match compression {
        Compression::Zstd => "Zstd",
        Compression::Gzip => "Gzip",
        Compression::Identity => "Identity",
    };
    format!("::callsheet::codegen::Compression::{variant}")
}

fn priority(priority: Priority) -> String {
    let variant = match priority {
        Priority::Low => "Low",
        Priority::Normal => "Normal",
        Priority::High => "High",
    };
    format!("::callsheet::codegen::Priority::{variant}")
}
