//! `reserved`: numbers and names that nothing may have.

use std::collections::{BTreeMap, HashMap};

use crate::diagnostic::{Code, Diagnostic};
use crate::model::ReservedNumbers;
use crate::source::Span;
use crate::syntax::ast::{self, ReservedEntry};

use super::Check;
use super::numbers::Numbers;

/// What the `reserved` statements of one declaration keep.
#[derive(Debug, Default)]
pub(super) struct Reserved<'a> {
    /// First number to last and place; disjoint.
    numbers: BTreeMap<i128, (i128, Span)>,
    names: HashMap<&'a str, Span>,
    order: Vec<&'a str>,
}

/// The same for the model.
pub(super) struct Reservations {
    pub(super) numbers: Vec<ReservedNumbers>,
    pub(super) names: Vec<String>,
}

impl Reserved<'_> {
    /// Where `number` is reserved.
    pub(super) fn number(&self, number: i128) -> Option<Span> {
        let (_, (to, span)) = self.numbers.range(..=number).next_back()?;
        (number <= *to).then_some(*span)
    }

    /// The last number of the range that has `number`.
    pub(super) fn end_of(&self, number: i128) -> Option<i128> {
        let (_, (to, _)) = self.numbers.range(..=number).next_back()?;
        (number <= *to).then_some(*to)
    }

    pub(super) fn finish(self) -> Reservations {
        let number = |number: i128| {
            i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
        };
        Reservations {
            numbers: self
                .numbers
                .iter()
                .map(|(from, (to, _))| ReservedNumbers {
                    from: number(*from),
                    to: number(*to),
                })
                .collect(),
            names: self.order.iter().map(|name| (*name).to_owned()).collect(),
        }
    }
}

impl Check<'_> {
    /// Reads the `reserved` statements of a declaration whose numbers are `range`.
    pub(super) fn reservations<'t>(
        &mut self,
        statements: impl IntoIterator<Item = &'t ast::Reserved>,
        range: &Numbers,
    ) -> Reserved<'t> {
        let mut reserved = Reserved::default();
        for entry in statements
            .into_iter()
            .flat_map(|statement| &statement.entries)
        {
            match &entry.value {
                ReservedEntry::Numbers(from, to) => {
                    self.reserve_numbers(&mut reserved, (*from, *to), entry.span, range);
                }
                ReservedEntry::Name(name) => self.reserve_name(&mut reserved, name, entry.span),
            }
        }
        reserved
    }

    fn reserve_numbers(
        &mut self,
        reserved: &mut Reserved<'_>,
        (from, to): (i128, i128),
        span: Span,
        range: &Numbers,
    ) {
        let fault = if from > to {
            Some((
                format!("the range {from}..={to} is empty"),
                format!("write `{to}..={from}`"),
            ))
        } else if from < range.least || to > range.most {
            Some((
                format!("{} lies from {} to {}", range.what, range.least, range.most),
                format!(
                    "reserve numbers from {} to {} only",
                    range.least, range.most
                ),
            ))
        } else {
            None
        };
        if let Some((message, help)) = fault {
            let report = Diagnostic::new(Code::ReservedRange, span, message)
                .label("not a range of numbers that could be used");
            self.report(report.help(help));
            return;
        }
        let overlap = reserved
            .numbers
            .range(..=to)
            .next_back()
            .filter(|(_, (end, _))| *end >= from);
        if let Some((&first, &(end, place))) = overlap {
            let shared = match (first.max(from), end.min(to)) {
                (one, other) if one == other => format!("{one} is reserved twice"),
                (one, other) => format!("{one} to {other} are reserved twice"),
            };
            let report = Diagnostic::new(Code::ReservedOverlap, span, shared)
                .label("reserved again here")
                .also(place, "first reserved here")
                .help("reserve each number once");
            self.report(if first <= from && to <= end {
                self.without(report, span)
            } else {
                report
            });
            return;
        }
        reserved.numbers.insert(from, (to, span));
    }

    fn reserve_name<'t>(&mut self, reserved: &mut Reserved<'t>, name: &'t str, span: Span) {
        let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
        let possible =
            name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit());
        if !possible {
            self.report(
                Diagnostic::new(
                    Code::ReservedNotAName,
                    span,
                    format!("`{}` could not be a name anyway", name.escape_debug()),
                )
                .label("not an identifier")
                .help("write an identifier in quotes, such as `\"legacy_id\"`"),
            );
            return;
        }
        if let Some(first) = reserved.names.get(name) {
            let report = Diagnostic::new(
                Code::ReservedOverlap,
                span,
                format!("`{name}` is reserved twice"),
            )
            .label("reserved again here")
            .also(*first, "first reserved here")
            .help("reserve each name once");
            self.report(self.without(report, span));
            return;
        }
        reserved.names.insert(name, span);
        reserved.order.push(name);
    }

    /// Reports `name` where it is reserved.
    pub(super) fn not_reserved(&mut self, name: &ast::Ident, reserved: &Reserved<'_>, what: &str) {
        if let Some(place) = reserved.names.get(&*name.text) {
            self.report(
                Diagnostic::new(
                    Code::ReservedName,
                    name.span,
                    format!("the name `{}` is reserved", name.text),
                )
                .label(format!("a {what} cannot have it"))
                .also(*place, "reserved here")
                .help("choose another name, or remove it from `reserved`"),
            );
        }
    }
}
