//! Which of rustc's and clippy's default lints a contract's own names and shapes would set off.
//!
//! Nobody can mend generated code, so each is allowed where it would fire, and only there.

use std::collections::BTreeSet;

use heck::ToSnakeCase;

use crate::model::Message;

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

/// The attribute of an enum whose variants share a word, as clippy's `enum_variant_names` looks for it.
pub(super) fn enumeration(name: &str, variants: &[String]) -> Option<String> {
    share_a_word(name, variants).then(|| {
        "#[allow(clippy::enum_variant_names, reason = \"the contract names them\")]".to_owned()
    })
}

/// The attribute of a oneof.
pub(super) fn oneof(name: &str, variants: &[String]) -> Option<String> {
    if variants.len() < 2 {
        return None;
    }
    let names = if share_a_word(name, variants) {
        "clippy::enum_variant_names, "
    } else {
        ""
    };
    Some(format!(
        "#[allow({names}clippy::large_enum_variant, reason = \"the contract names and sizes them\")]"
    ))
}

fn share_a_word(name: &str, variants: &[String]) -> bool {
    if variants.len() < 3 {
        return false;
    }
    let words: Vec<Vec<String>> = variants
        .iter()
        .map(|variant| {
            variant
                .to_snake_case()
                .split('_')
                .map(str::to_owned)
                .collect()
        })
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
#[derive(Debug, Default)]
pub(super) struct MethodLints(BTreeSet<&'static str>);

impl MethodLints {
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

    /// The attribute of the module, as a line.
    pub(super) fn attribute(mut self) -> String {
        self.0.insert("dead_code");
        self.0.insert("clippy::type_complexity");
        let lints: Vec<_> = self.0.into_iter().collect();
        format!(
            "#[allow({}, reason = \"the contract chooses names and shapes, and not every user needs all\")]\n",
            lints.join(", ")
        )
    }
}
