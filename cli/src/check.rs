//! `callsheet check`

use callsheet_build::diagnostic::Levels;
use callsheet_build::driver::{self, Analysis};
use callsheet_build::host::{DiskLoader, ImportRoots};
use callsheet_build::resolve::Loader;

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
    let (analysis, outcome) = analyse(&check.input)?;
    // The process ends here: the system takes the memory back faster than it is freed piece by piece.
    std::mem::forget(analysis);
    Ok(outcome)
}

/// Reads and checks the input, prints the findings and, for people, their number.
pub(crate) fn analyse(input: &Input) -> Result<(Analysis, Outcome), Failure> {
    let asked = Asked::new(input)?;
    analyse_with(&mut asked.loader(), &asked, input)
}

/// The same, of what `loader` reads.
pub(crate) fn analyse_with(
    loader: &mut dyn Loader,
    asked: &Asked,
    input: &Input,
) -> Result<(Analysis, Outcome), Failure> {
    let mut analysis = driver::analyse(loader, &asked.entries);
    analysis.judge(&asked.levels);
    let outcome = tell(&analysis, &asked.entries, input)?;
    Ok((analysis, outcome))
}

/// What is looked at, and how much lints count.
#[derive(Debug)]
pub(crate) struct Asked {
    roots: ImportRoots,
    levels: Levels,
    entries: Vec<String>,
}

impl Asked {
    pub(crate) fn new(input: &Input) -> Result<Self, Failure> {
        let roots = roots(input)?;
        Ok(Self {
            levels: levels(input)?,
            entries: roots.entries(&input.paths).map_err(Failure::of)?,
            roots,
        })
    }

    pub(crate) fn loader(&self) -> DiskLoader {
        DiskLoader::new(self.roots.clone())
    }
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
