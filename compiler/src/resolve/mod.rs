//! From files to a graph of files, and from names to what they name.
//!
//! Files come through [`Loader`]; nothing here reads a disk. Must not know which declarations are valid: that is
//! `check`'s.

mod import;
mod load;
mod near;

pub use load::{Import, LoadError, Loaded, LoadedFile, Loader, MemoryLoader, Parse, load};
pub use near::Near;
