//! SARIF 2.1.0, which code hosts and editors read: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/>.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::json::escape;
use super::place::Places;
use super::{clean, ordered};
use crate::diagnostic::{Code, Diagnostic, Fix, Severity};
use crate::source::{SourceMap, Span};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// One log with one run: a rule for each code that was found, with its page, and a result for each finding, with its
/// places and fix.
///
/// Lines and columns start at 1; columns count Unicode scalar values, and the end is behind the last character. Paths are
/// URIs, relative to `SRCROOT` where they are relative.
pub fn sarif(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let found: BTreeSet<Code> = diagnostics.iter().map(|finding| finding.code).collect();
    let found: Vec<Code> = found.into_iter().collect();
    let mut log = Log {
        sources,
        places: Places::new(sources),
    };
    let results: Vec<Value> = ordered(diagnostics)
        .into_iter()
        .map(|diagnostic| log.result(diagnostic, &found))
        .collect();
    let value = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "callsheet",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": "https://docs.rs/callsheet-build",
                "rules": found.iter().map(|code| rule(*code)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    // A plain tree of strings and numbers always serializes.
    let plain = serde_json::to_string_pretty(&value).unwrap_or_default();
    let mut text = String::with_capacity(plain.len() + 1);
    for line in plain.lines() {
        escape(line, &mut text);
        text.push('\n');
    }
    text
}

/// What is known of a code: its page.
fn rule(code: Code) -> Value {
    let page = code.page();
    let (_, body) = page.split_once('\n').unwrap_or_default();
    let (about, _) = body.split_once("\n## ").unwrap_or((body, ""));
    let level = match code.severity() {
        Severity::Error => "error",
        Severity::Lint => "warning",
    };
    let name = format!("{code:?}");
    json!({
        "id": code.as_str(),
        "name": name,
        "shortDescription": { "text": code.title() },
        "fullDescription": { "text": about.trim().replace('\n', " ") },
        "help": { "text": body.trim(), "markdown": body.trim() },
        // The one address that is stable: every variant has its anchor in the documentation.
        "helpUri": format!("https://docs.rs/callsheet-build/{}/callsheet_build/diagnostic/enum.Code.html#variant.{name}", env!("CARGO_PKG_VERSION")),
        "defaultConfiguration": { "level": level },
    })
}

struct Log<'a> {
    sources: &'a SourceMap,
    places: Places<'a>,
}

impl Log<'_> {
    fn result(&mut self, diagnostic: &Diagnostic, rules: &[Code]) -> Value {
        let level = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Lint => "warning",
        };
        // Hosts show the text alone, so it says all that is not a place.
        let mut text = vec![clean(&diagnostic.message)];
        text.extend(
            diagnostic
                .notes
                .iter()
                .map(|note| format!("note: {}", clean(note))),
        );
        text.extend(
            diagnostic
                .help
                .iter()
                .map(|help| format!("help: {}", clean(help))),
        );
        let mut location = json!({ "physicalLocation": self.physical(diagnostic.primary.span) });
        if !diagnostic.primary.text.is_empty() {
            location["message"] = json!({ "text": clean(&diagnostic.primary.text) });
        }
        let related: Vec<Value> = diagnostic
            .labels
            .iter()
            .enumerate()
            .map(|(id, label)| {
                json!({
                    "id": id + 1,
                    "physicalLocation": self.physical(label.span),
                    "message": { "text": clean(&label.text) },
                })
            })
            .collect();
        let mut result = json!({
            "ruleId": diagnostic.code.as_str(),
            "ruleIndex": rules.binary_search(&diagnostic.code).unwrap_or_default(),
            "level": level,
            "message": { "text": text.join("\n") },
            "locations": [location],
        });
        if !related.is_empty() {
            result["relatedLocations"] = Value::Array(related);
        }
        if let Some(fix) = &diagnostic.fix {
            let help = diagnostic.help.as_deref().unwrap_or(&diagnostic.message);
            result["fixes"] = json!([{
                "description": { "text": clean(help) },
                "artifactChanges": self.changes(fix),
            }]);
        }
        result
    }

    /// The edits, file by file.
    fn changes(&mut self, fix: &Fix) -> Vec<Value> {
        let files: BTreeSet<_> = fix.edits.iter().map(|(span, _)| span.file).collect();
        let mut changes = Vec::new();
        for file in files {
            let edits = fix.edits.iter().filter(|(span, _)| span.file == file);
            let replacements: Vec<Value> = edits
                .map(|(span, text)| {
                    json!({
                        "deletedRegion": self.region(*span),
                        "insertedContent": { "text": text },
                    })
                })
                .collect();
            changes.push(json!({
                "artifactLocation": location(&self.sources.file(file).path),
                "replacements": replacements,
            }));
        }
        changes
    }

    fn physical(&mut self, span: Span) -> Value {
        json!({
            "artifactLocation": location(&self.sources.file(span.file).path),
            "region": self.region(span),
        })
    }

    fn region(&mut self, span: Span) -> Value {
        let place = self.places.place(span);
        json!({
            "startLine": place.line,
            "startColumn": place.column,
            "endLine": place.end_line,
            "endColumn": place.end_column,
        })
    }
}

