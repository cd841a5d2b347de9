//! Numbers of fields: each once, within protobuf's range, none that is reserved.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast;

use super::Check;
use super::reserved::Reserved;

/// The numbers that something may have.
pub(super) struct Numbers {
    pub(super) least: i128,
    pub(super) most: i128,
    /// With its article.
    pub(super) what: &'static str,
}

impl Numbers {
    /// Protobuf keeps three bits of the tag for the wire type.
    pub(super) const FIELD: Self = Self {
        least: 1,
        most: 536_870_911,
        what: "a field number",
    };
    pub(super) const ENUM: Self = Self {
        least: i32::MIN as i128,
        most: i32::MAX as i128,
        what: "an enum number",
    };
}

/// The numbers that protobuf keeps for its implementations.
const PROTOBUF: std::ops::RangeInclusive<u64> = 19_000..=19_999;

impl Check<'_> {
    /// The numbers of all fields of one message.
    pub(super) fn field_numbers(&mut self, fields: &[&ast::Field], reserved: &Reserved<'_>) {
        let mut free = Free::new(fields, reserved);
        let mut first: FxHashMap<u64, &ast::Field> = FxHashMap::default();
        for field in fields {
            let (number, span) = (field.number.value, field.number.span);
            if let Some(first) = first.get(&number)
                && number != 0
            {
                if first.name.text == field.name.text {
                    // Told as a second definition.
                    continue;
                }
                let report = Diagnostic::new(
                    Code::DuplicateFieldNumber,
                    span,
                    format!("the number {number} is used twice"),
                )
                .label("used again here")
                .also(first.number.span, "first used here");
                self.report(free.offer(report));
                continue;
            }
            first.insert(number, field);
            let report = if number == 0 {
                Diagnostic::new(
                    Code::FieldNumberZero,
                    span,
                    "a field cannot have the number 0",
                )
                .label("field numbers start at 1")
            } else if number > 536_870_911 {
                Diagnostic::new(
                    Code::FieldNumberTooLarge,
                    span,
                    format!("the field number {number} is too large"),
                )
                .label("protobuf's largest is 536870911")
            } else if PROTOBUF.contains(&number) {
                Diagnostic::new(
                    Code::FieldNumberProtobuf,
                    span,
                    format!("the field number {number} belongs to protobuf itself"),
                )
                .label("19000 to 19999 are kept for its implementations")
            } else if let Some(statement) = reserved.number(number.into()) {
                Diagnostic::new(
                    Code::ReservedNumber,
                    span,
                    format!("the number {number} is reserved"),
                )
                .label(format!("used by `{}`", field.name.text))
                .also(statement, "reserved here")
            } else {
                continue;
            };
            self.report(free.offer(report));
        }
    }
}

/// The lowest free numbers: each is offered once, so that all fixes together mend the message.
struct Free<'a> {
    next: u64,
    fields: &'a [&'a ast::Field],
    /// Their numbers, once one is wrong.
    used: Option<BTreeSet<u64>>,
    reserved: &'a Reserved<'a>,
}

impl<'a> Free<'a> {
    fn new(fields: &'a [&'a ast::Field], reserved: &'a Reserved<'a>) -> Self {
        Self {
            next: 1,
            fields,
            used: None,
            reserved,
        }
    }

    /// Offers the lowest free number. No fix: which of two fields keeps its number, only the author knows.
    fn offer(&mut self, report: Diagnostic) -> Diagnostic {
        let used = self
            .used
            .get_or_insert_with(|| self.fields.iter().map(|field| field.number.value).collect());
        while self.next <= 536_870_911 {
            let number = self.next;
            if PROTOBUF.contains(&number) {
                self.next = PROTOBUF.end() + 1;
            } else if let Some(end) = self.reserved.end_of(number.into()) {
                self.next = u64::try_from(end).unwrap_or(u64::MAX).saturating_add(1);
            } else {
                self.next = self.next.saturating_add(1);
                if !used.contains(&number) {
                    return report.help(format!("write `= {number}`, the lowest free number"));
                }
            }
        }
        report.help("split the message: all numbers are used or reserved")
    }
}
