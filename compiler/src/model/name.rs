//! Names that are whole.

use std::fmt;
use std::sync::Arc;

/// The full name of a declaration, without a leading dot: `shop.orders.Order.Card`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FullName(pub Arc<str>);

impl FullName {
    /// `self.part`
    #[must_use]
    pub fn child(&self, part: &str) -> Self {
        Self(format!("{}.{part}", self.0).into())
    }

    /// The last part.
    pub fn simple(&self) -> &str {
        self.0.rsplit('.').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A package: `shop.orders`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName(pub Arc<str>);

impl PackageName {
    /// The name of a top-level declaration of the package.
    pub fn child(&self, part: &str) -> FullName {
        FullName(format!("{}.{part}", self.0).into())
    }

    /// Its parts, outermost first.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