/// A path as a URI.
fn location(path: &str) -> Value {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    if path.starts_with('/') {
        json!({ "uri": format!("file://{uri}") })
    } else {
        json!({ "uri": uri, "uriBaseId": "SRCROOT" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    /// A finding with everything that one may have.
    fn log() -> Value {
        let mut sources = SourceMap::default();
        let mut add = |path: &str, text: &str| {
            sources.add(Source {
                path: path.into(),
                import_path: path.into(),
                text: text.into(),
            })
        };
        let file = add("shop/größe 1.rpc", "message Ä {\n    größe: uint32\n}\n");
        let other = add("/idl/other.rpc", "x");
        let end = Span::new(file, 13, 32).behind();
        let found = [
            Diagnostic::new(Code::MissingSemicolon, end, "missing `;`")
                .label("the statement ends here")
                .also(Span::new(other, 0, 1), "as here")
                .note("a fact")
                .help("write `;` behind it")
                .fix(end, ";"),
            Diagnostic::new(Code::UnusedImport, Span::new(other, 0, 1), "unused\u{1b}"),
        ];
        let text = sarif(&found, &sources);
        assert!(!text.contains('\u{1b}'));
        serde_json::from_str(&text).unwrap()
    }

    /// What the schema asks of a region, and of a place in a file.
    fn check_region(region: &Value) {
        for key in ["startLine", "startColumn", "endLine", "endColumn"] {
            assert!(region[key].as_u64().unwrap() >= 1, "{region}");
        }
        assert!(region["endLine"].as_u64() >= region["startLine"].as_u64());
    }

    fn check_artifact(location: &Value) {
        let uri = location["uri"].as_str().unwrap();
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~%:".contains(c);
        assert!(!uri.is_empty() && uri.chars().all(plain), "{uri}");
    }

    fn check_location(location: &Value) {
        check_artifact(&location["physicalLocation"]["artifactLocation"]);
        check_region(&location["physicalLocation"]["region"]);
    }

    #[test]
    fn what_the_published_schema_requires_is_there() {
        let log = log();
        assert_eq!(log["version"], "2.1.0");
        assert!(
            log["$schema"]
                .as_str()
                .unwrap()
                .ends_with("sarif-schema-2.1.0.json")
        );
        let [run] = log["runs"].as_array().unwrap().as_slice() else {
            panic!("one run");
        };
        assert_eq!(run["columnKind"], "unicodeCodePoints");
        let driver = &run["tool"]["driver"];
        assert_eq!(driver["name"], "callsheet");
        let rules = driver["rules"].as_array().unwrap();
        for rule in rules {
            for text in ["shortDescription", "fullDescription", "help"] {
                assert!(!rule[text]["text"].as_str().unwrap().is_empty(), "{rule}");
            }
            assert!(rule["help"]["markdown"].is_string());
            assert!(rule["helpUri"].as_str().unwrap().starts_with("https://"));
            let level = rule["defaultConfiguration"]["level"].as_str().unwrap();
            assert!(["error", "warning"].contains(&level));
        }
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), 2);
        for result in results {
            let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[rule]["id"], result["ruleId"]);
            assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
            assert!(result["message"]["text"].is_string());
            let places = result["locations"].as_array().unwrap();
            let related = result.get("relatedLocations").and_then(Value::as_array);
            places
                .iter()
                .chain(related.into_iter().flatten())
                .for_each(check_location);
            for fix in result
                .get("fixes")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                assert!(fix["description"]["text"].is_string());
                for change in fix["artifactChanges"].as_array().unwrap() {
                    check_artifact(&change["artifactLocation"]);
                    for edit in change["replacements"].as_array().unwrap() {
                        check_region(&edit["deletedRegion"]);
                        assert!(edit["insertedContent"]["text"].is_string());
                    }
                }
            }
        }
    }

    #[test]
    fn places_paths_and_fixes_are_those_of_the_finding() {
        let log = log();
        let [first, second] = log["runs"][0]["results"].as_array().unwrap().as_slice() else {
            panic!("two results");
        };
        assert_eq!(
            first["message"]["text"],
            "missing `;`\nnote: a fact\nhelp: write `;` behind it"
        );
        let place = &first["locations"][0]["physicalLocation"];
        assert_eq!(
            place["artifactLocation"]["uri"],
            "shop/gr%C3%B6%C3%9Fe%201.rpc"
        );
        assert_eq!(place["artifactLocation"]["uriBaseId"], "SRCROOT");
        assert_eq!(place["region"]["startLine"], 2);
        assert_eq!(place["region"]["startColumn"], 18);
        let related = &first["relatedLocations"][0];
        assert_eq!(related["message"]["text"], "as here");
        let absolute = &related["physicalLocation"]["artifactLocation"];
        assert_eq!(absolute["uri"], "file:///idl/other.rpc");
        let change = &first["fixes"][0]["artifactChanges"][0];
        assert_eq!(change["replacements"][0]["insertedContent"]["text"], ";");
        assert_eq!(
            (&first["level"], &second["level"]),
            (&json!("error"), &json!("warning"))
        );
    }
}
