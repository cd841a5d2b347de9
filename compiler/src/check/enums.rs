//! Enums: numbers, names, zero.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use crate::case;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Enum, EnumValue, FullName};
use crate::source::Span;
use crate::syntax::ast;

use super::numbers::Numbers;
use super::reserved::{Reservations, Reserved};
use super::table::Target;
use super::{Check, Place, join};

impl<'a> Check<'a> {
    /// An enum.
    pub(super) fn enumeration(&mut self, place: Place<'_>, item: &'a ast::Enum) -> Enum {
        let annotations = self.annotations(place, Target::Enum, &item.annotations);
        let allow_alias = annotations.get("allow_alias");
        let bare = annotations.get("bare_names").is_some();
        let name = FullName(join(place.scope, &item.name.text).into());
        let reserved = self.reservations(&item.reserved, &Numbers::ENUM);
        self.zero_first(place.file, item);
        let aliases = self.enum_numbers(item, &reserved, allow_alias.is_some());
        if let Some(given) = allow_alias
            && !aliases
            && !self.lost_in(place.file, item.span)
        {
            let span = given.span;
            self.report(
                Diagnostic::new(
                    Code::NeedlessAllowAlias,
                    span,
                    format!("`{}` has no two values of one number", item.name.text),
                )
                .label("allows what is not there")
                .help("remove `@allow_alias`")
                .fix(crate::resolve::whole_line(self.sources, span), ""),
            );
        }
        self.value_names(item, &reserved, bare);
        let prefix = prefix(&item.name.text);
        let mut values = Vec::with_capacity(item.values.len());
        for value in &item.values {
            let annotations = self.annotations(place, Target::EnumValue, &value.annotations);
            values.push(EnumValue {
                name: value.name.text.to_string(),
                descriptor_name: with_prefix(&prefix, &value.name.text, bare).into_owned(),
                docs: self.docs(value.docs),
                deprecated: annotations.deprecation(),
                number: i32::try_from(value.number.value).unwrap_or_default(),
                span: value.name.span,
            });
        }
        let Reservations { numbers, names } = reserved.finish();
        Enum {
            docs: self.docs(item.docs),
            deprecated: annotations.deprecation(),
            values,
            allow_alias: aliases,
            reserved_numbers: numbers,
            reserved_names: names
                .iter()
                .map(|reserved| descriptor_name(&item.name.text, reserved, bare))
                .collect(),
            span: item.name.span,
            name,
        }
    }

    /// The place behind the `{` of an enum, before all that belongs to its first value, and what separates a value that is
    /// put there: a line end with the indentation of the first value if that has a line of its own, or else a blank.
    fn top(&self, item: &ast::Enum, first: &ast::EnumValue) -> Option<(Span, &str)> {
        let text = &self.sources.file(first.span.file).text;
        let head = &text[item.name.span.end as usize..];
        let brace = head.find('{')?;
        if !head[..brace].trim().is_empty() {
            return None;
        }
        let at = item.name.span.end + u32::try_from(brace).ok()? + 1;
        let place = Span::new(first.span.file, at, at);
        let before = &text[at as usize..first.span.start as usize];
        let gap = match before.rfind('\n') {
            Some(line) if before[line..].trim().is_empty() => &before[line..],
            _ => " ",
        };
        Some((place, gap))
    }

    fn zero_first(&mut self, file: usize, item: &ast::Enum) {
        let zero = item.values.iter().position(|value| value.number.value == 0);
        let report = match (zero, item.values.first()) {
            (Some(0), _) => return,
            _ if self.lost_in(file, item.span) => return,
            (Some(position), Some(first)) => {
                let zero = &item.values[position];
                let report = Diagnostic::new(
                    Code::EnumZeroNotFirst,
                    zero.name.span,
                    format!("the zero of `{}` is not its first value", item.name.text),
                )
                .label("zero must stand first")
                .also(first.name.span, "stands first")
                .help(format!("move `{} = 0;` to the top", zero.name.text));
                let text = self.sources.text(zero.span);
                match self.top(item, first) {
                    // Its documentation would stay behind.
                    Some((at, gap)) if zero.docs.is_empty() && text.ends_with(';') => report
                        .fix(crate::resolve::word(self.sources, zero.span), "")
                        .fix(at, format!("{gap}{text}")),
                    _ => report,
                }
            }
            _ => {
                let report = Diagnostic::new(
                    Code::EnumWithoutZero,
                    item.name.span,
                    format!("`{}` has no value with the number 0", item.name.text),
                )
                .label("what an absent field of this type would be is missing")
                .help("add `UNSPECIFIED = 0;` as its first value");
                match item.values.first() {
                    Some(first) => {
                        let taken = item
                            .values
                            .iter()
                            .any(|value| &*value.name.text == "UNSPECIFIED");
                        match self.top(item, first) {
                            Some((at, gap)) if !taken => {
                                report.fix(at, format!("{gap}UNSPECIFIED = 0;"))
                            }
                            _ => report,
                        }
                    }
                    None => report,
                }
            }
        };
        self.report(report);
    }

