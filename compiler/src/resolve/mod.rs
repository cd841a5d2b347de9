//! From files to a graph of files, and from names to what they name.
//!
//! Files come through [`Loader`]; nothing here reads a disk. Must not know which declarations are valid: that is
//! `check`'s.

mod cut;
mod elsewhere;
mod find;
mod import;
mod load;
mod names;
mod near;
mod order;
mod wellknown;

pub use elsewhere::suggest_imports;
pub use find::{Miss, Want};
pub use load::{Import, LoadError, Loaded, LoadedFile, Loader, MemoryLoader, Parse, load};
pub use names::{Decl, DeclId, DeclKind, Names};
pub use near::Near;
pub use wellknown::{WellKnown, WellKnownField, well_known};

pub(crate) use cut::{entry, whole_line, word};
pub(crate) use import::add_import;
pub(crate) use load::is_identifier;
pub(crate) use wellknown::WORDS;
