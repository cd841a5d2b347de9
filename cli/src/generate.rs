//! `callsheet gen`

use callsheet_build::codegen::Options;
use callsheet_build::driver;
use callsheet_build::host::{Output, Record, Tracing, Written};

use crate::Outcome;
use crate::arguments::Generate;
use crate::cache;
use crate::check::{Asked, analyse_with};
use crate::outcome;
use crate::report::{self, Failure};

/// Generates the contracts' Rust, or compares it with what is there.
pub(crate) fn run(generate: &Generate) -> Result<Outcome, Failure> {
    let input = &generate.input;
    let asked = Asked::new(input)?;
    let options = Options {
        at: generate.at,
        ..Options::default()
    };
    let output = Output::new(&generate.out);
    let record = || Record::new(&cache::folder()?, &output, &(&asked, &options));
    let mut loader = asked.loader();
    if let Some(known) = record().and_then(|it| it.unchanged(&mut loader, &output, true)) {
        report::nothing(known.sources, input)?;
        return tell(generate, known.outputs);
    }

    let mut loader = Tracing::new(&mut loader);
    let (analysis, outcome) = analyse_with(&mut loader, &asked, input)?;
    let Some(model) = &analysis.model else {
        return Ok(outcome);
    };
    let files = driver::generate(model, &options).map_err(Failure::of)?;
    let (outcome, foreign) = if generate.check {
        let differences = output.compare(&files).map_err(Failure::of)?;
        let (count, format) = (files.0.len(), input.format);
        let outcome = outcome::differences(&generate.out, &differences, count, "gen", format)?;
        (outcome, !differences.is_empty())
    } else {
        let written = output.synchronize(&files).map_err(Failure::of)?;
        outcome::written(&generate.out, &written);
        (Outcome::Clean, !written.foreign.is_empty())
    };
    if analysis.diagnostics.is_empty()
        && !foreign
        && let Some(record) = record()
    {
        record.keep(loader.into_trace(), &files);
    }
    Ok(outcome)
}

/// Says of a run that found all as it should be what a whole one would say.
fn tell(generate: &Generate, outputs: Vec<String>) -> Result<Outcome, Failure> {
    if generate.check {
        let format = generate.input.format;
        return outcome::differences(&generate.out, &[], outputs.len(), "gen", format);
    }
    let written = Written {
        unchanged: outputs,
        ..Written::default()
    };
    outcome::written(&generate.out, &written);
    Ok(Outcome::Clean)
}
