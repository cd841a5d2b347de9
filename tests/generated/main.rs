//! Generated code: what it looks like, that it compiles without a warning, and that it means what the contract says.

mod adversarial;
mod descriptors;
mod messages;
mod options;
mod oracle;
mod text;
