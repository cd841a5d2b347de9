//! Which of rustc's and clippy's default lints a contract's own names and shapes would set off.
//!
//! Nobody can mend generated code, so each is allowed where it would fire, and only there.

use std::collections::BTreeSet;

use crate::case;
use crate::model::{Field, Message};

/// Methods that clippy takes for those of a standard trait.
const TRAIT_METHODS: [&str; 27] = [
    "add",
    "as_mut",
    "as_ref",
    "bitand",
    "bitor",
    "bitxor",
    "borrow",
    "borrow_mut",
    "clone",
    "cmp",
    "default",
    "deref",
    "deref_mut",
    "div",
    "drop",
    "eq",
    "from_iter",
    "from_str",
    "hash",
    "index",
    "into_iter",
    "mul",
    "neg",
    "next",
    "not",
    "rem",
    "sub",
];

/// The attribute of what anybody may leave unused: in a binary that warns even where it is public.
pub(super) const UNUSED: &str =
    "#[allow(dead_code, reason = \"not every user of a contract needs all of it\")]";

/// The attribute of a module that is called as the one around it.
pub(super) const SAME_MODULE: &str =
    "#[allow(clippy::module_inception, reason = \"the contract chooses it\")]";

/// The attribute of a message or error.
pub(super) fn message(name: &str) -> String {
    let mut lints = vec!["dead_code"];
    acronyms([name], &mut lints);
    attribute(&lints)
}

/// The attribute of an enum, whose variants may share a word as clippy's `enum_variant_names` looks for it.
pub(super) fn enumeration(name: &str, variants: &[String]) -> String {
    let mut lints = vec!["dead_code"];
    if share_a_word(name, variants) {
        lints.push("clippy::enum_variant_names");
    }
    acronyms(with_variants(name, variants), &mut lints);
    attribute(&lints)
}

/// The attribute of a oneof, whose members are of any size.
pub(super) fn oneof(name: &str, variants: &[String]) -> String {
    let mut lints = vec!["dead_code"];
    if variants.len() > 1 {
        if share_a_word(name, variants) {
            lints.push("clippy::enum_variant_names");
        }
        lints.push("clippy::large_enum_variant");
    }
    acronyms(with_variants(name, variants), &mut lints);
    attribute(&lints)
}

/// The attribute of a constant; `float` where its value may be near that of a well-known one.
pub(super) fn constant(float: bool) -> String {
    if float {
        chosen("dead_code, clippy::approx_constant")
    } else {
        UNUSED.to_owned()
    }
}

fn with_variants<'a>(name: &'a str, variants: &'a [String]) -> impl Iterator<Item = &'a str> {
    variants.iter().map(String::as_str).chain([name])
}

/// Types and variants of capitals only, as `x_y_z` becomes one.
fn acronyms<'a>(names: impl IntoIterator<Item = &'a str>, lints: &mut Vec<&'static str>) {
    let acronym = |name: &str| name.len() > 2 && name.bytes().all(|b| b.is_ascii_uppercase());
    if names.into_iter().any(acronym) {
        lints.push("clippy::upper_case_acronyms");
    }
}

fn attribute(lints: &[&str]) -> String {
    if lints == ["dead_code"] {
        UNUSED.to_owned()
    } else {
        chosen(&lints.join(", "))
    }
}

fn chosen(lints: &str) -> String {
    format!("#[allow({lints}, reason = \"the contract chooses it, and not every user needs it\")]")
}

fn share_a_word(name: &str, variants: &[String]) -> bool {
    if variants.len() < 3 {
        return false;
    }
    let words: Vec<Vec<String>> = variants
        .iter()
        .map(|variant| case::snake(variant).split('_').map(str::to_owned).collect())
        .collect();
    let same = |word: fn(&Vec<String>) -> Option<&String>| {
        words.iter().map(word).collect::<BTreeSet<_>>().len() == 1
    };
    let holds_name = |variant: &String| {
        variant.len() > name.len() && (variant.starts_with(name) || variant.ends_with(name))
    };
    same(|words| words.first()) || same(|words| words.last()) || variants.iter().any(holds_name)
}

/// The lints that the methods of one module would set off.
#[derive(Debug)]
pub(super) struct MethodLints(BTreeSet<&'static str>);

impl MethodLints {
    /// The lints of the module `module` in that of `package`.
    pub(super) fn of(package: &str, module: &str) -> Self {
        let same = package.rsplit('.').next() == Some(module);
        Self(
            same.then_some("clippy::module_inception")
                .into_iter()
                .collect(),
        )
    }

    /// Takes a service or error into account, which is a trait or variant of this name.
    pub(super) fn named(&mut self, name: &str) {
        let mut lints = Vec::new();
        acronyms([name], &mut lints);
        self.0.extend(lints);
    }

    /// Takes a method of this name into account.
    pub(super) fn method(&mut self, name: &str) {
        if TRAIT_METHODS.contains(&name) {
            self.0.insert("clippy::should_implement_trait");
        }
        if name.starts_with("from_") || name.starts_with("into_") {
            self.0.insert("clippy::wrong_self_convention");
        }
    }

    /// Takes a deprecated method into account: client, handler and mock name it.
    pub(super) fn deprecated(&mut self) {
        self.0.insert("deprecated");
    }

    /// Takes an argument list into account.
    pub(super) fn arguments(&mut self, request: &Message) {
        // Clippy allows seven, and one is `self`.
        if request.fields.len() > 6 {
            self.0.insert("clippy::too_many_arguments");
        }
        let placeholder =
            |field: &Field| matches!(&*case::snake(&field.name), "foo" | "baz" | "quux");
        if request.fields.iter().any(placeholder) {
            self.0.insert("clippy::disallowed_names");
        }
        let digits = |name: &str| name.bytes().all(|b| b == b'_' || b.is_ascii_digit());
        if request.fields.iter().any(|field| digits(&field.name)) {
            self.0.insert("clippy::just_underscores_and_digits");
        }
        if request
            .fields
            .iter()
            .any(|field| field.deprecated.is_some())
        {
            self.0.insert("deprecated");
        }
    }

    /// Takes a method of more than one error into account.
    pub(super) fn several_errors(&mut self) {
        self.0.insert("clippy::enum_variant_names");
        self.0.insert("clippy::large_enum_variant");
    }

    /// The attribute of the module.
    pub(super) fn attribute(mut self) -> String {
        self.0.insert("dead_code");
        self.0.insert("clippy::type_complexity");
        let lints: Vec<_> = self.0.into_iter().collect();
        chosen(&lints.join(", "))
    }
}
