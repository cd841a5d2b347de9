//! Every annotation: where it may stand, and which arguments it takes. The one place that says so.

/// What an annotation may stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Constant,
    Message,
    Field,
    Oneof,
    Enum,
    EnumValue,
    Error,
    Service,
    Method,
}

impl Target {
    /// In the plural, for a sentence.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Constant => "constants",
            Self::Message => "messages",
            Self::Field => "fields",
            Self::Oneof => "oneofs",
            Self::Enum => "enums",
            Self::EnumValue => "enum values",
            Self::Error => "errors",
            Self::Service => "services",
            Self::Method => "methods",
        }
    }
}

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `800ms`, not zero.
    Duration,
    /// `4MiB`, not zero.
    Size,
    /// `2`, from 1 to 2^32 - 1.
    Count,
    /// `"why"`
    Text,
    /// `1.1`
    Release,
    /// One of these words.
    Word(&'static [&'static str]),
    /// `[unavailable, aborted]`
    Codes,
    /// `20ms..1s`
    Backoff,
    /// Looked at by the family that the annotation belongs to, because it depends on what it stands on.
    Own,
}

/// One parameter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) needed: bool,
    /// Whether it is written `name: value`, and not by position.
    pub(super) named: bool,
}

/// One annotation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) targets: &'static [Target],
    pub(super) parameters: &'static [Parameter],
    /// Whether the last parameter takes all further arguments.
    pub(super) open: bool,
    /// How it looks.
    pub(super) example: &'static str,
}

const fn needed(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        kind,
        needed: true,
        named: false,
    }
}

const fn optional(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        kind,
        needed: false,
        named: false,
    }
}

const fn named(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        kind,
        needed: false,
        named: true,
    }
}

const fn spec(
    name: &'static str,
    targets: &'static [Target],
    parameters: &'static [Parameter],
    example: &'static str,
) -> Spec {
    Spec {
        name,
        targets,
        parameters,
        open: false,
        example,
    }
}

const FIELD: &[Target] = &[Target::Field];
const ENUM: &[Target] = &[Target::Enum];
const METHOD: &[Target] = &[Target::Method];
const CALLS: &[Target] = &[Target::Service, Target::Method];
const DECLARED: &[Target] = &[
    Target::Message,
    Target::Field,
    Target::Enum,
    Target::EnumValue,
    Target::Error,
    Target::Service,
];

/// Every annotation. `deprecated` stands twice: on a method it names the release.
pub(super) const TABLE: &[Spec] = &[
    // Rules of fields.
    spec("len", FIELD, &[needed("bounds", Kind::Own)], "@len(1..=64)"),
    spec(
        "range",
        FIELD,
        &[needed("bounds", Kind::Own)],
        "@range(1..=100)",
    ),
    spec(
        "pattern",
        FIELD,
        &[needed("pattern", Kind::Text)],
        "@pattern(r\"^[a-z]+$\")",
    ),
    spec(
        "required",
        &[Target::Field, Target::Oneof],
        &[],
        "@required",
    ),
    Spec {
        name: "one_of",
        targets: FIELD,
        parameters: &[needed("values", Kind::Own)],
        open: true,
        example: "@one_of(\"a\", \"b\")",
    },
    spec("unique", FIELD, &[], "@unique"),
    // Other annotations of fields and declarations.
    spec("redact", FIELD, &[], "@redact"),
    spec(
        "json",
        FIELD,
        &[needed("name", Kind::Text)],
        "@json(\"name\")",
    ),
    spec(
        "deprecated",
        DECLARED,
        &[needed("why", Kind::Text)],
        "@deprecated(\"why\")",
    ),
    spec("allow_alias", ENUM, &[], "@allow_alias"),
    spec("bare_names", ENUM, &[], "@bare_names"),
    // The life of a method.
    spec(
        "added",
        METHOD,
        &[needed("release", Kind::Release)],
        "@added(1.1)",
    ),
    spec(
        "removed",
        METHOD,
        &[needed("release", Kind::Release)],
        "@removed(2.0)",
    ),
    spec(
        "deprecated",
        METHOD,
        &[
            needed("release", Kind::Release),
            optional("why", Kind::Text),
        ],
        "@deprecated(1.1, \"why\")",
    ),
    // How a call may be treated.
    spec(
        "timeout",
        CALLS,
        &[needed("after", Kind::Duration)],
        "@timeout(800ms)",
    ),
    spec("idempotent", METHOD, &[], "@idempotent"),
    spec(
        "retry",
        METHOD,
        &[
            optional("attempts", Kind::Count),
            named("on", Kind::Codes),
            named("backoff", Kind::Backoff),
        ],
        "@retry(2, on: [unavailable], backoff: 20ms..1s)",
    ),
    spec(
        "hedge",
        METHOD,
        &[needed("after", Kind::Duration)],
        "@hedge(30ms)",
    ),
    spec(
        "balance",
        CALLS,
        &[needed("by", Kind::Own)],
        "@balance(round_robin)",
    ),
    spec(
        "cluster",
        CALLS,
        &[needed("strategy", Kind::Own)],
        "@cluster(failover)",
    ),
    spec("oneway", METHOD, &[], "@oneway"),
    spec(
        "limit",
        CALLS,
        &[needed("calls", Kind::Count)],
        "@limit(100)",
    ),
    spec(
        "max_size",
        CALLS,
        &[needed("bytes", Kind::Size)],
        "@max_size(4MiB)",
    ),
    spec(
        "compress",
        CALLS,
        &[needed("with", Kind::Word(&["zstd", "gzip", "identity"]))],
        "@compress(zstd)",
    ),
    spec(
        "priority",
        CALLS,
        &[needed("level", Kind::Word(&["low", "normal", "high"]))],
        "@priority(high)",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_means_one_thing_on_one_target() {
        for (index, spec) in TABLE.iter().enumerate() {
            for other in &TABLE[index + 1..] {
                let shared = spec
                    .targets
                    .iter()
                    .any(|target| other.targets.contains(target));
                assert!(spec.name != other.name || !shared, "@{} twice", spec.name);
            }
        }
    }

    #[test]
    fn named_parameters_stand_behind_positional_ones() {
        for spec in TABLE {
            let first_named = spec.parameters.iter().position(|parameter| parameter.named);
            let last_positional = spec
                .parameters
                .iter()
                .rposition(|parameter| !parameter.named);
            assert!(
                first_named.is_none() || first_named > last_positional,
                "@{}",
                spec.name
            );
        }
    }
}
