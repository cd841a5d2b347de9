//! The resolved model as JSON, of the form that docs/interchange.md describes.
//!
//! Keys are never left out, and stand in alphabetical order. A change that a reader of the form could notice, other than a
//! new key, changes its number.

use callsheet_build::descriptor;
use callsheet_build::model::{
    Bound, Constant, ConstantValue, Deprecation, Enum, Error, Field, FieldShape, FieldType, File,
    Message, Method, MethodPolicy, Model, ReservedNumbers, Rule, Service,
};
use callsheet_build::print;
use serde_json::{Value, json};

/// The number of the form.
const FORM: u32 = 1;

/// The text of a model, with its line end.
pub(super) fn text(model: &Model) -> String {
    let files: Vec<Value> = model.files.iter().map(file).collect();
    let whole = json!({ "form": FORM, "files": files });
    format!("{whole:#}\n")
}

fn all<T>(items: &[T], one: impl Fn(&T) -> Value) -> Value {
    items.iter().map(one).collect()
}

fn docs(lines: &[String]) -> Value {
    lines.join("\n").into()
}

fn reason(deprecated: Option<&Deprecation>) -> Value {
    deprecated.map(|why| why.reason.clone()).into()
}

fn file(file: &File) -> Value {
    json!({
        "path": &*file.import_path,
        "package": &*file.package.0,
        "docs": docs(&file.docs),
        "imports": all(&file.imports, |import| (**import).into()),
        "messages": all(&file.messages, message),
        "enums": all(&file.enums, enumeration),
        "errors": all(&file.errors, error),
        "constants": all(&file.constants, constant),
        "services": all(&file.services, service),
    })
}

fn message(one: &Message) -> Value {
    let oneofs = one.oneofs.iter().map(|oneof| {
        json!({ "name": oneof.name, "docs": docs(&oneof.docs), "required": oneof.required })
    });
    json!({
        "name": one.name.simple(),
        "full_name": &*one.name.0,
        "docs": docs(&one.docs),
        "deprecated": reason(one.deprecated.as_ref()),
        "fields": all(&one.fields, |field| self::field(one, field)),
        "oneofs": oneofs.collect::<Value>(),
        "messages": all(&one.messages, message),
        "enums": all(&one.enums, enumeration),
        "reserved": reserved(&one.reserved_numbers, &one.reserved_names),
    })
}

fn error(error: &Error) -> Value {
    let mut made = message(&error.message);
    made["code"] = print::status(error.code).into();
    made
}

fn reserved(numbers: &[ReservedNumbers], names: &[String]) -> Value {
    json!({
        "numbers": all(numbers, |range| json!([range.from, range.to])),
        "names": names,
    })
}

fn field(of: &Message, field: &Field) -> Value {
    let (shape, key, one) = match &field.shape {
        FieldShape::Singular(one) => ("singular", None, one),
        FieldShape::Optional(one) => ("optional", None, one),
        FieldShape::List(one) => ("list", None, one),
        FieldShape::Map(key, one) => ("map", Some(print::scalar(*key)), one),
    };
    json!({
        "name": field.name,
        "json_name": field.json_name.clone().unwrap_or_else(|| descriptor::json_name(&field.name)),
        "number": field.number,
        "docs": docs(&field.docs),
        "deprecated": reason(field.deprecated.as_ref()),
        "shape": shape,
        "key": key,
        "type": field_type(one),
        "oneof": field.oneof.map(|position| &*of.oneofs[position].name),
        "redact": field.redact,
        "rules": all(&field.rules, rule),
    })
}

fn field_type(one: &FieldType) -> Value {
    match one {
        FieldType::Scalar(scalar) => json!({ "kind": "scalar", "name": print::scalar(*scalar) }),
        FieldType::Enum(name) => json!({ "kind": "enum", "name": &*name.0 }),
        FieldType::Message(name) => json!({ "kind": "message", "name": &*name.0 }),
    }
}

fn rule(rule: &Rule) -> Value {
    match rule {
        Rule::Len { min, max } => json!({ "rule": "len", "min": min, "max": max }),
        Rule::Range {
            min,
            max,
            max_inclusive,
        } => json!({
            "rule": "range",
            "min": min.as_ref().map(bound),
            "max": max.as_ref().map(bound),
            "max_inclusive": max_inclusive,
        }),
        Rule::Pattern(pattern) => json!({ "rule": "pattern", "pattern": pattern }),
        Rule::Required => json!({ "rule": "required" }),
        Rule::OneOfStrings(values) => json!({ "rule": "one_of", "values": values }),
        Rule::OneOfIntegers(values) => {
            json!({ "rule": "one_of", "values": all(values, |value| integer(*value)) })
        }
        Rule::Unique => json!({ "rule": "unique" }),
    }
}

