//! A file names only lower floors, or its own module.
//!
//! The tables are the map: what stands in one row is on one floor, lowest first, and knows nothing of its neighbours. The
//! crate's root is above all floors and only re-exports.

use crate::paths::{Written, paths};
use crate::source::{SourceFile, files, tokens};
use crate::{Breach, uphold};

const LAW: &str = "A file names only lower floors, or its own module (the tables are in tests/tidy/floors.rs).\n\
    Move what is named down, pass it in as an argument or trait, or move the module up if nothing below needs it.";

const COMPILER: &[&[&str]] = &[
    &["case", "parallel", "source"],
    &["diagnostic", "model"],
    &["print", "syntax"],
    &["resolve"],
    &["check", "descriptor"],
    &["codegen", "proto", "surface"],
    &["breaking"],
    &["driver"],
    &["fix"],
    &["host"],
];

const RUNTIME: &[&[&str]] = &[
    &[
        "include",
        "listener",
        "metadata",
        "printable",
        "random",
        "release",
        "rope",
        "schema",
        "signal",
    ],
    &["backoff", "codec", "status", "trace"],
    &["context"],
    &["contract"],
    &["balance", "error", "registry", "wire"],
    &[
        "conn",
        "governance",
        "observe",
        "route",
        "streaming",
        "transport",
        "validate",
    ],
    &["link", "resilience"],
    &["filter", "steering"],
    &["service"],
    &["client", "server"],
    &["admin", "codegen", "testing"],
];

#[test]
fn compiler_names_only_lower_floors() {
    uphold(LAW, survey(COMPILER, &files("compiler/src", &[".rs"])));
}

#[test]
fn runtime_names_only_lower_floors() {
    uphold(LAW, survey(RUNTIME, &files("runtime/src", &[".rs"])));
}

/// The breaches of a crate's files, and where its table and its modules differ.
fn survey(floors: &[&[&str]], files: &[SourceFile]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in files {
        breaches.extend(breaches_of(floors, file));
    }
    for name in floors.iter().copied().flatten() {
        if !files
            .iter()
            .any(|file| module(&file.path).first().is_some_and(|own| own == name))
        {
            let table = format!("the table of floors has `{name}`, which is not a module");
            breaches.push(Breach::new("tests/tidy/floors.rs", 0, table));
        }
    }
    breaches
}

fn breaches_of(floors: &[&[&str]], file: &SourceFile) -> Vec<Breach> {
    let module = module(&file.path);
    let Some(own) = module.first() else {
        return Vec::new();
    };
    let Some(own_floor) = floor(floors, own) else {
        let (src, _) = file.path.split_once("/src/").unwrap_or_default();
        let what = "has no floor: give it a row in tests/tidy/floors.rs";
        return vec![Breach::new(&format!("{src}/src/{own}"), 0, what)];
    };
    let mut breaches = Vec::new();
    for path in paths(file.tokens()) {
        let Some(target) = target(&module, &path) else {
            continue;
        };
        let what = match floor(floors, &target) {
            _ if target == *own => continue,
            Some(floor) if floor < own_floor => continue,
            Some(floor) => {
                let relation = if floor == own_floor {
                    "beside"
                } else {
                    "above"
                };
                format!("`{own}` names `{target}`, which is {relation} it")
            }
            None => {
                format!("`crate::{target}` is no module with a floor: name the module it is in")
            }
        };
        breaches.push(Breach::new(&file.path, path.line, what));
    }
    breaches
}

fn floor(floors: &[&[&str]], module: &str) -> Option<usize> {
    floors.iter().position(|row| row.contains(&module))
}

/// `compiler/src/resolve/load.rs` is `resolve::load`; the root is nothing.
fn module(path: &str) -> Vec<String> {
    let (_, inside) = path.split_once("/src/").unwrap_or_default();
    let inside = inside.strip_suffix(".rs").unwrap_or(inside);
    let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
    if matches!(
        module.last().map(String::as_str),
        Some("mod" | "lib" | "main")
    ) {
        module.pop();
    }
    module
}

/// The top-level name that a path of our own leads to: `wire` for `crate::wire::Frame`.
fn target(module: &[String], path: &Written) -> Option<String> {
    let mut place: Vec<&str> = module
        .iter()
        .chain(&path.inside)
        .map(String::as_str)
        .collect();
    let mut segments = path.segments.iter().map(String::as_str).peekable();
    match segments.next()? {
        "crate" => place.clear(),
        "self" => {}
        "super" => {
            place.pop();
            while segments.next_if_eq(&"super").is_some() {
                place.pop();
            }
        }
        _ => return None,
    }
    place.extend(segments.filter(|segment| *segment != "self"));
    Some(place.first().copied().unwrap_or("*").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUSE: &[&[&str]] = &[&["cellar"], &["hall", "porch"], &["attic"]];

    fn check(path: &str, text: &str, expect: &[&str]) {
        tokens(text).unwrap();
        let file = SourceFile {
            path: format!("runtime/src/{path}"),
            text: text.to_owned(),
        };
        let found: Vec<String> = breaches_of(HOUSE, &file)
            .iter()
            .map(|breach| format!("{}: {}", breach.line, breach.what))
            .collect();
        assert_eq!(found, expect, "{path}: {text}");
    }

    #[test]
    fn lower_floors_and_the_own_module_may_be_named() {
        check("hall/mod.rs", "use crate::cellar::Wine;", &[]);
        check(
            "hall/door.rs",
            "use super::Mat; use crate::hall::Lamp;",
            &[],
        );
        check("hall/door.rs", "mod tests { use super::super::Mat; }", &[]);
        check("lib.rs", "pub use attic::Trunk;", &[]);
    }

    #[test]
    fn upper_floors_and_neighbours_are_found() {
        check(
            "hall/mod.rs",
            "\nuse crate::{attic::Trunk, cellar};",
            &["2: `hall` names `attic`, which is above it"],
        );
        check(
            "hall.rs",
            "fn f(x: crate::porch::Bench) {}",
            &["1: `hall` names `porch`, which is beside it"],
        );
        check(
            "hall/door.rs",
            "use super::super::attic;",
            &["1: `hall` names `attic`, which is above it"],
        );
        check(
            "cellar.rs",
            "mod tests { use super::super::hall; }",
            &["1: `cellar` names `hall`, which is above it"],
        );
    }

    #[test]
    fn names_of_the_root_and_modules_without_a_floor_are_found() {
        check(
            "hall.rs",
            "use crate::Wine;",
            &["1: `crate::Wine` is no module with a floor: name the module it is in"],
        );
        check(
            "hall.rs",
            "use crate::*;",
            &["1: `crate::*` is no module with a floor: name the module it is in"],
        );
        check(
            "shed.rs",
            "",
            &["0: has no floor: give it a row in tests/tidy/floors.rs"],
        );
    }

    #[test]
    fn row_for_a_module_that_is_gone_is_found() {
        let breaches = survey(HOUSE, &[]);
        assert_eq!(breaches.len(), 4);
        assert!(breaches[0].what.contains("`cellar`, which is not a module"));
    }
}
