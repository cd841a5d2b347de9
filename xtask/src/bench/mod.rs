//! `cargo xtask bench`: what calls cost.

mod callgrind;
mod figures;
mod instructions;
mod profile;

/// Runs the bench that `options` name.
pub(crate) fn bench(options: &[&str]) -> Result<bool, String> {
    match options {
        ["instructions", options @ ..] => instructions::instructions(options),
        _ => Err("`bench` takes the name of a bench: instructions".to_owned()),
    }
}
