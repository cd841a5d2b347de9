//! Annotations as they are written.

use std::collections::HashMap;

use crate::model::{
    Backoff, Balance, Bound, Cluster, Compression, Constant, ConstantValue, Enum, Field,
    FieldShape, FieldType, Message, Method, MethodPolicy, Model, Priority, Release, Retry, Rule,
    Scalar, Service, StatusCode,
};

use super::literal::{duration, float, pattern, size, string};

/// Every enum of a model by its full name, so that `@one_of` can name values.
#[derive(Clone, Debug, Default)]
pub struct Enums<'m>(HashMap<&'m str, &'m Enum>);

impl<'m> Enums<'m> {
    /// Those of a model.
    pub fn new(model: &'m Model) -> Self {
        let mut all = Self::default();
        for file in &model.files {
            all.0
                .extend(file.enums.iter().map(|one| (&*one.name.0, one)));
            let errors = file.errors.iter().map(|error| &error.message);
            for message in file.messages.iter().chain(errors) {
                all.add(message);
            }
        }
        all
    }

    fn add(&mut self, message: &'m Message) {
        self.0
            .extend(message.enums.iter().map(|one| (&*one.name.0, one)));
        for nested in &message.messages {
            self.add(nested);
        }
    }

    /// The enum of this full name; well-known ones are not of the model.
    pub fn named(&self, name: &str) -> Option<&'m Enum> {
        self.0.get(name).copied()
    }

    /// The name of an enum's value, as written.
    fn value(&self, name: &str, number: i128) -> Option<&'m str> {
        let values = &self.named(name)?.values;
        values
            .iter()
            .find(|value| i128::from(value.number) == number)
            .map(|value| &*value.name)
    }
}

/// The rules of a field: `@len(1..=64)`, in their order.
pub fn rules(field: &Field, enums: &Enums<'_>) -> Vec<String> {
    field
        .rules
        .iter()
        .map(|rule| match rule {
            Rule::Len { min, max } => match (min, max) {
                (min, Some(max)) if min == max => format!("@len({min})"),
                (0, Some(max)) => format!("@len(..={max})"),
                (min, Some(max)) => format!("@len({min}..={max})"),
                (min, None) => format!("@len({min}..)"),
            },
            Rule::Range {
                min,
                max,
                max_inclusive,
            } => {
                let end = |end: &Option<Bound>| end.as_ref().map(bound).unwrap_or_default();
                let dots = if max.is_some() && *max_inclusive {
                    "..="
                } else {
                    ".."
                };
                format!("@range({}{dots}{})", end(min), end(max))
            }
            Rule::Pattern(text) => format!("@pattern({})", pattern(text)),
            Rule::Required => "@required".to_owned(),
            Rule::OneOfStrings(values) => {
                let values: Vec<String> = values.iter().map(|value| string(value)).collect();
                format!("@one_of({})", values.join(", "))
            }
            Rule::OneOfIntegers(values) => {
                let named = |value: &i128| match &field.shape {
                    FieldShape::Singular(FieldType::Enum(name))
                    | FieldShape::Optional(FieldType::Enum(name))
                    | FieldShape::List(FieldType::Enum(name)) => {
                        enums.value(&name.0, *value).map(str::to_owned)
                    }
                    _ => None,
                };
                let values: Vec<String> = values
                    .iter()
                    .map(|value| named(value).unwrap_or_else(|| value.to_string()))
                    .collect();
                format!("@one_of({})", values.join(", "))
            }
            Rule::Unique => "@unique".to_owned(),
        })
        .collect()
}

fn bound(bound: &Bound) -> String {
    match *bound {
        Bound::Integer(value) => value.to_string(),
        Bound::Float(value) => float(value),
        Bound::Duration(value) => duration(value),
    }
}

/// `@deprecated("why")`
pub(crate) fn deprecated(reason: &str) -> String {
    format!("@deprecated({})", string(reason))
}

/// When a method is there: `@added(1.1)`, `@deprecated(1.1, "why")`, `@removed(2.0)`. `first` is the first release of its
/// service, which needs no words.
pub fn window(method: &Method, first: Release) -> Vec<String> {
    let mut out = Vec::new();
    if method.window.added != first {
        out.push(format!("@added({})", method.window.added));
    }
    match &method.deprecated {
        Some((release, Some(why))) => out.push(format!("@deprecated({release}, {})", string(why))),
        Some((release, None)) => out.push(format!("@deprecated({release})")),
        None => {}
    }
    if let Some(removed) = method.window.removed {
        out.push(format!("@removed({removed})"));
    }
    out
}

