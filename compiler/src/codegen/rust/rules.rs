//! Field rules as the statements of a message's check.

use std::collections::{HashMap, HashSet};

use callsheet_templates as views;

use crate::model::{
    Bound, Enum, Field, FieldShape, FieldType, FullName, Message, Model, Oneof, Rule, Scalar,
};

use super::constants::float;
use super::names::{camel, field as field_name, literal, snake};
use super::patterns::program;
use super::redact::oneof_path;
use super::types::Scope;

/// The most choices that a violation of `@one_of` tells.
const MOST_CHOICES: usize = 12;

/// Which messages have rules, and what rules ask of the types that they stand on.
pub(in crate::codegen) struct Rules<'a> {
    /// With rules of their own, or of what they hold at any depth.
    ruled: HashSet<&'a FullName>,
    /// With a map, their own or of what they hold at any depth.
    with_maps: HashSet<&'a FullName>,
    enums: HashMap<&'a FullName, &'a Enum>,
}

impl<'a> Rules<'a> {
    pub(in crate::codegen) fn new(model: &'a Model) -> Self {
        let mut all = All::default();
        for file in &model.files {
            all.enums(&file.enums);
            file.messages
                .iter()
                .for_each(|message| all.message(message));
            for error in &file.errors {
                all.message(&error.message);
            }
        }
        Self {
            ruled: all.holders(|message| {
                message.fields.iter().any(|field| !field.rules.is_empty())
                    || message.oneofs.iter().any(|oneof| oneof.required)
            }),
            with_maps: all.holders(|message| {
                let map = |field: &Field| matches!(field.shape, FieldShape::Map(..));
                message.fields.iter().any(map)
            }),
            enums: all.enums,
        }
    }

    /// Whether a message is validated.
    pub(in crate::codegen) fn hold(&self, message: &FullName) -> bool {
        self.ruled.contains(message)
    }
}

/// Every message and enum of a model, nested ones included.
#[derive(Default)]
struct All<'a> {
    messages: Vec<&'a Message>,
    enums: HashMap<&'a FullName, &'a Enum>,
}

impl<'a> All<'a> {
    fn message(&mut self, message: &'a Message) {
        self.messages.push(message);
        self.enums(&message.enums);
        message.messages.iter().for_each(|it| self.message(it));
    }

    fn enums(&mut self, enums: &'a [Enum]) {
        self.enums.extend(enums.iter().map(|it| (&it.name, it)));
    }

    /// The messages of which `is` holds, and those that hold such a one, at any remove.
    fn holders(&self, is: impl Fn(&Message) -> bool) -> HashSet<&'a FullName> {
        let mut holders: HashMap<&FullName, Vec<&'a FullName>> = HashMap::new();
        for message in &self.messages {
            for held in message.fields.iter().filter_map(held) {
                holders.entry(held).or_default().push(&message.name);
            }
        }
        let such = self.messages.iter().filter(|message| is(message));
        let mut open: Vec<&'a FullName> = such.map(|message| &message.name).collect();
        let mut found: HashSet<&'a FullName> = open.iter().copied().collect();
        while let Some(name) = open.pop() {
            for holder in holders.get(name).into_iter().flatten() {
                if found.insert(*holder) {
                    open.push(holder);
                }
            }
        }
        found
    }
}

/// The message that a field holds, once or often.
fn held(field: &Field) -> Option<&FullName> {
    match &field.shape {
        FieldShape::Singular(FieldType::Message(name))
        | FieldShape::Optional(FieldType::Message(name))
        | FieldShape::List(FieldType::Message(name))
        | FieldShape::Map(_, FieldType::Message(name)) => Some(name),
        _ => None,
    }
}

