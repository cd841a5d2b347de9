//! Services and methods.

use std::fmt::Write as _;

use super::messages::Kind;
use super::tree::Node;
use super::words::Scope;
use super::{Author, CODES, File};

const RELEASES: [&[&str]; 9] = [
    &[],
    &["1.0"],
    &["1.0", "1.1"],
    &["1.0", "1.1", "2.0"],
    &["1.0", "2.0", "2.1", "3.7"],
    &["0.1", "0.2", "1.0"],
    &["9.9"],
    &["1.10", "2.0"],
    &["4294967295.4294967295"],
];

/// When a method is there.
#[derive(Clone, Default)]
struct Window {
    annotations: String,
    /// The first release without it.
    removed: Option<&'static str>,
}

/// What takes part in a call.
struct Request {
    text: String,
    stream: bool,
    one_way: bool,
    /// Fields that a hash may use.
    scalars: Vec<String>,
}

impl Author {
    pub(super) fn service(&mut self, file: &File, scope: &mut Scope) {
        let name = scope.declared(&mut self.chance);
        let node = self.declare(file.node, format!("service {name}"), true);
        let mut releases = self.chance.pick(&RELEASES);
        if releases.is_empty() {
            releases = &["1.0"];
        } else {
            self.tree
                .line(node, format!("versions {}", releases.join(", ")));
        }
        if self.chance.percent(60) {
            let mut groups = Scope::new(self.reckless);
            let count = self.chance.pick(&[1, 2, 3, 3, 20]);
            let mut names: Vec<String> =
                (0..count).map(|_| groups.name(&mut self.chance)).collect();
            if self.chance.percent(25) {
                names.push("..".to_owned());
            }
            self.tree.line(node, format!("groups {}", names.join(", ")));
        }
        let mut methods = Scope::new(self.reckless);
        for _ in 0..self.chance.pick(&[0, 1, 1, 2, 2, 3, 6]) {
            let name = methods.name(&mut self.chance);
            let window = self.window(releases, None);
            self.method(file, node, &name, &window.annotations);
            if let Some(again) = window.removed.filter(|_| self.chance.percent(70)) {
                let next = self.window(releases, Some(again));
                self.method(file, node, &name, &next.annotations);
            }
        }
    }

