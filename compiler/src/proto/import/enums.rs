//! Enums.

use std::collections::HashSet;

use heck::ToShoutySnakeCase as _;
use prost_types::{EnumDescriptorProto, EnumValueDescriptorProto};

use super::Source;
use crate::print::form::{Enum, Value};
use crate::print::{deprecated, string};

const VALUES: i32 = 2;
const OPTIONS: i32 = 3;

impl Source<'_, '_> {
    pub(super) fn enumeration(&mut self, path: &[i32], one: &EnumDescriptorProto) -> Enum {
        let options = one.options.clone().unwrap_or_default();
        let mut above = self.above(path, options.deprecated());
        self.custom_options(path, OPTIONS, "EnumOptions");
        let prefix = format!("{}_", one.name().to_shouty_snake_case());
        let names = one.value.iter().map(EnumValueDescriptorProto::name);
        let all = names.chain(one.reserved_name.iter().map(String::as_str));
        let bare = !all.into_iter().all(|name| name.starts_with(&prefix));
        let short = |name: &str| {
            if bare {
                name.to_owned()
            } else {
                shortened(&prefix, name)
            }
        };

        let mut numbers = HashSet::new();
        let mut alias = false;
        let mut values = Vec::new();
        for (index, value) in (0..).zip(&one.value) {
            alias |= !numbers.insert(value.number());
            let path = [path, &[VALUES, index]].concat();
            let options = value.options.clone().unwrap_or_default();
            let above = self.above(&path, options.deprecated());
            self.custom_options(&path, OPTIONS, "EnumValueOptions");
            values.push(Value {
                above,
                name: short(value.name()),
                number: value.number(),
            });
        }
        match values.iter().position(|value| value.number == 0) {
            Some(0) => {}
            Some(zero) => {
                let first = values.remove(zero);
                let what = format!("`{}` was put first: it is zero", first.name);
                values.insert(0, first);
                self.note(path, what);
            }
            None => {
                let name = if bare {
                    format!("{prefix}UNSPECIFIED")
                } else {
                    "UNSPECIFIED".to_owned()
                };
                let what = format!("`{name} = 0` was added: an enum has a zero value");
                let added = Value {
                    name,
                    ..Value::default()
                };
                values.insert(0, added);
                self.note(path, what);
            }
        }
        if alias {
            above.annotations.insert(0, "@allow_alias".to_owned());
        }
        if bare {
            above.annotations.insert(0, "@bare_names".to_owned());
        }
        let ranges = one.reserved_range.iter();
        let numbers = ranges.map(|range| super::messages::range(range.start(), range.end()));
        let names = one.reserved_name.iter().map(|name| string(&short(name)));
        Enum {
            above,
            name: one.name().to_owned(),
            values,
            reserved: numbers.chain(names).collect(),
        }
    }

    /// What stands above the thing at `path`, with the annotations of a declaration, field or value.
    pub(super) fn above(&mut self, path: &[i32], is_deprecated: bool) -> crate::print::form::Above {
        let said = self.comments.said(path, is_deprecated);
        let mut above = said.above;
        for mark in &said.marks {
            match super::marks::annotations(mark) {
                Some(annotations) => above.annotations.extend(annotations),
                None => self.note(path, format!("`callsheet: {mark}` is not understood")),
            }
        }
        let known = |annotation: &String| annotation.starts_with("@deprecated(");
        if is_deprecated && !above.annotations.iter().any(known) {
            let reason = said.deprecated.as_deref().unwrap_or("no reason is given");
            above.annotations.push(deprecated(reason));
        }
        above
    }
}

/// A name without the prefix, where the prefix comes back by itself.
fn shortened(prefix: &str, name: &str) -> String {
    match name.strip_prefix(prefix) {
        Some(short)
            if short.starts_with(|first: char| first.is_ascii_alphabetic())
                && !short.starts_with(prefix) =>
        {
            short.to_owned()
        }
        _ => name.to_owned(),
    }
}
