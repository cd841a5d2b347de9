//! Who may name what of the world outside: sockets, files, clocks, processes.
//!
//! Functions that read a clock or a file are in the `clippy.toml` files. Here is what clippy cannot say: that a whole
//! crate or module of the standard library must not be named in a room.

use crate::paths::paths;
use crate::source::{SourceFile, files};
use crate::{Breach, uphold};

/// The rooms of a crate that a rule is about.
enum Rooms {
    Only(&'static [&'static str]),
    AllBut(&'static [&'static str]),
}

/// What may not be named where.
struct Rule {
    folder: &'static str,
    rooms: Rooms,
    outside: &'static [&'static str],
    reason: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        folder: "compiler/src/",
        rooms: Rooms::AllBut(&["host"]),
        outside: &["std::fs", "std::env", "std::process", "std::net"],
        reason: "the compiler's core does no IO: it belongs to `host`, which passes values in",
    },
    Rule {
        folder: "runtime/src/",
        rooms: Rooms::Only(&["balance", "conn", "resilience", "route", "wire"]),
        outside: &["tokio", "std::net"],
        reason: "machines and policies take bytes and `now` and give back what to do: the driver is in `link`",
    },
    Rule {
        folder: "runtime/src/",
        rooms: Rooms::AllBut(&["registry", "signal", "transport"]),
        outside: &["std::fs", "std::env", "std::process"],
        reason: "files are met in `transport` and in the registry's back ends only, the process in `signal`",
    },
];

#[test]
fn core_rooms_name_nothing_of_the_world_outside() {
    let mut breaches = Vec::new();
    for rule in RULES {
        for file in files(rule.folder, &[".rs"]) {
            breaches.extend(breaches_of(rule, &file));
        }
    }
    uphold(
        "Some rooms are pure. What to do is said at each place.",
        breaches,
    );
}

fn breaches_of(rule: &Rule, file: &SourceFile) -> Vec<Breach> {
    let inside = file.path.strip_prefix(rule.folder).unwrap_or_default();
    let room = inside.split('/').next().unwrap_or_default();
    let room = room.strip_suffix(".rs").unwrap_or(room);
    let concerned = match rule.rooms {
        Rooms::Only(rooms) => rooms.contains(&room),
        Rooms::AllBut(rooms) => !rooms.contains(&room),
    };
    if !concerned {
        return Vec::new();
    }
    let mut breaches = Vec::new();
    for path in paths(file.tokens()) {
        let name = path.segments.join("::");
        let named = rule.outside.iter().find(|outside| {
            name.strip_prefix(**outside)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        });
        if let Some(outside) = named {
            let what = format!("`{room}` names `{outside}`: {}", rule.reason);
            breaches.push(Breach::new(&file.path, path.line, what));
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: &Rule, path: &str, text: &str, lines: &[usize]) {
        let file = SourceFile {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let found: Vec<usize> = breaches_of(rule, &file).iter().map(|b| b.line).collect();
        assert_eq!(found, lines, "{path}: {text}");
    }

    #[test]
    fn core_of_the_compiler_may_not_name_files() {
        let [rule, ..] = RULES else { unreachable!() };
        check(
            rule,
            "compiler/src/resolve/load.rs",
            "use std::{fmt,\nfs::File};",
            &[2],
        );
        check(
            rule,
            "compiler/src/lib.rs",
            "fn f() { std::env::var(\"A\"); }",
            &[1],
        );
        check(rule, "compiler/src/host/fs.rs", "use std::fs;", &[]);
        check(rule, "compiler/src/resolve/load.rs", "use std::fmt;", &[]);
    }

    #[test]
    fn machines_may_not_name_tokio_even_in_their_tests() {
        let [_, rule, ..] = RULES else { unreachable!() };
        check(rule, "runtime/src/wire/head.rs", "use tokio::io;", &[1]);
        check(
            rule,
            "runtime/src/conn.rs",
            "mod tests {\n#[tokio::test]\nasync fn t() {} }",
            &[2],
        );
        check(rule, "runtime/src/link/mod.rs", "use tokio::io;", &[]);
        check(
            rule,
            "runtime/src/wire/head.rs",
            "// tokio::io\nuse tokiolike::io;",
            &[],
        );
    }
}
