//! A test waits for an event, or in paused time; it never sleeps and hopes.
//!
//! `tokio::time::sleep` in paused time is not waiting but telling the clock, and is fine. `thread::sleep` is refused
//! everywhere by clippy.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::source::{SourceFile, rust_files};
use crate::{Breach, uphold};

#[test]
fn no_test_sleeps_in_real_time() {
    let mut breaches = Vec::new();
    for file in rust_files() {
        breaches.extend(breaches_of(&file));
    }
    uphold(
        "Wait for an event (a channel, a `Notify`, a line of output), or mark the test\n\
         `#[tokio::test(start_paused = true)]` and let the clock run. A handler that must not answer awaits\n\
         `std::future::pending()`.",
        breaches,
    );
}

fn breaches_of(file: &SourceFile) -> Vec<Breach> {
    let mut scene = Scene::default();
    // An example is a program that runs in real time.
    let testing = file.path.starts_with("tests/") && !file.path.starts_with("tests/examples/");
    scene.walk(file.tokens(), testing);
    // Beside the tests stand their helpers, whose clock is that of the tests that call them.
    let helpers_may = scene.paused_tests > 0 && scene.real_tests == 0;
    let helpers = if helpers_may {
        Vec::new()
    } else {
        scene.in_helpers
    };
    let mut lines = scene.in_real_tests;
    lines.extend(helpers);
    lines
        .into_iter()
        .map(|line| Breach::new(&file.path, line, "a sleep in real time"))
        .collect()
}

/// What a file's test code does about time.
#[derive(Default)]
struct Scene {
    paused_tests: usize,
    real_tests: usize,
    in_real_tests: Vec<usize>,
    in_helpers: Vec<usize>,
}

impl Scene {
    /// `testing`: whether this is code of tests.
    fn walk(&mut self, stream: TokenStream, testing: bool) {
        let mut attributes = String::new();
        let mut word = String::new();
        for tree in stream {
            match tree {
                TokenTree::Group(group) => match group.delimiter() {
                    Delimiter::Bracket if word == "#" => {
                        attributes.push_str(&group.stream().to_string());
                        attributes.push('\n');
                    }
                    Delimiter::Brace => {
                        self.body(&attributes, group.stream(), testing);
                        attributes.clear();
                    }
                    Delimiter::Parenthesis if testing && word == "sleep" => {
                        self.in_helpers.push(group.span_open().start().line);
                    }
                    _ => self.walk(group.stream(), testing),
                },
                tree => {
                    word = tree.to_string();
                    if word == ";" {
                        attributes.clear();
                    }
                }
            }
        }
    }

    /// The braces behind `attributes`: of a test, of a module of tests, or of anything else.
    fn body(&mut self, attributes: &str, body: TokenStream, testing: bool) {
        let is_test = attributes
            .lines()
            .any(|line| line == "test" || line.replace(' ', "").starts_with("tokio::test"));
        if !is_test {
            let gate = attributes.replace(' ', "").contains("cfg(test)");
            return self.walk(body, testing || gate);
        }
        let mut inner = Self::default();
        inner.walk(body, true);
        if attributes.contains("start_paused = true") {
            self.paused_tests += 1;
        } else {
            self.real_tests += usize::from(attributes.contains("tokio"));
            self.in_real_tests.append(&mut inner.in_helpers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, lines: &[usize]) {
        let file = SourceFile {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let found: Vec<usize> = breaches_of(&file).iter().map(|b| b.line).collect();
        assert_eq!(found, lines, "{text}");
    }

    #[test]
    fn sleep_in_a_test_is_found() {
        let real = "#[tokio::test]\nasync fn t() {\n    tokio::time::sleep(d).await;\n}";
        check("tests/a.rs", real, &[3]);
        check(
            "runtime/src/a.rs",
            &format!("#[cfg(test)] mod tests {{ {real} }}"),
            &[3],
        );
        check("tests/a.rs", "#[test]\nfn t() { loop { sleep(d) } }", &[2]);
    }

    #[test]
    fn sleep_in_paused_time_is_fine() {
        let paused = "#[tokio::test(start_paused = true)]\nasync fn t() { sleep(d).await }\n";
        check("tests/a.rs", paused, &[]);
        check(
            "tests/a.rs",
            &format!("{paused}async fn helper() {{ sleep(d).await }}"),
            &[],
        );
    }

    #[test]
    fn sleep_in_a_helper_of_real_tests_is_found() {
        let text = "#[tokio::test] async fn t() {}\nasync fn helper() { sleep(d).await }";
        check("tests/a.rs", text, &[2]);
    }

    #[test]
    fn sleep_outside_of_tests_is_no_matter() {
        check(
            "runtime/src/a.rs",
            "async fn f() { tokio::time::sleep(d).await }",
            &[],
        );
        check(
            "tests/examples/a.rs",
            "async fn f() { tokio::time::sleep(d).await }",
            &[],
        );
    }
}
