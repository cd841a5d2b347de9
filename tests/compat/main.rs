//! Contracts over time: what is frozen stays, and what breaks is told, cross-checked by really writing with one contract and
//! reading with the other.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod content;
mod corpus;
mod lock;
mod oracle;
mod property;
mod releases;
mod schema;

use callsheet_build::driver::{Analysis, analyse};
use callsheet_build::model::Model;
use callsheet_build::resolve::MemoryLoader;
use proptest::test_runner::{Config as ProptestConfig, RngSeed};

/// This many cases, the same in every run unless `PROPTEST_RNG_SEED` says others.
fn cases(cases: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    let rng_seed = match config.rng_seed {
        RngSeed::Random => RngSeed::Fixed(4),
        fixed @ RngSeed::Fixed(_) => fixed,
    };
    ProptestConfig {
        cases,
        rng_seed,
        failure_persistence: None,
        ..config
    }
}

/// What a contract means that has no mistakes.
fn model(text: &str) -> Model {
    let analysis = analysis(&[("shop/orders.rpc", text)]);
    analysis
        .model
        .unwrap_or_else(|| panic!("{text}\n{:#?}", analysis.diagnostics))
}

/// What is known of files, the first of which is asked for.
fn analysis(files: &[(&str, &str)]) -> Analysis {
    let mut loader = MemoryLoader::new(files.iter().copied());
    analyse(&mut loader, &[files[0].0.to_owned()])
}
