//! `callsheet check`

use callsheet_build::driver::{self, Analysis};
use callsheet_build::host::DiskLoader;

use crate::Outcome;
use crate::arguments::{Check, Format, Input};
use crate::report::{self, Failure};
use crate::roots::roots;

/// Reports on the contracts.
pub(crate) fn run(check: &Check) -> Result<Outcome, Failure> {
    let (_, outcome) = analyse(&check.input)?;
    Ok(outcome)
}

/// Reads and checks the input, prints the findings and, for people, their number.
pub(crate) fn analyse(input: &Input) -> Result<(Analysis, Outcome), Failure> {
    let roots = roots(input)?;
    let entries = roots.entries(&input.paths).map_err(Failure::of)?;
    let analysis = driver::analyse(&mut DiskLoader::new(roots), &entries);
    let outcome = report::findings(&analysis, &entries, input.format)?;
    if input.format == Format::Human {
        report::say(&report::summary(&analysis));
    }
    Ok((analysis, outcome))
}
