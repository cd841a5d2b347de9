//! What speaks against a document: its own mistakes, and what does not fit the servers that run.

use std::sync::Arc;

use callsheet::governance::{Document, Fault, GLOBAL, Seen, Severity};
use callsheet::registry::Instance;
use serde_json::json;

use super::arguments::Format;
use super::contract::{Contract, Steered};
use crate::Outcome;
use crate::reach::Reached;
use crate::report::{self, Failure};

/// The faults of a document, and whether there is anybody whom it could steer.
pub(super) struct Judgement {
    faults: Vec<Fault>,
    /// Nobody serves the service.
    unserved: bool,
}

impl Judgement {
    /// What is wrong with a text by itself, and beside the contract.
    pub(super) fn of_text(name: &str, text: &str, contract: &Contract) -> Result<Self, Failure> {
        Self::beside(name, text, contract, None)
    }

    /// The same, and beside the instances that are listed now.
    pub(super) async fn live(
        reached: &Reached,
        name: &str,
        text: &str,
        contract: &Contract,
    ) -> Result<Self, Failure> {
        if name == GLOBAL {
            return Self::of_text(name, text, contract);
        }
        let view = reached.view(name).await?;
        Self::beside(name, text, contract, Some(view.instances()))
    }

    fn beside(
        name: &str,
        text: &str,
        contract: &Contract,
        instances: Option<&[Arc<Instance>]>,
    ) -> Result<Self, Failure> {
        let steered = contract.read(name)?;
        let methods = steered.as_ref().and_then(Steered::methods);
        let unserved = instances.is_some_and(<[_]>::is_empty);
        let seen = Seen {
            methods: methods.as_deref(),
            // Where nobody is, there is nothing to compare with.
            instances: instances.filter(|all| !all.is_empty()),
        };
        let faults = match Document::parse(name, text) {
            Ok(document) => {
                let misfits = steered.as_ref().map(|steered| steered.misfits(&document));
                let mut faults = document.check_against(&seen);
                faults.extend(misfits.unwrap_or_default());
                faults.sort_by_key(|fault| (fault.line, fault.column));
                faults
            }
            Err(faults) => faults,
        };
        Ok(Self { faults, unserved })
    }

    fn worst(&self) -> Option<Severity> {
        self.faults.iter().map(|fault| fault.severity).max()
    }

    /// Whether it must not be set. `force` overrules what is no mistake of the document.
    pub(super) fn is_refused(&self, force: bool) -> bool {
        self.worst() == Some(Severity::Error)
            || (!force && (self.unserved || self.worst().is_some()))
    }

    /// Why it is not set.
    pub(super) fn refusal(&self, name: &str) -> String {
        let why = match self.worst() {
            Some(Severity::Error) => "the document is wrong",
            Some(Severity::Warning) => "it may not do what it says; `--force` sets it all the same",
            None => "nobody serves this; `--force` sets it all the same",
        };
        format!("{name}: nothing was changed: {why}")
    }

    /// Prints every fault: `FILE:LINE:COLUMN: error: KEY: MESSAGE`.
    pub(super) fn tell(&self, origin: &str, format: Format) -> Result<(), Failure> {
        for fault in &self.faults {
            let severity = match fault.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            match format {
                Format::Text => {
                    let key = if fault.key.is_empty() {
                        String::new()
                    } else {
                        format!("{}: ", fault.key)
                    };
                    let Fault {
                        line,
                        column,
                        message,
                        ..
                    } = fault;
                    report::say(&format!(
                        "{origin}:{line}:{column}: {severity}: {key}{message}"
                    ));
                }
                Format::Json => {
                    let whole = json!({
                        "file": origin,
                        "line": fault.line,
                        "column": fault.column,
                        "severity": severity,
                        "key": fault.key,
                        "message": fault.message,
                    });
                    report::print(&format!("{whole}\n"))?;
                }
            }
        }
        Ok(())
    }

    /// Prints what there is to say, and nothing more is done.
    pub(super) fn conclude(&self, origin: &str, format: Format) -> Result<Outcome, Failure> {
        self.tell(origin, format)?;
        if self.unserved {
            report::say(&format!(
                "{origin}: no server is listed that it would steer"
            ));
        }
        Ok(match self.worst() {
            Some(Severity::Error) => Outcome::Findings,
            _ => Outcome::Clean,
        })
    }
}