    /// A window that begins at `from`, or at any release.
    fn window(&mut self, releases: &'static [&'static str], from: Option<&'static str>) -> Window {
        let start = match from {
            Some(from) => releases.iter().position(|one| *one == from).unwrap_or(0),
            None if self.chance.percent(30) => self.chance.below(releases.len()),
            None => 0,
        };
        let mut annotations = String::new();
        if start > 0 || from.is_some() {
            let _ = write!(annotations, "@added({}) ", releases[start]);
        }
        let major = |release: &'static str| release.split_once('.').map(|(major, _)| major);
        let firsts: Vec<usize> = (start + 1..releases.len())
            .filter(|&at| major(releases[at]) != major(releases[at - 1]))
            .collect();
        let removed =
            (!firsts.is_empty() && self.chance.percent(50)).then(|| self.chance.pick(&firsts));
        if self.chance.percent(20) {
            let end = removed.unwrap_or(releases.len());
            let at = self.chance.between(start, end - 1);
            let release = releases[at];
            if self.chance.percent(50) {
                let _ = write!(annotations, "@deprecated({release}) ");
            } else {
                let _ = write!(
                    annotations,
                    "@deprecated({release}, \"{}\") ",
                    self.reason()
                );
            }
        }
        if let Some(at) = removed {
            let _ = write!(annotations, "@removed({}) ", releases[at]);
        }
        Window {
            annotations,
            removed: removed.map(|at| releases[at]),
        }
    }

    fn method(&mut self, file: &File, node: Node, name: &str, window: &str) {
        let request = self.request(file);
        let reply_stream = !request.one_way && self.chance.percent(20);
        let mut text = window.to_owned();
        text.push_str(&self.policy(&request, reply_stream));
        let _ = write!(text, "rpc {name}({})", request.text);
        if !request.one_way {
            if reply_stream || self.chance.percent(80) {
                let reply = self.payload(file);
                let stream = if reply_stream { "stream " } else { "" };
                let _ = write!(text, " -> {stream}{reply}");
            }
            let thrown = self.thrown(file);
            if !thrown.is_empty() {
                let _ = write!(text, " throws {}", thrown.join(", "));
            }
        }
        self.declare(node, text, false);
    }

    fn request(&mut self, file: &File) -> Request {
        let mut request = Request {
            text: String::new(),
            stream: false,
            one_way: false,
            scalars: Vec::new(),
        };
        match self.chance.below(10) {
            0 => {}
            1..=4 => {
                let mut scope = Scope::new(self.reckless);
                let mut arguments = Vec::new();
                for number in 1..=self.chance.pick(&[1, 1, 2, 3, 9]) {
                    let name = scope.name(&mut self.chance);
                    let (text, hashable) = self.field_text(file, &name, number, false);
                    arguments.push(text);
                    if hashable {
                        request.scalars.push(name);
                    }
                }
                request.text = arguments.join(", ");
            }
            5..=6 => {
                request.stream = true;
                request.text = format!("stream {}", self.payload(file));
            }
            _ => {
                let at = self.chance.below(self.known.len().max(1));
                match self.known.get(at).cloned() {
                    Some(known)
                        if matches!(known.kind, Kind::Message) && known.file <= file.position =>
                    {
                        request.text = self.spelt(file, &known.full);
                        request.scalars = known.scalars;
                    }
                    _ => request.text = self.payload(file),
                }
            }
        }
        request.one_way = !request.stream && self.chance.percent(12);
        request
    }

    /// A message that a request or reply may be.
    fn payload(&mut self, file: &File) -> String {
        let messages: Vec<String> = self
            .known
            .iter()
            .filter(|known| matches!(known.kind, Kind::Message) && known.file <= file.position)
            .map(|known| known.full.clone())
            .collect();
        if messages.is_empty() || self.chance.percent(15) {
            return self
                .chance
                .pick(&[
                    "empty",
                    "timestamp",
                    "any",
                    "struct",
                    "value",
                    "duration",
                    "google.protobuf.StringValue",
                    "google.protobuf.BytesValue",
                    "google.protobuf.FieldMask",
                    "google.protobuf.Int32Value",
                ])
                .to_owned();
        }
        let full = self.chance.pick(&messages);
        self.spelt(file, &full)
    }

    fn thrown(&mut self, file: &File) -> Vec<String> {
        if !self.chance.percent(45) {
            return Vec::new();
        }
        let errors: Vec<String> = self
            .known
            .iter()
            .filter(|known| matches!(known.kind, Kind::Error) && known.file <= file.position)
            .map(|known| known.full.clone())
            .collect();
        let mut simple = Scope::new(0);
        let mut thrown = Vec::new();
        for full in errors {
            let name = full.rsplit('.').next().unwrap_or_default();
            if self.chance.percent(60) && simple.is_free(name) {
                simple.take(name);
                thrown.push(format!(".{full}"));
            }
        }
        thrown
    }

    fn policy(&mut self, request: &Request, reply_stream: bool) -> String {
        let mut out = String::new();
        let mut add = |text: String| {
            out.push('@');
            out.push_str(&text);
            out.push(' ');
        };
        let unary = !request.stream && !reply_stream;
        if request.one_way {
            add("oneway".to_owned());
        }
        if self.chance.percent(20) {
            add(format!(
                "timeout({})",
                self.chance.pick(&["1us", "800ms", "1.5s", "30d"])
            ));
        }
        if self.chance.percent(10) {
            add(format!(
                "max_size({})",
                self.chance.pick(&["1B", "4MiB", "1.5GiB"])
            ));
        }
        if self.chance.percent(10) {
            add(format!("limit({})", self.chance.pick(&["1", "4294967295"])));
        }
        if self.chance.percent(10) {
            add(format!(
                "compress({})",
                self.chance.pick(&["zstd", "gzip", "identity"])
            ));
        }
        if self.chance.percent(10) {
            add(format!(
                "priority({})",
                self.chance.pick(&["low", "normal", "high"])
            ));
        }
        if !request.stream && !request.scalars.is_empty() && self.chance.percent(30) {
            add(format!(
                "balance(consistent_hash(.{}))",
                self.chance.pick(&request.scalars)
            ));
        } else if self.chance.percent(15) {
            let policy = self
                .chance
                .pick(&["p2c", "random", "round_robin", "least_active"]);
            add(format!("balance({policy})"));
        }
        let idempotent = self.chance.percent(40);
        if idempotent {
            add("idempotent".to_owned());
        }
        if request.one_way {
            return out;
        }
        if idempotent && !request.stream && self.chance.percent(40) {
            let code = self.chance.pick(&CODES);
            add(match self.chance.below(4) {
                0 => "retry".to_owned(),
                1 => "retry(10)".to_owned(),
                2 => format!("retry(on: [{code}])"),
                _ => format!("retry(3, on: [{code}, unavailable], backoff: 1us..=1s)"),
            });
        }
        if idempotent && unary && self.chance.percent(30) {
            add(format!("hedge({})", self.chance.pick(&["1us", "30ms"])));
        }
        if self.chance.percent(25) {
            let cluster = match self.chance.below(7) {
                0 if idempotent && unary => "forking(3)",
                1 if unary => "broadcast",
                2 => "failfast",
                3 => "failsafe",
                4 => "failback",
                5 => "available",
                _ => "failover",
            };
            add(format!("cluster({cluster})"));
        }
        out
    }
}
