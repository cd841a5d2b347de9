//! The contracts that a document is held against.

use std::path::PathBuf;

use callsheet::governance::{Document, Fault, GLOBAL};
use callsheet_build::model::{Model, Service};
use clap::Args;

use crate::contracts;
use crate::report::Failure;

/// Where the contracts are.
#[derive(Clone, Debug, Args)]
pub(crate) struct Contract {
    /// A contract, or a folder of them: methods, fields and fallback replies that the document names must be there. May be given
    /// several times.
    #[arg(long = "contract", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
}

/// What the contracts say of those whom a document steers.
pub(super) struct Steered {
    model: Model,
    /// The full name of the service; all of them where the document is that of all services.
    service: Option<String>,
}

impl Contract {
    /// What they say of whom the document with this name steers; `None` where no contract was given.
    pub(super) fn read(&self, name: &str) -> Result<Option<Steered>, Failure> {
        if self.paths.is_empty() {
            return Ok(None);
        }
        let model = contracts::model(&self.paths)?;
        let service = (name != GLOBAL).then(|| name.to_owned());
        if service.is_some() && contracts::service(&model, name).is_none() {
            return Err(Failure(format!(
                "the contracts have no service {name}: there is {}",
                contracts::services(&model)
            )));
        }
        Ok(Some(Steered { model, service }))
    }
}

impl Steered {
    fn services(&self) -> impl Iterator<Item = &Service> {
        let services = self.model.files.iter().flat_map(|file| &file.services);
        services.filter(|one| {
            let name = self.service.as_ref();
            name.is_none_or(|name| one.name.to_string() == *name)
        })
    }

    /// The names of the methods, where the document is that of one service.
    pub(super) fn methods(&self) -> Option<Vec<&str>> {
        self.service.as_ref()?;
        let methods = self.services().flat_map(|service| &service.methods);
        let mut names: Vec<&str> = methods.map(|method| &*method.name).collect();
        names.sort_unstable();
        names.dedup();
        Some(names)
    }

    /// What clients and servers of these services would refuse the document for.
    pub(super) fn misfits(&self, document: &Document) -> Vec<Fault> {
        let of = |service: &Service| {
            let mut faults = contracts::misfits(&self.model, service, document);
            if self.service.is_none() {
                for fault in &mut faults {
                    fault.message = format!("{}: {}", service.name, fault.message);
                }
            }
            faults
        };
        self.services().flat_map(of).collect()
    }
}