fn bound(bound: &Bound) -> Value {
    match *bound {
        Bound::Integer(value) => integer(value),
        Bound::Float(value) => value.into(),
        Bound::Duration(microseconds) => json!({ "microseconds": microseconds }),
    }
}

/// A number where JSON's readers keep it whole, otherwise its digits.
fn integer(value: i128) -> Value {
    const SAFE: i128 = 1 << 53;
    match i64::try_from(value) {
        Ok(small) if (-SAFE..=SAFE).contains(&value) => small.into(),
        _ => value.to_string().into(),
    }
}

fn enumeration(one: &Enum) -> Value {
    let value = |value: &callsheet_build::model::EnumValue| {
        json!({
            "name": value.name,
            "descriptor_name": value.descriptor_name,
            "number": value.number,
            "docs": docs(&value.docs),
            "deprecated": reason(value.deprecated.as_ref()),
        })
    };
    json!({
        "name": one.name.simple(),
        "full_name": &*one.name.0,
        "docs": docs(&one.docs),
        "deprecated": reason(one.deprecated.as_ref()),
        "allow_alias": one.allow_alias,
        "values": all(&one.values, value),
        "reserved": reserved(&one.reserved_numbers, &one.reserved_names),
    })
}

fn constant(one: &Constant) -> Value {
    let (ty, value) = match &one.value {
        ConstantValue::Bool(value) => ("bool", json!(value)),
        ConstantValue::Integer(of, value) => (print::scalar(*of), integer(*value)),
        ConstantValue::Float(of, value) => (print::scalar(*of), json!(value)),
        ConstantValue::String(value) => ("string", json!(value)),
        ConstantValue::Bytes(value) => ("bytes", json!(value)),
        ConstantValue::Duration(value) => ("duration", json!({ "microseconds": value })),
    };
    json!({
        "name": one.name.simple(),
        "full_name": &*one.name.0,
        "docs": docs(&one.docs),
        "type": ty,
        "value": value,
    })
}

fn service(one: &Service) -> Value {
    let groups = one.groups.named.iter().map(|group| &*group.name);
    json!({
        "name": one.name.simple(),
        "full_name": &*one.name.0,
        "docs": docs(&one.docs),
        "deprecated": reason(one.deprecated.as_ref()),
        "releases": all(&one.releases, |release| release.to_string().into()),
        "groups": { "named": groups.collect::<Vec<_>>(), "open": one.groups.open },
        "methods": all(&one.methods, |method| self::method(one, method)),
    })
}

fn method(of: &Service, one: &Method) -> Value {
    let deprecated = one
        .deprecated
        .as_ref()
        .map(|(since, why)| json!({ "since": since.to_string(), "reason": why }));
    let present = of
        .releases
        .iter()
        .filter(|release| one.window.contains(**release));
    json!({
        "name": one.name,
        "docs": docs(&one.docs),
        "added": one.window.added.to_string(),
        "removed": one.window.removed.map(|release| release.to_string()),
        "releases": present.map(ToString::to_string).collect::<Vec<_>>(),
        "deprecated": deprecated,
        "request": {
            "message": &*one.request.message.0,
            "stream": one.request.stream,
            "arguments": one.request.arguments,
        },
        "reply": { "message": &*one.reply.0, "stream": one.reply_stream },
        "throws": all(&one.throws, |name| (*name.0).into()),
        "policy": policy(&one.policy),
    })
}

fn policy(policy: &MethodPolicy) -> Value {
    let retry = policy.retry.as_ref().map(|retry| {
        json!({
            "attempts": retry.attempts,
            "on": all(&retry.on, |code| print::status(*code).into()),
            "backoff": retry.backoff.map(|pause| json!({
                "from": { "microseconds": pause.from },
                "to": { "microseconds": pause.to },
            })),
        })
    });
    let time = |time: Option<u64>| time.map(|time| json!({ "microseconds": time }));
    json!({
        "timeout": time(policy.timeout),
        "idempotent": policy.idempotent,
        "retry": retry,
        "hedge": time(policy.hedge),
        "balance": policy.balance.as_ref().map(print::balancer),
        "cluster": policy.cluster.map(print::clustering),
        "oneway": policy.oneway,
        "limit": policy.limit,
        "max_size": policy.max_size,
        "compress": policy.compress.map(print::compression),
        "priority": policy.priority.map(print::priority_word),
    })
}
