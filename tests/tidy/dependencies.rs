//! Which crates each crate builds on. Those that users pay for are weighed one by one.

use std::collections::BTreeSet;

use crate::manifest::Manifest;
use crate::{Breach, uphold};

/// What `callsheet-build` costs every build script.
const COMPILER: &[(&str, &str)] = &[
    (
        "annotate-snippets",
        "rustc's layout of diagnostics, by the people who wrote rustc's",
    ),
    (
        "basic-toml",
        "reads `callsheet.toml`, with lines in its errors; small, and builds on serde alone",
    ),
    ("callsheet-templates", "the text of generated code: ours"),
    (
        "heck",
        "snake_case and PascalCase as prost-build has them, so that names agree",
    ),
    (
        "pest",
        "the grammar stands in one file that people can read; without its derive, which is as long to build as the compiler",
    ),
    ("prost", "encodes descriptors"),
    (
        "prost-build",
        "generates messages in memory; without default features it needs no protoc",
    ),
    ("prost-types", "the descriptors of protobuf itself"),
    (
        "regex-syntax",
        "checks `@pattern` in the dialect that the runtime will match",
    ),
    (
        "rustc-hash",
        "look-up of names: the standard hasher was a tenth of a check; no dependency of its own",
    ),
    (
        "serde",
        "configuration of the host; its derive only with `formats`, for diagnostics as JSON",
    ),
    ("serde_json", "diagnostics as JSON, one object per line"),
];

/// What `callsheet` costs every server and client.
const RUNTIME: &[(&str, &str)] = &[
    (
        "arc-swap",
        "tables and connections are read on every call, by all threads at once, and change hardly ever",
    ),
    ("bytes", "bodies travel without being copied"),
    ("futures-core", "the `Stream` trait, and nothing else"),
    (
        "governor",
        "calls per second, of all callers and of each: no code of ours where a well-kept library does it",
    ),
    (
        "h2",
        "behind the feature `etcd`: HTTP/2 for its API; hyper would add HTTP/1 and bodies to it",
    ),
    (
        "hickory-resolver",
        "behind the feature `dns`: its messages and sockets; no code of ours where a well-kept library does it",
    ),
    (
        "http",
        "behind the features `admin` and `etcd`: the requests that hyper gives and h2 takes",
    ),
    (
        "http-body-util",
        "behind the feature `admin`: the bodies that hyper takes",
    ),
    (
        "hyper",
        "behind the feature `admin`: HTTP/1; no code of ours where a well-kept library does it",
    ),
    (
        "hyper-util",
        "behind the feature `admin`: lets hyper read and write what tokio has",
    ),
    (
        "metrics",
        "behind the feature `metrics`: the facade that programs choose their recorder behind",
    ),
    (
        "metrics-exporter-prometheus",
        "behind the feature `prometheus`: its text; without its server, which would be a second one",
    ),
    (
        "opentelemetry",
        "behind the feature `otel`: the ids of spans, which leave the process; without the SDK, which programs choose",
    ),
    (
        "lru",
        "the last good answers, which fallbacks give; no dependency of its own (docs/adr/0025)",
    ),
    ("prost", "encodes messages"),
    (
        "prost-reflect",
        "behind the feature `json`: canonical JSON from descriptors",
    ),
    ("prost-types", "the well-known messages"),
    (
        "redis",
        "behind the feature `redis`: its protocol; no code of ours where a well-kept library does it",
    ),
    (
        "schemars",
        "behind the feature `schema`: the JSON Schema of governance documents, from the types that read them",
    ),
    ("serde", "registry records"),
    (
        "serde_json",
        "registry records are JSON that people can read",
    ),
    (
        "subtle",
        "behind the feature `admin`: compares tokens in constant time",
    ),
    ("tokio", "sockets, timers and tasks"),
    (
        "tokio-rustls",
        "behind the features `etcd`, `redis` and `zookeeper`: TLS without OpenSSL, with ring",
    ),
    (
        "toml",
        "governance documents: every client and server of a fleet must understand every one, so it is no feature",
    ),
    (
        "winnow",
        "the conditions of routing rules; toml builds it anyway",
    ),
    (
        "tower-layer",
        "behind the feature `tower`: the trait of its layers, and nothing else",
    ),
    (
        "tower-service",
        "behind the feature `tower`: the trait of its services, and nothing else",
    ),
    (
        "tracing",
        "behind the feature `tracing`: spans and logs, for whichever subscriber a program has",
    ),
    (
        "tracing-opentelemetry",
        "behind the feature `otel`: the span of OpenTelemetry that belongs to one of `tracing`",
    ),
];

