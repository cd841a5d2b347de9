//! What can be wrong with an import, and how to write one.

use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::{Source, SourceMap, Span};
use crate::syntax::ast;

use super::cut::whole_line;
use super::{LoadError, Near};

/// What is wrong with the text of an import path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathFault {
    Empty,
    Control,
    Backslash,
    Drive,
    Absolute,
    Dots,
    EmptyPart,
    Extension,
}

/// The first thing wrong with `path`, which must be a plain `a/b.rpc` from an import root.
pub(super) fn path_fault(path: &str) -> Option<PathFault> {
    let bytes = path.as_bytes();
    if path.is_empty() {
        Some(PathFault::Empty)
    } else if path.chars().any(char::is_control) {
        Some(PathFault::Control)
    } else if bytes.len() > 1 && bytes[1] == b':' && bytes[0].is_ascii_alphabetic() {
        Some(PathFault::Drive)
    } else if path.contains('\\') {
        Some(PathFault::Backslash)
    } else if path.starts_with('/') {
        Some(PathFault::Absolute)
    } else if path.split('/').any(|part| part == "." || part == "..") {
        Some(PathFault::Dots)
    } else if path.split('/').any(str::is_empty) {
        Some(PathFault::EmptyPart)
    } else if path.strip_suffix(".rpc").is_none() {
        Some(PathFault::Extension)
    } else {
        None
    }
}

/// Reports a path that no import root can have. `own` is the import path of the importing file.
pub(super) fn bad_path(
    written: &ast::Import,
    own: &str,
    fault: PathFault,
    listing: &[String],
) -> Diagnostic {
    let path = written.path.value.as_str();
    let shown = path.escape_debug();
    let what = match fault {
        PathFault::Empty => "the import path is empty".to_owned(),
        PathFault::Control => "the import path holds a control character".to_owned(),
        PathFault::Backslash => format!("the import path `{shown}` holds a backslash"),
        PathFault::Drive => format!("the import path `{shown}` names a drive"),
        PathFault::Absolute => format!("the import path `{shown}` is absolute"),
        PathFault::Dots => format!("the import path `{shown}` holds `.` or `..`"),
        PathFault::EmptyPart => format!("the import path `{shown}` has an empty part"),
        PathFault::Extension => format!("the import path `{shown}` does not end in `.rpc`"),
    };
    let report = Diagnostic::new(Code::ImportPath, written.path.span, what)
        .label("not a path from an import root");
    if path.starts_with("google/protobuf/") {
        return report
            .help("remove the import: everything in `google.protobuf` is known without one");
    }
    let meant = straight(path, own);
    if listing.contains(&meant) {
        return report
            .help(format!(
                "write `\"{meant}\"`: paths start at an import root"
            ))
            .fix(written.path.span, format!("\"{meant}\""));
    }
    report.help(
        "write the path from an import root, with `/` between its parts: `\"shop/common.rpc\"`",
    )
}

