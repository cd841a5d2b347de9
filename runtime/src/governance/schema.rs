//! The JSON Schema of documents, made from the types that read them: for editors, and for programs that write documents.
//!
//! It knows keys and kinds of values. Whether values contradict each other, or the contract, is for those who read them:
//! a document that fits the schema may still be refused.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::contract::{Balance, Cluster, MethodKind, Priority};
use crate::registry::MAX_WEIGHT;
use crate::status::Code;

use super::document::{MAX_COMMENT, MAX_WEIGHINGS};
use super::rule::{MAX_RULES, Otherwise};
use super::settings::{Settings, Treatment};
use super::words::{Codes, FallbackMode, OrOff, Share, Span, Worded};

/// The JSON Schema of governance documents, the same for TOML and JSON: what is published as `docs/governance.schema.json`.
///
/// Draft 7, all of which the editors know that complete and check documents by a schema; of later drafts they know parts.
pub fn schema() -> Value {
    let mut settings = SchemaSettings::draft07();
    // Before those of the draft: what stands beside a reference is moved by them.
    let transform = Box::new(RecursiveTransform(plain));
    settings.transforms.insert(0, transform);
    let schema = settings.into_generator().into_root_schema_for::<Written>();
    let mut schema = Value::from(schema);
    tell_built_in(&mut schema);
    schema
}

/// Who says nothing leaves the key out, so there is no null; numbers have bounds instead of names; and texts are one line.
fn plain(schema: &mut Schema) {
    let is_null = |value: &Value| value == "null" || value["type"] == "null";
    for key in ["type", "anyOf"] {
        let Some(Value::Array(choices)) = schema.get_mut(key) else {
            continue;
        };
        choices.retain(|one| !is_null(one));
        if let [one] = &mut choices[..] {
            let one = one.take();
            schema.remove(key);
            match one {
                Value::Object(all) => schema.ensure_object().extend(all),
                kind => drop(schema.insert(key.to_owned(), kind)),
            }
        }
    }
    schema.remove("default");
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.replace('\n', " ");
    }
    if schema.remove("format") == Some(Value::from("uint32")) {
        schema.insert("maximum".to_owned(), u32::MAX.into());
    }
}

/// Adds to the description of each setting what counts where nobody says anything.
fn tell_built_in(schema: &mut Value) {
    let values = |kind| {
        let mut treatment = Treatment::default();
        treatment.apply(&Settings::built_in(kind));
        let mut values = Vec::new();
        treatment.visit("", &mut |key, value| values.push((key, value)));
        values
    };
    let streams = values(MethodKind::BidiStream);
    for ((key, value), (_, of_streams)) in values(MethodKind::Unary).into_iter().zip(streams) {
        let text = match (value == of_streams, &*value) {
            (true, "") => continue,
            (true, _) => format!("Built in: `{value}`."),
            (false, _) => format!("Built in: `{value}`, and `{of_streams}` for streams."),
        };
        for place in places(schema, &key) {
            let description = schema.pointer_mut(&format!("{place}/description"));
            if let Some(Value::String(description)) = description {
                *description = format!("{description}\n\n{text}");
            }
        }
    }
}

/// Where the schema describes the setting with this key: of all methods, and of one.
fn places(schema: &Value, key: &str) -> Vec<String> {
    let Some((section, leaf)) = key.split_once('.') else {
        return ["", "/definitions/Settings"]
            .map(|of| format!("{of}/properties/{key}"))
            .into();
    };
    let section = schema["properties"][section]["allOf"][0]["$ref"].as_str();
    let section = section.and_then(|reference| reference.strip_prefix('#'));
    let place = section.map(|section| format!("{section}/properties/{leaf}"));
    place.into_iter().collect()
}