    /// Whether there are aliases; reported where they are not allowed.
    fn enum_numbers(&mut self, item: &ast::Enum, reserved: &Reserved<'_>, allowed: bool) -> bool {
        let mut aliases = false;
        let mut first: FxHashMap<i128, &ast::EnumValue> = FxHashMap::default();
        for value in &item.values {
            let (number, span) = (value.number.value, value.number.span);
            if i32::try_from(number).is_err() {
                self.report(
                    Diagnostic::new(
                        Code::EnumNumberRange,
                        span,
                        format!("the enum number {number} is out of range"),
                    )
                    .label("does not fit into 32 bits")
                    .help("write a number from -2147483648 to 2147483647"),
                );
                continue;
            }
            if let Some(first) = first.get(&number) {
                aliases = true;
                // One name twice is told as a second definition.
                if !allowed && first.name.text != value.name.text {
                    self.report(
                        Diagnostic::new(
                            Code::DuplicateEnumNumber,
                            span,
                            format!("the number {number} is used twice in `{}`", item.name.text),
                        )
                        .label("used again here")
                        .also(first.number.span, "first used here")
                        .help(format!(
                            "write another number, or `@allow_alias` before `enum {}` if both names mean one thing",
                            item.name.text
                        )),
                    );
                }
                continue;
            }
            first.insert(number, value);
            if let Some(statement) = reserved.number(number) {
                self.report(
                    Diagnostic::new(
                        Code::ReservedNumber,
                        span,
                        format!("the number {number} is reserved"),
                    )
                    .label(format!("used by `{}`", value.name.text))
                    .also(statement, "reserved here")
                    .help("write a number that is not reserved"),
                );
            }
        }
        aliases && allowed
    }

    fn value_names(&mut self, item: &ast::Enum, reserved: &Reserved<'_>, bare_names: bool) {
        let prefix = prefix(&item.name.text);
        let camel = case::upper_camel(&item.name.text);
        let mut exact: FxHashMap<&str, Span> = FxHashMap::default();
        let mut stripped: FxHashMap<&str, &ast::Ident> = FxHashMap::default();
        let mut rust: FxHashMap<String, &ast::Ident> = FxHashMap::default();
        for value in &item.values {
            let name = &value.name;
            self.not_reserved(name, reserved, "value");
            if let Some(first) = exact.get(&*name.text) {
                self.duplicate(name, *first, "in this enum");
                continue;
            }
            exact.insert(&name.text, name.span);
            let bare = name
                .text
                .strip_prefix(&*prefix)
                .filter(|bare| !bare.is_empty())
                .unwrap_or(&name.text);
            if let Some(first) = stripped.get(bare) {
                self.report(
                    Diagnostic::new(
                        Code::EnumBothSpellings,
                        name.span,
                        format!(
                            "`{}` and `{}` are one value with and without `{prefix}`",
                            first.text, name.text
                        ),
                    )
                    .label(format!("`{bare}`"))
                    .also(first.span, format!("`{bare}` too"))
                    .help("remove one of them, or rename it"),
                );
                continue;
            }
            stripped.insert(bare, name);
            let descriptor = with_prefix(&prefix, &name.text, bare_names);
            let variant = variant(&camel, &descriptor);
            match rust.get(&variant) {
                Some(first) if !variant.is_empty() => self.case_clash(name, first, &variant),
                _ => {
                    rust.insert(variant, name);
                }
            }
        }
    }
}

/// What protobuf's style puts in front of the values of an enum.
pub(super) fn prefix(enumeration: &str) -> String {
    format!("{}_", case::shouty(enumeration))
}

/// The name of a value in the descriptor and in JSON.
pub(super) fn descriptor_name(enumeration: &str, value: &str, bare: bool) -> String {
    with_prefix(&prefix(enumeration), value, bare).into_owned()
}

/// The same with the prefix of the enum at hand.
pub(super) fn with_prefix<'v>(prefix: &str, value: &'v str, bare: bool) -> Cow<'v, str> {
    if bare || value.starts_with(prefix) {
        Cow::Borrowed(value)
    } else {
        Cow::Owned([prefix, value].concat())
    }
}

/// The variant in Rust, as prost-build makes it: the descriptor's name less the enum's, both in camel case.
fn variant(enumeration: &str, descriptor: &str) -> String {
    let name = case::upper_camel(descriptor);
    let bare = name
        .strip_prefix(enumeration)
        .filter(|bare| bare.starts_with(char::is_uppercase));
    bare.map_or(name.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_keeps_the_prefix_where_a_digit_would_lead() {
        assert_eq!(variant("Status", "STATUS_PLACED"), "Placed");
        assert_eq!(variant("Status", "STATUS_1"), "Status1");
    }

    #[test]
    fn values_get_the_prefix_of_their_enum_once() {
        assert_eq!(descriptor_name("Status", "PLACED", false), "STATUS_PLACED");
        assert_eq!(
            descriptor_name("Status", "STATUS_PLACED", false),
            "STATUS_PLACED"
        );
        assert_eq!(descriptor_name("HttpStatus", "OK", false), "HTTP_STATUS_OK");
        assert_eq!(descriptor_name("Status", "PLACED", true), "PLACED");
    }
}
