//! The view of `mod.rs`: the packages as nested modules.

use askama::Template;

/// `mod.rs`
#[derive(Clone, Debug, Template)]
#[template(path = "modules.rs", escape = "none")]
pub struct Modules {
    /// The first line, by which generated files are known.
    pub header: String,
    /// The outermost modules.
    pub modules: Vec<Module>,
}

/// One part of a package's name.
#[derive(Clone, Debug, Template)]
#[template(path = "module.rs", escape = "none")]
pub struct Module {
    /// Doc comment, whole lines.
    pub docs: String,
    /// Its identifier: `orders`.
    pub name: String,
    /// The file with its items, if it is a package: `shop.orders.rs`.
    pub file: Option<String>,
    /// The modules in it.
    pub modules: Vec<Module>,
    /// Whether it is outermost, and so says what the linters need not look at.
    pub outermost: bool,
}
