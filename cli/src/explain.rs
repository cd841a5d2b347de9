//! `callsheet explain`

use callsheet_build::diagnostic::Code;

use crate::Outcome;
use crate::arguments::Explain;
use crate::report::{self, Failure};

/// Prints the manual page of a code.
pub(crate) fn run(explain: &Explain) -> Result<Outcome, Failure> {
    let code = Code::ALL
        .iter()
        .find(|code| code.as_str().eq_ignore_ascii_case(&explain.code));
    let Some(code) = code else {
        let ends = Code::ALL.first().zip(Code::ALL.last());
        let range = ends.map_or(String::new(), |(first, last)| {
            format!(": codes go from {} to {}", first.as_str(), last.as_str())
        });
        return Err(Failure(format!(
            "there is no code `{}`{range}",
            explain.code.escape_debug()
        )));
    };
    report::print(code.page())?;
    Ok(Outcome::Clean)
}