/// `impl Validate` of a message and of those in it, where there is anything to validate.
pub(in crate::codegen) fn validations(
    scope: Scope<'_>,
    message: &Message,
    rules: &Rules<'_>,
    out: &mut Vec<views::Validation>,
) {
    if rules.hold(&message.name) {
        let checked = Checked {
            scope,
            message,
            rules,
        };
        out.push(checked.view());
    }
    for nested in &message.messages {
        validations(scope, nested, rules, out);
    }
}

struct Checked<'a> {
    scope: Scope<'a>,
    message: &'a Message,
    rules: &'a Rules<'a>,
}

impl Checked<'_> {
    fn view(&self) -> views::Validation {
        let mut statements = Vec::new();
        let mut deprecated = false;
        for field in &self.message.fields {
            let before = statements.len();
            self.field(field, &mut statements);
            deprecated |= field.deprecated.is_some() && statements.len() > before;
        }
        for (oneof, members) in self.message.oneofs.iter().zip(self.message.members()) {
            if oneof.required {
                statements.push(required_oneof(oneof, &members));
            }
        }
        let mut lints = Vec::new();
        // A bound may be near a well-known constant.
        if statements.iter().any(|it| it.contains("::float_range(")) {
            lints.push("clippy::approx_constant");
        }
        if deprecated {
            lints.push("deprecated");
        }
        let lints = lints.join(", ");
        let chosen = format!("#[allow({lints}, reason = \"the contract chooses it\")]\n");
        views::Validation {
            attributes: if lints.is_empty() {
                String::new()
            } else {
                chosen
            },
            path: self.scope.path(&self.message.name),
            statements,
        }
    }

    fn field(&self, field: &Field, out: &mut Vec<String>) {
        let name = field_name(field);
        let at = place(field);
        let own = format!("self.{name}");
        if let Some(oneof) = field.oneof {
            let oneof = &self.message.oneofs[oneof];
            let mut inner = Vec::new();
            self.value(field, &at, "value", &mut inner);
            if self.holds_ruled(field) {
                inner.push(format!(
                    "::callsheet::codegen::Validate::check(value, {at}, found);"
                ));
            }
            let pattern = format!(
                "{}::{}(value)",
                oneof_path(self.scope, self.message, oneof),
                camel(&field.name)
            );
            let whole = format!("self.{}", snake(&oneof.name));
            guarded(&pattern, &whole, inner, out);
            return;
        }
        for rule in &field.rules {
            if matches!(rule, Rule::Required) {
                out.push(self.required(field, &at, &own));
            }
        }
        match &field.shape {
            FieldShape::Singular(FieldType::Scalar(_) | FieldType::Enum(_)) => {
                self.value(field, &at, &format!("&{own}"), out);
            }
            FieldShape::Singular(FieldType::Message(_)) | FieldShape::Optional(_) => {
                let mut inner = Vec::new();
                self.value(field, &at, "value", &mut inner);
                guarded("value", &own, inner, out);
                if self.holds_ruled(field) {
                    out.push(call("message", &at, &format!("{own}.as_ref()")));
                }
            }
            FieldShape::List(entry) => {
                self.list(field, entry, &at, &own, out);
                if self.holds_ruled(field) {
                    out.push(call("messages", &at, &format!("&{own}")));
                }
            }
            FieldShape::Map(..) => {
                out.extend(lengths(field, &at, &format!("{own}.len()"), "entry"));
                if self.holds_ruled(field) {
                    out.push(call("map", &at, &format!("&{own}")));
                }
            }
        }
    }

    fn holds_ruled(&self, field: &Field) -> bool {
        held(field).is_some_and(|name| self.rules.hold(name))
    }

    /// The rules of one value, which `value` refers to.
    fn value(&self, field: &Field, at: &str, value: &str, out: &mut Vec<String>) {
        let (FieldShape::Singular(kind) | FieldShape::Optional(kind)) = &field.shape else {
            return;
        };
        let own = value.strip_prefix('&').unwrap_or(value);
        let mut lengths: Vec<String> = match kind {
            FieldType::Scalar(Scalar::String) => {
                lengths(field, at, &format!("{own}.chars().count()"), "character").collect()
            }
            FieldType::Scalar(Scalar::Bytes) => {
                lengths(field, at, &format!("{own}.len()"), "byte").collect()
            }
            _ => Vec::new(),
        };
        let bounded = |rule: &Rule| matches!(rule, Rule::Len { max: Some(_), .. });
        let bounded = field.rules.iter().any(bounded);
        let patterns: Vec<String> = field
            .rules
            .iter()
            .filter(|rule| matches!(rule, Rule::Pattern(_)))
            .filter_map(|rule| self.of_entry(kind, rule, at, value))
            .collect();
        // What is longer than it may be is not worth the time of a pattern.
        let length = lengths.pop_if(|_| bounded && !patterns.is_empty());
        out.append(&mut lengths);
        if let Some(length) = length {
            out.push(format!("let within = {length}"));
            out.push("if within {".to_owned());
            out.extend(patterns.into_iter().map(|pattern| format!("    {pattern}")));
            out.push("}".to_owned());
        } else {
            out.extend(patterns);
        }
        let others = field
            .rules
            .iter()
            .filter(|rule| !matches!(rule, Rule::Pattern(_)));
        out.extend(others.filter_map(|rule| self.of_entry(kind, rule, at, value)));
    }

    fn list(&self, field: &Field, entry: &FieldType, at: &str, own: &str, out: &mut Vec<String>) {
        out.extend(lengths(field, at, &format!("{own}.len()"), "entry"));
        for rule in &field.rules {
            if matches!(rule, Rule::Unique) {
                let function = match entry {
                    FieldType::Scalar(Scalar::Float | Scalar::Double) => "unique_floats",
                    FieldType::Message(name) if self.rules.with_maps.contains(name) => {
                        "unique_messages_with_maps"
                    }
                    FieldType::Message(_) => "unique_messages",
                    FieldType::Scalar(_) | FieldType::Enum(_) => "unique",
                };
                out.push(call(function, at, &format!("&{own}")));
            } else if let Some(check) = self.of_entry(entry, rule, "at", "value") {
                let check = check.trim_end_matches(';');
                out.push(call(
                    "entries",
                    at,
                    &format!("&{own}, |at, found, value| {check}"),
                ));
            }
        }
    }

    /// A rule that holds for one value, or for each entry of a list.
    fn of_entry(&self, kind: &FieldType, rule: &Rule, at: &str, value: &str) -> Option<String> {
        Some(match rule {
            Rule::Range {
                min,
                max,
                max_inclusive,
            } => range(kind, *min, *max, *max_inclusive, at, value)?,
            Rule::Pattern(pattern) => {
                let text = literal(&format!("must match {pattern}"));
                let program = program(pattern);
                call("pattern", at, &format!("{value}, &{program}, {text}"))
            }
            Rule::OneOfStrings(choices) => {
                let literals: Vec<String> = choices.iter().map(|it| literal(it)).collect();
                let shown = choices.iter().map(|choice| format!("{choice:?}"));
                let text = literal(&one_of(shown));
                let choices = literals.join(", ");
                call(
                    "one_of_texts",
                    at,
                    &format!("{value}, &[{choices}], {text}"),
                )
            }
            Rule::OneOfIntegers(choices) => {
                let numbers: Vec<String> = choices.iter().map(i128::to_string).collect();
                let text = literal(&one_of(choices.iter().map(|it| self.choice(kind, *it))));
                let choices = numbers.join(", ");
                call(
                    "one_of_numbers",
                    at,
                    &format!("{value}, &[{choices}], {text}"),
                )
            }
            Rule::Len { .. } | Rule::Required | Rule::Unique => return None,
        })
    }

    /// An integer, or the name of an enum's value.
    fn choice(&self, kind: &FieldType, number: i128) -> String {
        let value = match kind {
            FieldType::Enum(name) => self.value_name(name, number),
            _ => None,
        };
        value.unwrap_or_else(|| number.to_string())
    }

    fn value_name(&self, name: &FullName, number: i128) -> Option<String> {
        let values = &self.rules.enums.get(name)?.values;
        let value = values.iter().find(|it| i128::from(it.number) == number)?;
        Some(value.name.clone())
    }

    fn required(&self, field: &Field, at: &str, own: &str) -> String {
        let (present, text) = match &field.shape {
            FieldShape::Optional(_) | FieldShape::Singular(FieldType::Message(_)) => {
                (format!("{own}.is_some()"), "must be there".to_owned())
            }
            FieldShape::List(_)
            | FieldShape::Map(..)
            | FieldShape::Singular(FieldType::Scalar(Scalar::String | Scalar::Bytes)) => {
                (format!("!{own}.is_empty()"), "must not be empty".to_owned())
            }
            FieldShape::Singular(FieldType::Scalar(Scalar::Bool)) => {
                (own.to_owned(), "must be true".to_owned())
            }
            FieldShape::Singular(FieldType::Scalar(Scalar::Float | Scalar::Double)) => {
                (format!("{own} != 0.0"), "must not be zero".to_owned())
            }
            FieldShape::Singular(FieldType::Scalar(_)) => {
                (format!("{own} != 0"), "must not be zero".to_owned())
            }
            FieldShape::Singular(kind @ FieldType::Enum(_)) => {
                let zero = self.choice(kind, 0);
                (format!("{own} != 0"), format!("must not be {zero}"))
            }
        };
        call("required", at, &format!("{present}, {}", literal(&text)))
    }
}

