//! Runs one case, for `cargo xtask bench instructions` to count: `calls CASE UNITS`; `calls` alone lists the cases.

use std::error::Error;

use callsheet_micro::cases::CASES;

#[expect(clippy::print_stdout, reason = "the list is for who runs it")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, units) = match arguments.as_slice() {
        [] => {
            for case in CASES {
                println!("{} {}", case.name, case.units);
            }
            return Ok(());
        }
        [name, units] => (name, units),
        _ => return Err("usage: calls [CASE UNITS]".into()),
    };
    let Some(case) = CASES.iter().find(|case| case.name == name) else {
        let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
        return Err(format!("no case `{name}`; the cases are {}", names.join(", ")).into());
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(case.run(units.parse()?))
}