/// A governance document of Callsheet: what an operator says of running clients and servers.
#[derive(JsonSchema)]
#[schemars(title = "Callsheet governance document", deny_unknown_fields)]
#[expect(dead_code, reason = "it is only looked at")]
struct Written {
    /// Where the schema is, for editors. It says nothing.
    #[schemars(rename = "$schema")]
    schema: Option<String>,
    /// Whether the document is in force: true unless set. One that is not is checked all the same.
    enabled: Option<bool>,
    /// What people say of it.
    #[schemars(length(max = MAX_COMMENT))]
    comment: Option<String>,
    /// Who wrote it.
    #[schemars(length(max = MAX_COMMENT))]
    author: Option<String>,
    /// What is said of single methods, by name. Not in the document of all services.
    method: Option<BTreeMap<String, Settings>>,
    /// What is said of the weights of instances. The first entry that means an instance counts.
    #[schemars(length(max = MAX_WEIGHINGS))]
    weight: Option<Vec<WrittenWeight>>,
    /// Where calls go. The first rule that takes a call decides.
    #[schemars(length(max = MAX_RULES))]
    rule: Option<Vec<WrittenRule>>,
    #[schemars(flatten)]
    settings: Settings,
}

/// What is said of the weights of some instances.
#[derive(JsonSchema)]
#[schemars(rename = "Weight", deny_unknown_fields)]
#[expect(dead_code, reason = "it is only looked at")]
struct WrittenWeight {
    /// The instances: a condition such as `tag.version = canary`.
    of: String,
    /// Their weight: a number in the place of their own, or a part of it such as `10%`.
    weight: NumberOrPart,
}

/// A rule on where calls go.
#[derive(JsonSchema)]
#[schemars(rename = "Rule", deny_unknown_fields, extend("dependencies" = { "by": ["share"] }))]
#[expect(dead_code, reason = "it is only looked at")]
struct WrittenRule {
    /// What people call it: in errors, and what its share is drawn by.
    #[schemars(length(max = MAX_COMMENT))]
    name: Option<String>,
    /// The calls that it is about: a condition such as `method = get* and metadata.tenant = acme`. All calls without one.
    when: Option<String>,
    /// The instances that they go to: a condition such as `tag.version = canary`.
    to: String,
    /// The part of the calls that goes there. The others keep away from there. All of them unless set.
    share: Option<Share>,
    /// The metadata whose value decides who is in that part, such as `metadata.user`. Chance decides without it.
    #[schemars(regex(pattern = r"^metadata\."))]
    by: Option<String>,
    /// What becomes of its calls where none of the instances can take them: `others` unless set.
    otherwise: Option<Otherwise>,
}

/// A weight, or a part of the one that is there.
struct NumberOrPart;

/// A number and a unit, as [`Span`] is read.
const SPAN: &str = r"^([0-9]+(\.[0-9]*)?|\.[0-9]+)\s*(h|m|s|ms|us|ns)$";

/// 0 to 100 %, as [`Share`] is read.
const PERCENT: &str = r"^0*(100(\.0*)?|[0-9]{1,2}(\.[0-9]*)?|\.[0-9]+)\s*%$";

/// 0 to 1, as [`Share`] is read.
const PART: &str = r"^(0*\.[0-9]+|0+\.?|0*1(\.0*)?)$";

/// The schema of each kind of value, by the texts that it is read from.
macro_rules! written {
    ($($kind:ty, $name:literal: { $($schema:tt)* },)*) => {$(
        impl JsonSchema for $kind {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ $($schema)* })
            }
        }
    )*};
}

