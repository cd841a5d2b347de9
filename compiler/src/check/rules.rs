//! Rules of fields: which fit which type, with bounds that the type can hold.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Bound, ConstantValue, FieldShape, FieldType, Rule, Scalar};
use crate::source::Span;
use crate::syntax::ast::{self, Value, ValueKind};

use super::annotations::{Annotations, Checked, Given};
use super::values::{Literal, Misfit, Plain, integer_range, written};
use super::{Check, Place, choices, patterns};

/// The names of the rules.
const RULES: [&str; 6] = ["len", "range", "pattern", "required", "one_of", "unique"];

impl Check<'_> {
    /// The rules of a field. Where its type is wrong (`shape` is missing), nothing is said about rules.
    pub(super) fn rules(
        &mut self,
        place: Place<'_>,
        item: &ast::Field,
        shape: Option<&FieldShape>,
        in_oneof: bool,
        annotations: &Annotations<'_>,
    ) -> Vec<Rule> {
        let Some(shape) = shape else {
            return Vec::new();
        };
        let mut rules = Vec::new();
        for given in annotations
            .iter()
            .filter(|given| RULES.contains(&given.name))
        {
            let fits = match given.name {
                "len" => has_length(shape),
                "range" => ordered(shape).is_some(),
                "pattern" => matches!(entry(shape), Some(FieldType::Scalar(Scalar::String))),
                "one_of" => choices::has_choices(shape),
                "unique" => matches!(shape, FieldShape::List(_)),
                _ => !in_oneof,
            };
            if !fits {
                self.rule_type(item, given);
                continue;
            }
            let rule = match given.name {
                "len" => given.own(0).and_then(|value| self.length(place, value)),
                "range" => ordered(shape)
                    .zip(given.own(0))
                    .and_then(|(ty, value)| self.range(place, ty, value)),
                "pattern" => match given.argument(0) {
                    Some(Checked::Text(text, span)) => self.pattern(text, *span),
                    _ => None,
                },
                "one_of" => self.one_of(place, shape, given),
                "unique" => Some(Rule::Unique),
                _ => Some(Rule::Required),
            };
            rules.extend(rule);
        }
        rules
    }

    fn rule_type(&mut self, item: &ast::Field, given: &Given<'_>) {
        let (label, help) = match given.name {
            "len" => (
                "has no length",
                "use `@len` on strings, bytes, lists and maps",
            ),
            "range" => (
                "has no order",
                "use `@range` on single numbers and durations",
            ),
            "pattern" => (
                "is no text",
                "use `@pattern` on strings and lists of strings",
            ),
            "one_of" => (
                "has no choices",
                "use `@one_of` on strings, integers and declared enums, and on lists of them",
            ),
            "unique" => ("is no list", "use `@unique` on lists"),
            _ => (
                "is a member of a oneof",
                "write `@required` before the `oneof`: one of its members must then be there",
            ),
        };
        self.report(
            Diagnostic::new(
                Code::RuleType,
                given.span,
                format!("`@{}` does not fit `{}`", given.name, item.name.text),
            )
            .label("does not fit")
            .also(item.ty.span, format!("this {label}"))
            .help(help),
        );
    }

    /// `@len(5)`, `@len(1..=64)`
    fn length(&mut self, place: Place<'_>, value: &Value) -> Option<Rule> {
        let ValueKind::Range(range) = &value.kind else {
            let exact = self.length_bound(place, value)?;
            return Some(Rule::Len {
                min: exact,
                max: Some(exact),
            });
        };
        let from = range
            .from
            .as_ref()
            .map(|value| self.length_bound(place, value));
        let to = range
            .to
            .as_ref()
            .map(|value| self.length_bound(place, value));
        if from.is_none() && to.is_none() {
            self.wrong_type(
                value,
                "a range without ends",
                "a range with an end, such as `1..=64`",
            );
            return None;
        }
        let min = from.unwrap_or(Some(0))?;
        let max = match to {
            None => None,
            Some(to) if range.inclusive => Some(to?),
            Some(to) => match to?.checked_sub(1) {
                Some(last) => Some(last),
                None => return self.empty_range(value.span),
            },
        };
        if max.is_some_and(|max| max < min) {
            return self.empty_range(value.span);
        }
        Some(Rule::Len { min, max })
    }

    fn length_bound(&mut self, place: Place<'_>, value: &Value) -> Option<u64> {
        let literal = self
            .evaluate(place, value, "a length, such as `64`")?
            .literal;
        let number = match literal {
            Literal::Integer(number) => number,
            Literal::Size(bytes) => bytes.into(),
            other => {
                self.wrong_type(value, other.described(), "a length, such as `64`");
                return None;
            }
        };
        if let Ok(number) = u64::try_from(number) {
            Some(number)
        } else {
            self.bound_range(value.span, "a length", &format!("0 to {}", u64::MAX));
            None
        }
    }

    /// `@range(1..=100)`
    fn range(&mut self, place: Place<'_>, ty: Plain, value: &Value) -> Option<Rule> {
        const EXPECTED: &str = "a range with an end, such as `1..=100`";
        let ValueKind::Range(range) = &value.kind else {
            self.wrong_type(value, written(&value.kind), EXPECTED);
            return None;
        };
        let min = range
            .from
            .as_ref()
            .map(|value| self.bound(place, ty, value));
        let max = range.to.as_ref().map(|value| self.bound(place, ty, value));
        if min.is_none() && max.is_none() {
            self.wrong_type(value, "a range without ends", EXPECTED);
            return None;
        }
        let rule = Rule::Range {
            min: min.map_or(Some(None), |bound| bound.map(Some))?,
            max: max.map_or(Some(None), |bound| bound.map(Some))?,
            max_inclusive: range.inclusive,
        };
        if holds_nothing(ty, &rule) {
            self.empty_range(value.span)
        } else {
            Some(rule)
        }
    }

    fn bound(&mut self, place: Place<'_>, ty: Plain, value: &Value) -> Option<Bound> {
        match self.fitted(place, ty, value)? {
            ConstantValue::Integer(_, number) => Some(Bound::Integer(number)),
            ConstantValue::Float(_, number) => Some(Bound::Float(number)),
            ConstantValue::Duration(micros) => Some(Bound::Duration(micros)),
            ConstantValue::Bool(_) | ConstantValue::String(_) | ConstantValue::Bytes(_) => None,
        }
    }

    /// The worth of `value` as a value of `ty`; reported where it is none.
    pub(super) fn fitted(
        &mut self,
        place: Place<'_>,
        ty: Plain,
        value: &Value,
    ) -> Option<ConstantValue> {
        let expected = match ty {
            Plain::Duration => "a duration, such as `800ms`",
            Plain::Scalar(Scalar::String) => "a string in quotes",
            Plain::Scalar(Scalar::Float | Scalar::Double) => "a number",
            Plain::Scalar(_) => "an integer",
        };
        let literal = self.evaluate(place, value, expected)?.literal;
        match ty.fit(&literal) {
            Ok(value) => Some(value),
            Err(Misfit::Type(_)) => {
                self.wrong_type(value, literal.described(), expected);
                None
            }
            Err(Misfit::Range(range)) => {
                self.bound_range(value.span, &format!("the type `{}`", ty.name()), &range);
                None
            }
        }
    }

    fn bound_range(&mut self, span: Span, what: &str, range: &str) {
        self.report(
            Diagnostic::new(
                Code::BoundRange,
                span,
                format!("{what} cannot have this value"),
            )
            .label("out of range")
            .help(format!("write a value from {range}")),
        );
    }

    fn empty_range(&mut self, span: Span) -> Option<Rule> {
        self.report(
            Diagnostic::new(Code::EmptyRange, span, "no value lies in this range")
                .label("empty")
                .help("write the lower end first; `..=` includes the upper end, `..` does not"),
        );
        None
    }

    fn pattern(&mut self, text: &str, span: Span) -> Option<Rule> {
        match patterns::fault(text) {
            None => Some(Rule::Pattern(text.to_owned())),
            Some(fault) => {
                self.report(
                    Diagnostic::new(Code::BadPattern, span, "the pattern is not a regular expression")
                        .label(fault)
                        .help("write a pattern in the dialect of the `regex` crate; `r\"…\"` needs no escapes"),
                );
                None
            }
        }
    }
}

