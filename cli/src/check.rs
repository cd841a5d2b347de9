//! `callsheet check`

use callsheet_build::driver::{self, Analysis};
use callsheet_build::host::DiskLoader;

use crate::Outcome;
use crate::arguments::{Check, Format, Input};
use crate::fix;
use crate::project::{levels, roots};
use crate::report::{self, Failure};

/// Reports on the contracts.
pub(crate) fn run(check: &Check) -> Result<Outcome, Failure> {
    if check.fix {
        return fix::run(check);
    }
    let (_, outcome) = analyse(&check.input)?;
    Ok(outcome)
}

/// Reads and checks the input, prints the findings and, for people, their number.
pub(crate) fn analyse(input: &Input) -> Result<(Analysis, Outcome), Failure> {
    let roots = roots(input)?;
    let levels = levels(input)?;
    let entries = roots.entries(&input.paths).map_err(Failure::of)?;
    let mut analysis = driver::analyse(&mut DiskLoader::new(roots), &entries);
    analysis.judge(&levels);
    let outcome = tell(&analysis, &entries, input)?;
    Ok((analysis, outcome))
}

/// Prints the findings and, for people, their number.
pub(crate) fn tell(
    analysis: &Analysis,
    entries: &[String],
    input: &Input,
) -> Result<Outcome, Failure> {
    let outcome = report::findings(analysis, entries, input)?;
    if input.format == Format::Human {
        report::say(&report::summary(analysis));
    }
    Ok(outcome)
}