written! {
    Span, "Span": {
        "description": "A length of time.",
        "type": "string",
        "pattern": SPAN,
        "examples": ["250us", "20ms", "1.5s", "2m", "1h"],
    },
    OrOff<Span>, "SpanOrOff": {
        "description": "A length of time, or none.",
        "anyOf": [{ "enum": ["off"] }, { "type": "string", "pattern": SPAN }],
        "examples": ["off", "250us", "20ms", "1.5s", "2m", "1h"],
    },
    OrOff<u32>, "NumberOrOff": {
        "description": "A number, or none.",
        "anyOf": [
            { "enum": ["off"] },
            { "type": "integer", "minimum": 1, "maximum": u32::MAX },
            { "type": "string", "pattern": "^0*[1-9][0-9]*$" },
        ],
        "examples": ["off", 64],
    },
    Share, "Share": {
        "description": "A part of a whole.",
        "anyOf": [
            { "type": "number", "minimum": 0, "maximum": 1 },
            { "type": "string", "pattern": PERCENT },
            { "type": "string", "pattern": PART },
        ],
        "examples": ["5%", 0.05],
    },
    NumberOrPart, "NumberOrPart": {
        "description": "A weight, or a part of the one that is there.",
        "anyOf": [
            { "type": "integer", "minimum": 0, "maximum": MAX_WEIGHT },
            { "type": "string", "pattern": PERCENT },
        ],
        "examples": [0, 100, "10%"],
    },
    Codes, "Codes": {
        "description": "Codes of statuses.",
        "type": "array",
        "items": { "enum": Code::ALL.map(Code::as_str) },
    },
    FallbackMode, "FallbackMode": {
        "description": "When a fallback takes the place of an answer.",
        "enum": FallbackMode::WORDS,
    },
    Priority, "Priority": {
        "description": "Who is turned away first under load.",
        "enum": Priority::WORDS,
    },
    Cluster, "Cluster": {
        "description": "How many instances are asked, and what their failures mean.",
        "anyOf": [
            { "enum": Cluster::WORDS },
            { "type": "string", "pattern": r"^forking\(0*[1-9][0-9]*\)$" },
        ],
        "examples": ["failover", "forking(2)"],
    },
    Balance, "Balance": {
        "description": "How an instance is chosen.",
        "anyOf": [
            { "enum": Balance::WORDS },
            { "type": "string", "pattern": r"^consistent_hash\((\.[A-Za-z_][A-Za-z0-9_]*)+\)$" },
        ],
        "examples": ["p2c", "consistent_hash(.customer)"],
    },
    Otherwise, "Otherwise": {
        "description": "What becomes of calls where none of a rule's instances can take them.",
        "enum": Otherwise::WORDS,
    },
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::document::{KEYS, RULE_KEYS, SCHEMA_KEY, WEIGHT_KEYS};
    use super::*;

    fn keys(schema: &Value) -> BTreeSet<&str> {
        let properties = schema["properties"].as_object().unwrap();
        properties.keys().map(String::as_str).collect()
    }

    #[test]
    fn it_has_the_keys_that_documents_are_read_by() {
        let schema = schema();
        let all = Settings::KEYS.iter().chain(&KEYS).copied();
        assert_eq!(keys(&schema), all.chain([SCHEMA_KEY]).collect());
        let of = |name: &str| keys(&schema["definitions"][name]);
        assert_eq!(of("Settings"), Settings::KEYS.iter().copied().collect());
        assert_eq!(of("Rule"), RULE_KEYS.into_iter().collect());
        assert_eq!(of("Weight"), WEIGHT_KEYS.into_iter().collect());
        assert!(!schema.to_string().contains("null"));
    }

    #[test]
    fn every_key_is_described_and_nothing_else_may_stand_there() {
        let schema = schema();
        let definitions = schema["definitions"].as_object().unwrap();
        let tables = definitions.iter().map(|(name, one)| (&**name, one));
        for (name, table) in tables.chain([("", &schema)]) {
            assert!(table["description"].is_string(), "{name}");
            let Some(properties) = table["properties"].as_object() else {
                continue;
            };
            assert_eq!(table["additionalProperties"], false, "{name}");
            for (key, described) in properties {
                let text = described["description"].as_str().unwrap_or_default();
                assert!(!text.is_empty(), "{name}.{key}");
            }
        }
    }

    #[test]
    fn every_setting_tells_what_is_built_in() {
        let schema = schema();
        Treatment::default().visit("", &mut |key, value| {
            let places = places(&schema, &key);
            assert_eq!(places.len(), if key.contains('.') { 1 } else { 2 }, "{key}");
            for place in places {
                let text = schema.pointer(&format!("{place}/description"));
                let text = text.and_then(Value::as_str).unwrap_or_default();
                let told = text.contains("\n\nBuilt in: `");
                assert_eq!(told, !value.is_empty(), "{key}: {text}");
            }
        });
        let timeout = schema["properties"]["timeout"]["description"].as_str();
        let timeout = timeout.unwrap_or_default();
        assert!(
            timeout.ends_with("Built in: `5s`, and `off` for streams."),
            "{timeout}"
        );
    }
}
