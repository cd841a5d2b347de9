//! What a generation may be asked for, beside the contract itself.

use crate::model::Release;

use super::rust::names::{camel, snake};

/// What a generation may be asked for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Generate every service as it was at this release: of each, the majors that had begun, each at its newest minor
    /// that is not newer. `None` for the newest of all.
    pub at: Option<Release>,
    /// Paths to derive, by pattern.
    pub derives: Vec<(Pattern, String)>,
    /// Attributes of types, by pattern.
    pub attributes: Vec<(Pattern, String)>,
    /// Attributes of fields, oneofs and enum values, by pattern.
    pub field_attributes: Vec<(Pattern, String)>,
    /// Packages and types of another crate: `.shop.common` and `::common_crate::shop::common`.
    pub extern_paths: Vec<(String, String)>,
}

impl Options {
    /// Whether the extern paths can be.
    ///
    /// # Errors
    /// What is wrong with the first that cannot.
    pub(super) fn check_extern_paths(&self) -> Result<(), String> {
        for (position, (proto, rust)) in self.extern_paths.iter().enumerate() {
            let parts = proto
                .strip_prefix('.')
                .ok_or_else(|| format!("`{proto}` must be a full name behind a dot: `.{proto}`"))?;
            if parts.split('.').any(str::is_empty) {
                return Err(format!("`{proto}` has an empty part"));
            }
            if parts == "google.protobuf" || parts.starts_with("google.protobuf.") {
                return Err(format!(
                    "`{proto}` is of Protobuf itself and has its types already"
                ));
            }
            if rust.is_empty() {
                return Err(format!("`{proto}` has no Rust path"));
            }
            let earlier = &self.extern_paths[..position];
            if earlier.iter().any(|(other, _)| other == proto) {
                return Err(format!("`{proto}` is given twice"));
            }
        }
        Ok(())
    }

    /// What a type of this full name derives besides.
    pub(super) fn derives_of(&self, name: &str) -> impl Iterator<Item = &str> {
        matching(&self.derives, name)
    }

    /// Where the type of this full name is, if it is of another crate. The longest path wins.
    pub(super) fn extern_path(&self, name: &str) -> Option<String> {
        let (proto, rust) = self
            .extern_paths
            .iter()
            .filter(|(proto, _)| {
                name.strip_prefix(proto.trim_start_matches('.'))
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
            .max_by_key(|(proto, _)| proto.len())?;
        let rest = &name[proto.trim_start_matches('.').len()..];
        if rest.is_empty() {
            return Some(rust.clone());
        }
        // As prost-build writes it, so that messages and services name one type alike.
        let mut segments: Vec<&str> = rest[1..].split('.').collect();
        let last = segments.pop().unwrap_or_default();
        let mut path = String::new();
        for (position, segment) in rust.split("::").chain(segments).enumerate() {
            if position == 0 && segment == "crate" {
                path.push_str(segment);
            } else {
                path.push_str(&snake(segment));
            }
            path.push_str("::");
        }
        path.push_str(&camel(last));
        Some(path)
    }
}

/// Names declarations by their full name.
///
/// `.` means all; `.shop.orders` all of that package or, if it is a message, it and all in it; `Order` and
/// `Order.customer` every declaration whose name ends so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// The pattern of this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether it names the declaration of this full name, written without a leading dot.
    pub fn matches(&self, full_name: &str) -> bool {
        let ends_at_dot = |rest: &str| rest.is_empty() || rest.starts_with('.');
        match self.0.strip_prefix('.') {
            Some("") => true,
            Some(prefix) => full_name.strip_prefix(prefix).is_some_and(ends_at_dot),
            None => full_name
                .strip_suffix(self.0.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
        }
    }
}

/// The texts whose patterns match the full name.
pub(super) fn matching<'a>(
    all: &'a [(Pattern, String)],
    name: &str,
) -> impl Iterator<Item = &'a str> {
    all.iter()
        .filter(move |(pattern, _)| pattern.matches(name))
        .map(|(_, text)| text.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extern_path_that_cannot_be_is_told() {
        let check = |paths: &[(&str, &str)]| {
            let paths = paths
                .iter()
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
            let options = Options {
                extern_paths: paths.collect(),
                ..Options::default()
            };
            options.check_extern_paths()
        };
        assert_eq!(
            check(&[(".shop", "::a"), (".shop.Order", "::b::Order")]),
            Ok(())
        );
        for paths in [
            &[("shop", "::a")][..],
            &[(".", "::a")],
            &[(".shop..x", "::a")],
            &[(".shop", "")],
            &[(".google.protobuf.Any", "::a")],
            &[(".shop", "::a"), (".shop", "::b")],
        ] {
            assert!(check(paths).is_err(), "{paths:?}");
        }
    }

    #[test]
    fn a_pattern_matches_whole_parts_of_a_name() {
        for (pattern, name, expect) in [
            (".", "shop.Order", true),
            (".shop", "shop.Order", true),
            (".shop.Ord", "shop.Order", false),
            (".shop.Order", "shop.Order.Card", true),
            ("Order", "shop.Order", true),
            ("Order", "shop.PreOrder", false),
            ("Order.id", "shop.Order.id", true),
            ("Order", "shop.Order.id", false),
        ] {
            assert_eq!(
                Pattern::new(pattern).matches(name),
                expect,
                "{pattern} {name}"
            );
        }
    }
}
