//! Annotations of fields: such as fit, with bounds at the edge of what a type can hold.

use super::messages::{Shape, Type};
use super::{Author, File};

impl Author {
    /// The annotations of a field, each behind a blank.
    pub(super) fn rules(&mut self, file: &File, one: &Type, shape: Shape, number: usize) -> String {
        let mut out = String::new();
        let mut add = |text: String| {
            out.push_str(" @");
            out.push_str(&text);
        };
        let single = matches!(shape, Shape::One | Shape::Optional | Shape::Member);
        if self.chance.percent(30)
            && let Some(length) = self.length(file, one, shape)
        {
            add(format!("len({length})"));
        }
        if self.chance.percent(40)
            && single
            && let Some(range) = self.range(one)
        {
            add(format!("range({range})"));
        }
        let entries = shape != Shape::Map;
        if entries
            && self.chance.percent(25)
            && let Some(choices) = self.choices(one)
        {
            add(format!("one_of({choices})"));
        }
        if entries && matches!(one, Type::Scalar("string")) && self.chance.percent(25) {
            add(format!("pattern({})", self.chance.pick(&PATTERNS)));
        }
        if shape == Shape::List && self.chance.percent(30) {
            add("unique".to_owned());
        }
        if shape != Shape::Member && self.chance.percent(12) && !matches!(one, Type::Message(_)) {
            add("required".to_owned());
        }
        if self.chance.percent(10) {
            add("redact".to_owned());
        }
        if self.chance.percent(10) {
            add(format!(
                "json(\"{}{number}\")",
                self.chance
                    .pick(&["@type", "a b", "ключ", "\\\"", "*/", "x"])
            ));
        }
        if self.chance.percent(10) {
            add(format!("deprecated(\"{}\")", self.reason()));
        }
        out
    }

    fn length(&mut self, file: &File, one: &Type, shape: Shape) -> Option<String> {
        let counted = matches!(shape, Shape::List | Shape::Map)
            || matches!(one, Type::Scalar("string" | "bytes"));
        if !counted {
            return None;
        }
        let small: Vec<&String> = self
            .small
            .iter()
            .filter(|(position, _)| *position <= file.position)
            .map(|(_, name)| name)
            .collect();
        if !small.is_empty() && self.chance.percent(30) {
            return Some(self.chance.pick(&small).clone());
        }
        Some(self.chance.pick(&LENGTHS).to_owned())
    }

    fn range(&mut self, one: &Type) -> Option<String> {
        let ranges: &[&str] = match one {
            Type::Scalar("int32" | "sint32" | "sfixed32") => &[
                "-2147483648..=2147483647",
                "-2147483648..",
                "..=2147483647",
                "0..",
                "..0",
                "-5..=5",
                "..=-1",
            ],
            Type::Scalar("int64" | "sint64" | "sfixed64") => &[
                "-9223372036854775808..=9223372036854775807",
                "..9223372036854775807",
                "1..",
            ],
            Type::Scalar("uint32" | "fixed32") => {
                &["0..", "0..=4294967295", "1..", "..=0", "7..8", "..1"]
            }
            Type::Scalar("uint64" | "fixed64") => &[
                "0..=18446744073709551615",
                "1..",
                "..18446744073709551615",
                "0..=0",
            ],
            Type::Scalar("float") => &["0..", "-1.5..=1.5", "..3.4028235e38", "0.5..1e6", "..=0"],
            Type::Scalar("double") => &["0..", "-1e308..=1e308", "5e-324..", "..=0.1", "3.14159.."],
            Type::WellKnown("duration" | "google.protobuf.Duration") => {
                &["1us..", "..=1h", "1ms..2ms", "0s..=106751991d", "1.5s.."]
            }
            _ => return None,
        };
        Some(self.chance.pick(ranges).to_owned())
    }

    fn choices(&mut self, one: &Type) -> Option<String> {
        Some(match one {
            Type::Scalar("string") => self
                .chance
                .pick(&[
                    "\"\"",
                    "\"a\", \"b\"",
                    "\"{}\", \"\\\"\", \"\\\\\", \"\\u{202E}\"",
                ])
                .to_owned(),
            Type::Scalar("int32" | "sint32" | "sfixed32" | "int64" | "sint64" | "sfixed64") => self
                .chance
                .pick(&["0", "-1, 1", "-2147483648, 0, 2147483647"])
                .to_owned(),
            Type::Scalar("uint32" | "fixed32" | "uint64" | "fixed64") => {
                self.chance.pick(&["0", "1, 2, 3", "4294967295"]).to_owned()
            }
            Type::Enum(name, values) => {
                let value = self.chance.pick(values);
                match name.strip_prefix('.') {
                    Some(name) if self.chance.percent(30) => format!("{name}.{value}"),
                    _ => value.clone(),
                }
            }
            _ => return None,
        })
    }
}

const LENGTHS: [&str; 10] = [
    "0",
    "5",
    "0..",
    "1..",
    "..=0",
    "..1",
    "1..=64",
    "0..=18446744073709551615",
    "18446744073709551615",
    "..=4MiB",
];

const PATTERNS: [&str; 7] = [
    "r\"^[A-Z]{3}-\\d+$\"",
    "\"\"",
    "r\".*\"",
    "\"\\\\\\\\ \\\" \\\\{\\\\}\"",
    "r\"(?i)[[:alpha:]]|\\p{Greek}\"",
    "r\"\\{\\{|\\{x\\}\"",
    "\"\\u{202E}\\n#\"",
];