const LAW: &str = "Every dependency of a published library is weighed: what it costs its users, what it gives them.\n\
    List a new one with its reason in tests/tidy/dependencies.rs; take out one that is gone.";

#[test]
fn dependencies_of_the_compiler_are_weighed() {
    uphold(
        LAW,
        unweighed("compiler", &Manifest::of("compiler"), COMPILER),
    );
}

#[test]
fn dependencies_of_the_runtime_are_weighed() {
    uphold(LAW, unweighed("runtime", &Manifest::of("runtime"), RUNTIME));
}

#[test]
fn templates_depend_on_nothing_of_ours() {
    uphold(
        "The templates are text and views: what they need to know is passed in by the compiler.",
        forbidden("templates", &Manifest::of("templates"), &["callsheet"]),
    );
}

#[test]
fn compiler_and_runtime_never_see_each_other() {
    let mut breaches = forbidden("compiler", &Manifest::of("compiler"), &["callsheet"]);
    // The templates are the compiler's own.
    breaches.retain(|breach| !breach.what.contains("`callsheet-templates`"));
    breaches.extend(forbidden(
        "runtime",
        &Manifest::of("runtime"),
        &["callsheet"],
    ));
    uphold(
        "Compiler and runtime meet in generated text and in docs/wire.md only. A test that needs both is in tests/.",
        breaches,
    );
}

fn unweighed(folder: &str, manifest: &Manifest, weighed: &[(&str, &str)]) -> Vec<Breach> {
    let file = format!("{folder}/Cargo.toml");
    let there = manifest.names("dependencies");
    let listed: BTreeSet<String> = weighed.iter().map(|(name, _)| (*name).to_owned()).collect();
    let new = there
        .difference(&listed)
        .map(|name| format!("`{name}` is not weighed"));
    let gone = listed
        .difference(&there)
        .map(|name| format!("`{name}` is weighed and not there"));
    new.chain(gone)
        .map(|what| Breach::new(&file, 0, what))
        .collect()
}

/// The dependencies of any kind whose names start with one of `prefixes`.
fn forbidden(folder: &str, manifest: &Manifest, prefixes: &[&str]) -> Vec<Breach> {
    let file = format!("{folder}/Cargo.toml");
    ["dependencies", "dev-dependencies", "build-dependencies"]
        .iter()
        .flat_map(|table| manifest.names(table))
        .filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
        .map(|name| Breach::new(&file, 0, format!("depends on `{name}`")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_and_gone_dependencies_are_found() {
        let manifest = Manifest::parse("[dependencies]\nbytes = \"1\"\nleft-pad = \"1\"\n");
        let breaches = unweighed(
            "runtime",
            &manifest,
            &[("bytes", "bodies"), ("prost", "messages")],
        );
        let found: Vec<_> = breaches.iter().map(|breach| breach.what.as_str()).collect();
        assert_eq!(
            found,
            [
                "`left-pad` is not weighed",
                "`prost` is weighed and not there"
            ]
        );
    }

    #[test]
    fn forbidden_dependency_of_any_kind_is_found() {
        let manifest =
            Manifest::parse("[dev-dependencies]\ncallsheet = { path = \"../runtime\" }\n");
        assert_eq!(forbidden("templates", &manifest, &["callsheet"]).len(), 1);
    }
}