/// Whether the field holds characters, bytes or entries that can be counted.
fn has_length(shape: &FieldShape) -> bool {
    match shape {
        FieldShape::List(_) | FieldShape::Map(..) => true,
        FieldShape::Singular(ty) | FieldShape::Optional(ty) => {
            matches!(ty, FieldType::Scalar(Scalar::String | Scalar::Bytes))
        }
    }
}

/// The type of a single number or duration.
fn ordered(shape: &FieldShape) -> Option<Plain> {
    let (FieldShape::Singular(ty) | FieldShape::Optional(ty)) = shape else {
        return None;
    };
    match ty {
        FieldType::Scalar(scalar @ (Scalar::Float | Scalar::Double)) => {
            Some(Plain::Scalar(*scalar))
        }
        FieldType::Scalar(scalar) => integer_range(*scalar).map(|_| Plain::Scalar(*scalar)),
        FieldType::Message(name) if &*name.0 == "google.protobuf.Duration" => Some(Plain::Duration),
        FieldType::Enum(_) | FieldType::Message(_) => None,
    }
}

/// The type of the one value or of each entry.
pub(super) fn entry(shape: &FieldShape) -> Option<&FieldType> {
    match shape {
        FieldShape::Singular(ty) | FieldShape::Optional(ty) | FieldShape::List(ty) => Some(ty),
        FieldShape::Map(..) => None,
    }
}

fn holds_nothing(ty: Plain, rule: &Rule) -> bool {
    let Rule::Range {
        min,
        max,
        max_inclusive,
    } = rule
    else {
        return false;
    };
    // An exclusive upper end at the least value of the type leaves nothing either.
    let least = match ty {
        Plain::Duration => Some(Bound::Duration(0)),
        Plain::Scalar(scalar) => integer_range(scalar).map(|(least, _)| Bound::Integer(least)),
    };
    let order = match (min.or(least), max) {
        (Some(Bound::Integer(min)), Some(Bound::Integer(max))) => min.partial_cmp(max),
        (Some(Bound::Float(min)), Some(Bound::Float(max))) => min.partial_cmp(max),
        (Some(Bound::Duration(min)), Some(Bound::Duration(max))) => min.partial_cmp(max),
        _ => return false,
    };
    match order {
        Some(std::cmp::Ordering::Less) => false,
        Some(std::cmp::Ordering::Equal) => !max_inclusive,
        Some(std::cmp::Ordering::Greater) | None => true,
    }
}
