//! `callsheet gen`

use callsheet_build::codegen::Options;
use callsheet_build::driver;
use callsheet_build::host::Output;

use crate::Outcome;
use crate::arguments::Generate;
use crate::check::analyse;
use crate::outcome;
use crate::report::Failure;

/// Generates the contracts' Rust, or compares it with what is there.
pub(crate) fn run(generate: &Generate) -> Result<Outcome, Failure> {
    let (analysis, outcome) = analyse(&generate.input)?;
    let Some(model) = &analysis.model else {
        return Ok(outcome);
    };
    let options = Options {
        at: generate.at,
        ..Options::default()
    };
    let files = driver::generate(model, &options).map_err(Failure::of)?;
    let output = Output::new(&generate.out);
    if generate.check {
        let differences = output.compare(&files).map_err(Failure::of)?;
        let (count, format) = (files.0.len(), generate.input.format);
        outcome::differences(&generate.out, &differences, count, "gen", format)
    } else {
        let written = output.synchronize(&files).map_err(Failure::of)?;
        outcome::written(&generate.out, &written);
        Ok(Outcome::Clean)
    }
}
