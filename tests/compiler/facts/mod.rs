//! What the reference says, fact by fact: a contract, and the codes of all that is found in it.

mod files;
mod services;
mod types;

use std::fmt::Write as _;

use callsheet_build::driver::analyse;
use callsheet_build::resolve::MemoryLoader;

/// A fact, a contract that shows it, and what is found.
type Fact<'a> = (&'static str, &'a str, &'static [&'static str]);

/// What contracts without a head of their own start with.
const HEAD: &str = "edition 2026;\npackage shop;\nimport \"shop/common.rpc\";\nmessage Anchor { i: Invoice = 1; }\n";

const FILES: [(&str, &str); 3] = [
    (
        "shop/common.rpc",
        "edition 2026;\npackage shop.common;\nimport \"shop/far.rpc\";\nmessage Invoice { far: shop.far.Far = 1; }\nenum Size { NONE = 0; BIG = 1; }\n",
    ),
    (
        "shop/far.rpc",
        "edition 2026;\npackage shop.far;\nmessage Far {}\n",
    ),
    (
        "shop/twin.rpc",
        "edition 2026;\npackage shop.twin;\nmessage Invoice {}\n",
    ),
];

/// Shows each fact; all that do not hold are named at once.
fn show(facts: &[Fact<'_>]) {
    let mut wrong = String::new();
    for (fact, contract, expect) in facts {
        let headless = !["edition ", "package ", "\u{feff}"]
            .iter()
            .any(|start| contract.starts_with(start));
        let text = if headless {
            format!("{HEAD}{contract}\n")
        } else {
            (*contract).to_owned()
        };
        let files = FILES
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .chain([("shop/main.rpc".to_owned(), text)]);
        let analysis = analyse(&mut MemoryLoader::new(files), &["shop/main.rpc".to_owned()]);
        let mut found: Vec<&str> = analysis
            .diagnostics
            .iter()
            .map(|report| report.code.as_str())
            .collect();
        found.sort_unstable();
        if found != *expect {
            let messages: Vec<&str> = analysis
                .diagnostics
                .iter()
                .map(|report| report.message.as_str())
                .collect();
            let _ = writeln!(
                wrong,
                "{fact}:\n  {contract}\n  found {found:?} {messages:?}, not {expect:?}"
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