/// How a call may be treated, each as an annotation.
pub fn policy(policy: &MethodPolicy) -> Vec<String> {
    let MethodPolicy {
        timeout,
        idempotent,
        retry,
        hedge,
        balance,
        cluster,
        oneway,
        limit,
        max_size,
        compress,
        priority,
    } = policy;
    let mut out = Vec::new();
    if *oneway {
        out.push("@oneway".to_owned());
    }
    if *idempotent {
        out.push("@idempotent".to_owned());
    }
    out.extend(timeout.map(|after| format!("@timeout({})", duration(after))));
    out.extend(retry.as_ref().map(retries));
    out.extend(hedge.map(|after| format!("@hedge({})", duration(after))));
    out.extend(
        balance
            .as_ref()
            .map(|by| format!("@balance({})", balancer(by))),
    );
    out.extend(cluster.map(|strategy| format!("@cluster({})", clustering(strategy))));
    out.extend(limit.map(|calls| format!("@limit({calls})")));
    out.extend(max_size.map(|bytes| format!("@max_size({})", size(bytes))));
    out.extend(compress.map(|with| format!("@compress({})", compression(with))));
    out.extend(priority.map(|level| format!("@priority({})", priority_word(level))));
    out
}

fn retries(retry: &Retry) -> String {
    let mut out = format!("@retry({}", retry.attempts);
    if !retry.on.is_empty() {
        let codes: Vec<&str> = retry.on.iter().map(|&code| status(code)).collect();
        out.push_str(", on: [");
        out.push_str(&codes.join(", "));
        out.push(']');
    }
    if let Some(Backoff { from, to }) = retry.backoff {
        out.push_str(", backoff: ");
        out.push_str(&duration(from));
        out.push_str("..");
        out.push_str(&duration(to));
    }
    out.push(')');
    out
}

/// `consistent_hash(.customer)`
pub fn balancer(balance: &Balance) -> String {
    match balance {
        Balance::P2c => "p2c".to_owned(),
        Balance::Random => "random".to_owned(),
        Balance::RoundRobin => "round_robin".to_owned(),
        Balance::LeastActive => "least_active".to_owned(),
        Balance::ConsistentHash(path) => format!("consistent_hash(.{})", path.join(".")),
    }
}

/// `forking(2)`
pub fn clustering(cluster: Cluster) -> String {
    match cluster {
        Cluster::Failover => "failover".to_owned(),
        Cluster::Failfast => "failfast".to_owned(),
        Cluster::Failsafe => "failsafe".to_owned(),
        Cluster::Failback => "failback".to_owned(),
        Cluster::Forking(at_once) => format!("forking({at_once})"),
        Cluster::Broadcast => "broadcast".to_owned(),
        Cluster::Available => "available".to_owned(),
    }
}

/// `zstd`
pub fn compression(compression: Compression) -> &'static str {
    match compression {
        Compression::Zstd => "zstd",
        Compression::Gzip => "gzip",
        Compression::Identity => "identity",
    }
}

/// `high`
pub fn priority_word(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
    }
}

/// `failed_precondition`
pub fn status(code: StatusCode) -> &'static str {
    StatusCode::ALL
        .iter()
        .find(|(known, _)| *known == code)
        .map_or("unknown", |(_, name)| name)
}

/// `uint64`
pub fn scalar(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::Bool => "bool",
        Scalar::Int32 => "int32",
        Scalar::Int64 => "int64",
        Scalar::Uint32 => "uint32",
        Scalar::Uint64 => "uint64",
        Scalar::Sint32 => "sint32",
        Scalar::Sint64 => "sint64",
        Scalar::Fixed32 => "fixed32",
        Scalar::Fixed64 => "fixed64",
        Scalar::Sfixed32 => "sfixed32",
        Scalar::Sfixed64 => "sfixed64",
        Scalar::Float => "float",
        Scalar::Double => "double",
        Scalar::String => "string",
        Scalar::Bytes => "bytes",
    }
}

/// `const MAX_ITEMS: uint32 = 500;`
pub fn constant(constant: &Constant) -> String {
    let (typed, value) = match &constant.value {
        ConstantValue::Bool(value) => ("bool", value.to_string()),
        ConstantValue::Integer(of, value) => (scalar(*of), value.to_string()),
        ConstantValue::Float(of, value) => (scalar(*of), float(*value)),
        ConstantValue::String(value) => ("string", pattern(value)),
        ConstantValue::Bytes(value) => ("bytes", string(&String::from_utf8_lossy(value))),
        ConstantValue::Duration(value) => ("duration", duration(*value)),
    };
    format!("const {}: {typed} = {value};", constant.name.simple())
}

/// `versions 1.0, 1.1;`
pub(crate) fn versions(service: &Service) -> String {
    let releases: Vec<String> = service.releases.iter().map(Release::to_string).collect();
    format!("versions {};", releases.join(", "))
}

/// `groups default, wholesale, ..;`
pub(crate) fn groups(service: &Service) -> String {
    let named = service.groups.named.iter().map(|group| &*group.name);
    let names: Vec<&str> = named.chain(service.groups.open.then_some("..")).collect();
    format!("groups {};", names.join(", "))
}