/// The place of a field.
fn place(field: &Field) -> String {
    let function = if field.redact { "secret" } else { "field" };
    format!("&at.{function}({})", literal(&field.name))
}

fn call(function: &str, at: &str, rest: &str) -> String {
    format!("::callsheet::codegen::rules::{function}({at}, found, {rest});")
}

/// `inner` for what `pattern` finds in an option, if there is anything to do.
fn guarded(pattern: &str, whole: &str, inner: Vec<String>, out: &mut Vec<String>) {
    if inner.is_empty() {
        return;
    }
    out.push(format!(
        "if let ::core::option::Option::Some({pattern}) = &{whole} {{"
    ));
    out.extend(inner.into_iter().map(|line| format!("    {line}")));
    out.push("}".to_owned());
}

fn lengths<'a>(
    field: &'a Field,
    at: &'a str,
    length: &'a str,
    unit: &'a str,
) -> impl Iterator<Item = String> + 'a {
    field.rules.iter().filter_map(move |rule| match rule {
        Rule::Len { min, max } => {
            let most = max.unwrap_or(u64::MAX);
            let text = literal(&format!("must have {}", amount(*min, *max, unit)));
            Some(call(
                "len",
                at,
                &format!("{length}, ({min}, {most}), {text}"),
            ))
        }
        _ => None,
    })
}

