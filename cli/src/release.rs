//! `callsheet release`

use std::collections::BTreeSet;

use callsheet_build::diagnostic::{Code, near};
use callsheet_build::driver::{self, Analysis};
use callsheet_build::host::{DiskLoader, ImportRoots};
use callsheet_build::model::{FullName, Release, Service};
use callsheet_build::surface::{Lock, Surface, freeze};

use crate::Outcome;
use crate::arguments::Freeze;
use crate::check::tell;
use crate::project::{levels, roots, shown};
use crate::report::{self, Failure};

/// Freezes releases in the lock files beside the contracts, or lets one go.
pub(crate) fn run(arguments: &Freeze) -> Result<Outcome, Failure> {
    let input = &arguments.input;
    let roots = roots(input)?;
    let levels = levels(input)?;
    let entries = roots.entries(&input.paths).map_err(Failure::of)?;
    let mut analysis = driver::analyse(&mut DiskLoader::new(roots.clone()), &entries);
    if let Some(release) = arguments.unfreeze {
        let unread = |code| matches!(code, Code::LockMalformed | Code::LockVersion);
        if analysis.diagnostics.iter().any(|it| unread(it.code)) {
            return tell(&analysis, &entries, input);
        }
        return unfreeze(arguments, &roots, &entries, &analysis, release);
    }
    analysis.judge(&levels);
    let outcome = tell(&analysis, &entries, input)?;
    if analysis.model.is_none() {
        report::say("nothing was frozen");
        return Ok(outcome);
    }
    freeze_all(arguments, &roots, &entries, &analysis)
}

/// Whether a service is among those asked for: by its full name or its last part.
fn is_wanted(arguments: &Freeze, name: &FullName) -> bool {
    arguments.services.is_empty()
        || arguments
            .services
            .iter()
            .any(|wanted| **wanted == *name.0 || wanted == name.simple())
}

fn freeze_all(
    arguments: &Freeze,
    roots: &ImportRoots,
    entries: &[String],
    analysis: &Analysis,
) -> Result<Outcome, Failure> {
    let Some(model) = &analysis.model else {
        return Ok(Outcome::Findings);
    };
    let files = || {
        let mut files: Vec<_> = model.files.iter().collect();
        files.retain(|file| entries.iter().any(|entry| **entry == *file.import_path));
        files
    };
    let all: Vec<&Service> = files().iter().flat_map(|file| &file.services).collect();
    known(arguments, &all)?;
    if let Some(at) = arguments.at {
        let wanted = || all.iter().filter(|it| is_wanted(arguments, &it.name));
        if wanted().all(|service| !service.releases.contains(&at)) {
            let listed: BTreeSet<Release> = wanted().flat_map(|it| it.releases.clone()).collect();
            let listed: Vec<String> = listed.iter().map(Release::to_string).collect();
            return Err(Failure(format!(
                "no service lists release {at}; listed are {}",
                listed.join(", ")
            )));
        }
    }
    let surface = Surface::of_model(model);
    let (mut count, mut before) = (0, 0);
    for file in files() {
        let old = analysis.locks.get(&file.import_path);
        let mut lock = old.cloned().unwrap_or_default();
        let mut new = Vec::new();
        for service in &file.services {
            if !is_wanted(arguments, &service.name) {
                continue;
            }
            for &release in &service.releases {
                if arguments.at.is_some_and(|at| release > at) {
                    continue;
                }
                if lock.add(freeze(&surface, service, release)) {
                    new.push(format!("release {release} of {}", service.name));
                } else {
                    before += 1;
                }
            }
        }
        if !new.is_empty() {
            let path = roots
                .write_lock(&file.import_path, &lock)
                .map_err(Failure::of)?;
            for what in &new {
                report::say(&format!("froze {what} in {}", shown(&path)));
            }
            count += new.len();
        }
    }
    report::say(&format!("{count} frozen, {before} frozen before"));
    Ok(Outcome::Clean)
}

/// Refuses a name that no service has.
fn known(arguments: &Freeze, all: &[&Service]) -> Result<(), Failure> {
    let names = || {
        let names = all.iter().map(|service| &service.name);
        names.flat_map(|name| [&*name.0, name.simple()])
    };
    for wanted in &arguments.services {
        if names().all(|name| name != wanted) {
            let near = near(wanted, names());
            let meant = near
                .first()
                .map_or(String::new(), |name| format!("; the nearest is `{name}`"));
            return Err(Failure(format!(
                "there is no service `{}` in these contracts{meant}",
                wanted.escape_debug()
            )));
        }
    }
    Ok(())
}

fn unfreeze(
    arguments: &Freeze,
    roots: &ImportRoots,
    entries: &[String],
    analysis: &Analysis,
    release: Release,
) -> Result<Outcome, Failure> {
    let mut count = 0;
    for entry in entries {
        let Some(old) = analysis.locks.get(&**entry) else {
            continue;
        };
        let mut lock: Lock = old.clone();
        for frozen in &old.releases {
            let name = &frozen.service.name;
            if frozen.release == release && is_wanted(arguments, name) {
                lock.remove(name, release);
                count += 1;
                report::say(&format!(
                    "release {release} of {name} is not frozen any more"
                ));
            }
        }
        if lock.releases.len() < old.releases.len() {
            roots.write_lock(entry, &lock).map_err(Failure::of)?;
        }
    }
    if count == 0 {
        return Err(Failure(format!(
            "release {release} is not frozen in these contracts"
        )));
    }
    Ok(Outcome::Clean)
}
