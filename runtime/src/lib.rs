//! The Callsheet runtime.
