//! Services and methods of contracts, found by the names that people write.

use std::path::PathBuf;

use callsheet_build::model::{Method, Model, Service};

use crate::arguments::{Colours, Format, Input, When};
use crate::check::analyse;
use crate::report::Failure;

/// What the contracts at these paths mean.
pub(crate) fn model(paths: &[PathBuf]) -> Result<Model, Failure> {
    let input = Input {
        paths: paths.to_vec(),
        roots: Vec::new(),
        format: Format::Short,
        deny: Vec::new(),
        warn: Vec::new(),
        allow: Vec::new(),
        colours: Colours { when: When::Auto },
    };
    let (analysis, _) = analyse(&input)?;
    analysis
        .model
        .ok_or_else(|| Failure("the contracts have errors: mend them first".into()))
}

/// The service with this full name.
pub(crate) fn service<'a>(model: &'a Model, name: &str) -> Option<&'a Service> {
    let mut services = model.files.iter().flat_map(|file| &file.services);
    services.find(|service| service.name.to_string() == name)
}

/// The names of all services.
pub(crate) fn services(model: &Model) -> String {
    let services = model.files.iter().flat_map(|file| &file.services);
    let mut names: Vec<String> = services.map(|one| one.name.to_string()).collect();
    names.sort();
    if names.is_empty() {
        return "none".to_owned();
    }
    names.join(", ")
}

/// The newest method of a service with this name.
pub(crate) fn method<'a>(service: &'a Service, name: &str) -> Option<&'a Method> {
    service
        .methods
        .iter()
        .rev()
        .find(|method| method.name == name)
}
