//! docs/metrics.md lists every metric as the code has it.

use std::fmt::Write;

use callsheet::observe::METRICS;

#[test]
fn every_metric_is_listed_as_the_code_has_it() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md"))
        .unwrap();
    let mut table = String::from("| name | kind | labels | what it says |\n|---|---|---|---|\n");
    for metric in METRICS {
        let kind = format!("{:?}", metric.kind).to_lowercase();
        let labels: Vec<_> = metric.labels.iter().map(|it| format!("`{it}`")).collect();
        let (labels, help) = (labels.join(", "), metric.help);
        writeln!(table, "| `{}` | {kind} | {labels} | {help} |", metric.name).unwrap();
    }
    assert!(
        page.contains(&table),
        "docs/metrics.md is to have this table:\n{table}"
    );
}
