//! The catalogue of codes: one line per situation, each with its manual page.

use super::Severity;

/// Declares [`Code`]: name, number, severity.
macro_rules! catalogue {
    ($($(#[$doc:meta])* $name:ident = $text:literal $severity:ident;)*) => {
        /// What a diagnostic is about. The number is stable and never used again.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// `CS0101`
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$name => Severity::$severity,)*
                }
            }

            /// Its manual page, in Markdown: meaning, a bad example, a good one.
            pub fn page(self) -> &'static str {
                match self {
                    $(Self::$name => include_str!(concat!("pages/", $text, ".md")),)*
                }
            }
        }
    };
}

catalogue! {
    /// A character that no token starts with, or that must not stand in a source.
    InvalidCharacter = "CS0001" Error;
}
