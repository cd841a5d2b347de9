//! What keeps calls going when servers do not: one policy or mechanism per file.
//!
//! Pure: times are handed in, chance comes from seeds. What waits, asks and answers is in `client` and `server`.

mod fallback;

pub use fallback::check_reply;