/// `1 to 64 characters`
fn amount(min: u64, max: Option<u64>, unit: &str) -> String {
    let units = |number: u64| match (number, unit) {
        (1, _) => unit.to_owned(),
        (_, "entry") => "entries".to_owned(),
        _ => format!("{unit}s"),
    };
    match max {
        None => format!("at least {min} {}", units(min)),
        Some(max) if max == min => format!("exactly {max} {}", units(max)),
        Some(max) if min == 0 => format!("at most {max} {}", units(max)),
        Some(max) => format!("{min} to {max} {}", units(max)),
    }
}

fn range(
    kind: &FieldType,
    min: Option<Bound>,
    max: Option<Bound>,
    closed: bool,
    at: &str,
    value: &str,
) -> Option<String> {
    let shown = |bound: Option<Bound>| bound.map(|bound| written(kind, bound)).unwrap_or_default();
    let text = literal(&match (min, max, closed) {
        (_, None, _) => format!("must be at least {}", shown(min)),
        (None, Some(_), true) => format!("must be at most {}", shown(max)),
        (None, Some(_), false) => format!("must be less than {}", shown(max)),
        (Some(_), Some(_), true) => format!("must lie in {}..={}", shown(min), shown(max)),
        (Some(_), Some(_), false) => format!("must lie in {}..{}", shown(min), shown(max)),
    });
    let (function, bounds) = match kind {
        FieldType::Scalar(Scalar::Float | Scalar::Double) => {
            let end = |bound, open: &str| match bound {
                Some(Bound::Float(value)) => format!("{:?}", exact(kind, value)),
                _ => format!("::core::primitive::f64::{open}"),
            };
            let (min, max) = (end(min, "NEG_INFINITY"), end(max, "INFINITY"));
            let closed = closed || max.ends_with("INFINITY");
            ("float_range", format!("({min}, {max}, {closed})"))
        }
        FieldType::Scalar(_) => {
            let min = match min {
                Some(Bound::Integer(value)) => value,
                _ => i64::MIN.into(),
            };
            let max = match max {
                Some(Bound::Integer(value)) if closed => value,
                Some(Bound::Integer(value)) => value - 1,
                _ => u64::MAX.into(),
            };
            ("range", format!("({min}, {max})"))
        }
        FieldType::Message(_) => {
            let min = match min {
                Some(Bound::Duration(micros)) => micros,
                _ => 0,
            };
            let max = match max {
                Some(Bound::Duration(micros)) => {
                    format!("::core::option::Option::Some({micros})")
                }
                _ => "::core::option::Option::None".to_owned(),
            };
            ("duration_range", format!("({min}, {max}, {closed})"))
        }
        FieldType::Enum(_) => return None,
    };
    Some(call(function, at, &format!("{value}, {bounds}, {text}")))
}