/// What the path most likely means: `/` for `\`, `.` and `..` resolved beside `own`, `.rpc` at the end.
fn straight(path: &str, own: &str) -> String {
    let path = path.replace('\\', "/");
    let mut parts: Vec<&str> = Vec::new();
    if path.starts_with('.') {
        parts.extend(own.split('/'));
        parts.pop();
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let mut straight = parts.join("/");
    if straight.strip_suffix(".rpc").is_none() {
        straight.push_str(".rpc");
    }
    straight
}

/// Reports a file that was not loaded, at the import that asked for it or at the file's own head.
pub(super) fn failure(
    path: &str,
    error: &LoadError,
    span: Span,
    listing: &[String],
    near: &Near,
) -> Diagnostic {
    match error {
        LoadError::NotFound { searched } => {
            let report = Diagnostic::new(
                Code::ImportNotFound,
                span,
                format!("there is no file `{path}` in any import root"),
            )
            .label("no such file");
            let roots = format!(
                "searched {}",
                searched
                    .iter()
                    .map(|root| format!("`{root}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            );
            match near_file(path, listing, near) {
                Some((meant, sure)) => {
                    let report = report.help(format!("write `\"{meant}\"`, which exists ({roots})"));
                    if sure { report.fix(span, format!("\"{meant}\"")) } else { report }
                }
                None => report.help(format!("create the file, correct the path, or add its import root with `--root` ({roots})")),
            }
        }
        LoadError::OutsideRoots { root } => Diagnostic::new(
            Code::OutsideRoots,
            span,
            format!("`{path}` leads out of its import root"),
        )
        .label(format!("a symbolic link leaves `{root}`"))
        .help(
            "put the file itself inside an import root, or add the folder it is in with `--root`",
        ),
        LoadError::NotRegular { what } => {
            Diagnostic::new(Code::NotRegularFile, span, format!("`{path}` is {what}"))
                .label("not a regular file")
                .help("name a regular file")
        }
        LoadError::NotUtf8 { offset } => {
            Diagnostic::new(Code::NotUtf8, span, format!("`{path}` is not UTF-8"))
                .label(format!("byte {offset} of the file starts no character"))
                .help("save the file as UTF-8")
        }
        LoadError::TooLarge { bytes } => Diagnostic::new(
            Code::FileTooLarge,
            span,
            format!(
                "`{path}` has {bytes} bytes, more than the {} that a file may have",
                Source::MAX_BYTES
            ),
        )
        .label("too large")
        .help("split the file"),
        LoadError::Unreadable { reason } => {
            Diagnostic::new(Code::Unreadable, span, format!("`{path}` cannot be read"))
                .label(reason.clone())
                .help("make the file readable")
        }
    }
}

/// An existing file that `path` may have meant, and whether there is no other candidate.
fn near_file<'l>(path: &str, listing: &'l [String], near: &Near) -> Option<(&'l str, bool)> {
    let base = |path: &'l str| path.rsplit('/').next().unwrap_or(path);
    let wanted = path.rsplit('/').next().unwrap_or(path);
    let mut same = listing
        .iter()
        .map(String::as_str)
        .filter(|known| base(known) == wanted);
    match (same.next(), same.next()) {
        (Some(only), None) => Some((only, true)),
        (Some(first), Some(_)) => Some((first, false)),
        (None, _) => near
            .find(path, listing.iter().map(String::as_str))
            .map(|meant| (meant, false)),
    }
}

/// Reports a file that imports itself.
pub(super) fn of_itself(sources: &SourceMap, written: &ast::Import) -> Diagnostic {
    Diagnostic::new(
        Code::ImportOfItself,
        written.path.span,
        "the file imports itself",
    )
    .label("this is the path of this very file")
    .help("remove the import: a file knows its own names")
    .fix(whole_line(sources, written.span), "")
}

/// Reports the second import of one file.
pub(super) fn twice(sources: &SourceMap, written: &ast::Import, first: &ast::Import) -> Diagnostic {
    Diagnostic::new(
        Code::DuplicateImport,
        written.path.span,
        format!("`{}` is imported twice", written.path.value),
    )
    .label("imported again here")
    .also(first.path.span, "first imported here")
    .help("remove the second import")
    .fix(whole_line(sources, written.span), "")
}

/// Reports a cycle at the import that closes it. `steps` are the other imports of the cycle with the file each stands
/// in, `last` the file of the closing one.
pub(super) fn cycle(
    steps: &[(Arc<str>, &ast::Import)],
    last: &str,
    closing: &ast::Import,
) -> Diagnostic {
    let mut path: Vec<&str> = steps.iter().map(|(file, _)| &**file).collect();
    path.push(last);
    path.push(&closing.path.value);
    let mut report = Diagnostic::new(
        Code::ImportCycle,
        closing.path.span,
        format!("imports form a cycle: {}", path.join(" → ")),
    )
    .label("this import closes the cycle");
    for (_, import) in steps {
        report = report.also(
            import.path.span,
            format!("`{}` is imported here", import.path.value),
        );
    }
    report.help("move what the files share into a file of its own, and import that from both")
}

/// The edit that adds an import of `path` to `file`: behind the last import, or else behind the package.
pub(crate) fn add_import(
    sources: &SourceMap,
    file: &ast::File,
    path: &str,
) -> Option<(Span, String)> {
    if let Some(last) = file.imports.last() {
        return Some((last.span.behind(), format!("\nimport \"{path}\";")));
    }
    let package = file.package.as_ref()?.span;
    let rest = &sources.file(package.file).text[package.end as usize..];
    let semicolon = rest.len() - rest.trim_start().len();
    if !rest[semicolon..].starts_with(';') {
        return None;
    }
    let at = package.end + u32::try_from(semicolon).ok()? + 1;
    Some((
        Span::new(package.file, at, at),
        format!("\n\nimport \"{path}\";"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_from_a_root_are_taken() {
        assert_eq!(path_fault("shop/common.rpc"), None);
        assert_eq!(path_fault("a..b/c.rpc"), None);
        assert_eq!(path_fault(""), Some(PathFault::Empty));
        assert_eq!(path_fault("/etc/passwd"), Some(PathFault::Absolute));
        assert_eq!(path_fault("../secret.rpc"), Some(PathFault::Dots));
        assert_eq!(path_fault("a/./b.rpc"), Some(PathFault::Dots));
        assert_eq!(path_fault("a//b.rpc"), Some(PathFault::EmptyPart));
        assert_eq!(path_fault("a\\b.rpc"), Some(PathFault::Backslash));
        assert_eq!(path_fault("C:/b.rpc"), Some(PathFault::Drive));
        assert_eq!(path_fault("a\0.rpc"), Some(PathFault::Control));
        assert_eq!(path_fault("a.proto"), Some(PathFault::Extension));
    }

    #[test]
    fn a_relative_path_is_straightened_beside_its_file() {
        assert_eq!(
            straight("../common.rpc", "shop/orders/a.rpc"),
            "shop/common.rpc"
        );
        assert_eq!(straight("shop\\common", "shop/a.rpc"), "shop/common.rpc");
        assert_eq!(
            straight("/shop/common.rpc", "shop/a.rpc"),
            "shop/common.rpc"
        );
    }
}
