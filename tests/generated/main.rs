//! Generated code: what it looks like, that it compiles without a warning, and that it means what the contract says.

mod adversarial;
mod compiled;
mod descriptors;
mod messages;
mod options;
mod planted;
mod random;
mod rustc;
mod text;
