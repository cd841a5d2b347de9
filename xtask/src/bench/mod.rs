//! `cargo xtask bench`: what calls cost.

mod callgrind;
mod figures;
mod instructions;
mod peers;
mod profile;

/// Runs the bench that `options` name.
pub(crate) fn bench(options: &[&str]) -> Result<bool, String> {
    match options {
        ["instructions", options @ ..] => instructions::instructions(options),
        ["peers", options @ ..] => peers::peers(options),
        _ => Err("`bench` takes the name of a bench: instructions, peers".to_owned()),
    }
}
