//! A group of settings that belong together, written once: what somebody may say of it, and all of it.

/// Makes two structs of one list: settings, where every value may be left out, and the policy that they add up to.
macro_rules! section {
    (
        $(#[$settings_doc:meta])* $settings:ident;
        $(#[$policy_doc:meta])* $policy:ident;
        $($(#[$doc:meta])* $leaf:ident: $kind:ty = $default:expr,)*
        $(@sections { $($(#[$section_doc:meta])* $section:ident: $below:ident => $made:ident,)* })?
    ) => {
        $(#[$settings_doc])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[non_exhaustive]
        pub struct $settings {
            $($(#[$doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $leaf: Option<$kind>,)*
            $($($(#[$section_doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $section: Option<$below>,)*)?
        }

        impl $settings {
            /// Settings that say nothing.
            pub fn new() -> Self {
                Self::default()
            }

            $($(#[$doc])*
            #[must_use]
            pub fn $leaf(mut self, value: impl Into<$kind>) -> Self {
                self.$leaf = Some(value.into());
                self
            })*

            $($($(#[$section_doc])*
            #[must_use]
            pub fn $section(mut self, settings: $below) -> Self {
                self.$section = Some(settings);
                self
            })*)?

            /// Takes over what `later` says.
            pub(super) fn overlay(&mut self, later: &Self) {
                $(if later.$leaf.is_some() {
                    self.$leaf.clone_from(&later.$leaf);
                })*
                $($(if let Some(below) = &later.$section {
                    self.$section.get_or_insert_default().overlay(below);
                })*)?
            }

            /// The keys of its values, in order.
            pub(super) const KEYS: &'static [&'static str] =
                &[$(stringify!($leaf),)* $($(stringify!($section),)*)?];

            /// Takes over an entry of the table with the key `prefix`; gives it back if it is none of these.
            pub(super) fn take(
                &mut self,
                prefix: &str,
                entry: super::tree::Entry,
                reader: &mut super::reader::Reader<'_>,
            ) -> Option<super::tree::Entry> {
                let key = super::reader::below(prefix, &entry.key);
                match entry.key.as_str() {
                    $(stringify!($leaf) => self.$leaf = reader.leaf(&key, entry),)*
                    $($(stringify!($section) => {
                        let mut below = <$below>::default();
                        for entry in reader.table(&key, entry).unwrap_or_default() {
                            if let Some(entry) = below.take(&key, entry, reader) {
                                let unknown = super::reader::below(&key, &entry.key);
                                reader.unknown(&unknown, &entry, <$below>::KEYS);
                            }
                        }
                        self.$section = Some(below);
                    })*)?
                    _ => return Some(entry),
                }
                None
            }

            /// Hands over every value by its key, in order: what is said of it, if anything.
            pub(super) fn visit(&self, prefix: &str, visit: &mut dyn FnMut(String, Option<String>)) {
                $(visit(format!("{prefix}{}", stringify!($leaf)), self.$leaf.as_ref().map(ToString::to_string));)*
                $($(
                    let below = self.$section.clone().unwrap_or_default();
                    below.visit(concat!(stringify!($section), "."), visit);
                )*)?
            }
        }

        $(#[$policy_doc])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct $policy {
            $($(#[$doc])* pub $leaf: $kind,)*
            $($($(#[$section_doc])* pub $section: $made,)*)?
        }

        impl Default for $policy {
            fn default() -> Self {
                Self {
                    $($leaf: $default,)*
                    $($($section: $made::default(),)*)?
                }
            }
        }

        impl $policy {
            /// Takes over what is said.
            pub fn apply(&mut self, settings: &$settings) {
                $(if let Some(value) = &settings.$leaf {
                    self.$leaf.clone_from(value);
                })*
                $($(if let Some(below) = &settings.$section {
                    self.$section.apply(below);
                })*)?
            }

            /// Hands over every value by its key, in the order of the settings.
            pub(super) fn visit(&self, prefix: &str, visit: &mut dyn FnMut(String, String)) {
                $(visit(format!("{prefix}{}", stringify!($leaf)), self.$leaf.to_string());)*
                $($(self.$section.visit(concat!(stringify!($section), "."), visit);)*)?
            }
        }
    };
}

pub(super) use section;