/// What a bound is in the precision of its field.
fn exact(kind: &FieldType, value: f64) -> f64 {
    if matches!(kind, FieldType::Scalar(Scalar::Float)) {
        #[expect(clippy::cast_possible_truncation, reason = "a bound fits its field")]
        let value = value as f32;
        value.into()
    } else {
        value
    }
}

/// A bound as people write it.
fn written(kind: &FieldType, bound: Bound) -> String {
    match (bound, kind) {
        (Bound::Integer(value), _) => value.to_string(),
        (Bound::Float(value), FieldType::Scalar(kind)) => float(*kind, value),
        (Bound::Float(value), _) => value.to_string(),
        (Bound::Duration(micros), _) => {
            let units = [
                (3_600_000_000, "h"),
                (60_000_000, "m"),
                (1_000_000, "s"),
                (1_000, "ms"),
            ];
            let fits = |unit: &&(u64, &str)| micros >= unit.0 && micros.is_multiple_of(unit.0);
            match units.iter().find(fits) {
                Some((unit, name)) => format!("{}{name}", micros / unit),
                None => format!("{micros}us"),
            }
        }
    }
}

fn one_of(choices: impl ExactSizeIterator<Item = String>) -> String {
    let more = choices.len() > MOST_CHOICES;
    let shown: Vec<String> = choices.take(MOST_CHOICES).collect();
    let more = if more { ", …" } else { "" };
    format!("must be one of {}{more}", shown.join(", "))
}

fn required_oneof(oneof: &Oneof, members: &[&Field]) -> String {
    let names: Vec<&str> = members.iter().map(|field| &*field.name).collect();
    let text = match &*names {
        [only] => format!("{only} must be there"),
        _ => format!("one of {} must be there", names.join(", ")),
    };
    let at = format!("&at.field({})", literal(&oneof.name));
    let present = format!("self.{}.is_some()", snake(&oneof.name));
    call("required", &at, &format!("{present}, {}", literal(&text)))
}
