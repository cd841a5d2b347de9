//! Long lines as rustfmt would break them, as far as generated code has such lines: attributes, signatures, types of
//! fields, calls and arms of a match.
//!
//! Knows brackets, strings and commas, and no more of Rust. It only puts line ends between tokens, and commas behind the
//! last of several things in brackets.

/// How many columns a line has, as with rustfmt.
const WIDTH: usize = 100;

/// How far what is in brackets is indented.
const STEP: usize = 4;

/// Adds a line of code to `out`, broken if it is too long.
pub(super) fn push(line: &str, out: &mut String) {
    let code = line.trim_start();
    let indent = line.len() - code.len();
    // rustfmt leaves heads of implementations alone.
    if line.len() <= WIDTH || code.starts_with("//") || code.starts_with("impl ") {
        out.push_str(line);
        out.push('\n');
        return;
    }
    let mut fold = Fold { out };
    if let Some(attribute) = code.strip_prefix("#[") {
        fold.attribute(indent, attribute);
    } else if is_signature(code) {
        fold.signature(indent, code);
    } else if let Some((pattern, value)) = arm(code) {
        fold.arm(indent, pattern, value);
    } else if let Some((name, r#type)) = field(code) {
        fold.field(indent, name, r#type);
    } else {
        fold.piece(indent, code);
    }
}

struct Fold<'a> {
    out: &'a mut String,
}

/// The parts of a text around its first brackets that hold something.
struct Group<'a> {
    /// Up to the bracket and with it.
    head: &'a str,
    inside: &'a str,
    /// From the closing bracket on.
    tail: &'a str,
}

impl Fold<'_> {
    fn line(&mut self, indent: usize, text: &str) {
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// `#[derive(Clone, Copy)]`: one word a line.
    fn attribute(&mut self, indent: usize, attribute: &str) {
        match group(attribute, b"(") {
            Some(Group { head, inside, tail }) if tail == ")]" => {
                let words: Vec<&str> = parts(inside, b',').collect();
                self.line(indent, &format!("#[{head}"));
                for (position, word) in words.iter().enumerate() {
                    // What says why stands last, and nothing may stand behind it.
                    let comma = head == "derive(" || position + 1 < words.len();
                    let comma = if comma { "," } else { "" };
                    self.line(indent + STEP, &format!("{word}{comma}"));
                }
                self.line(indent, tail);
            }
            _ => self.line(indent, &format!("#[{attribute}")),
        }
    }

    /// `fn get(&self, id: u64) -> u64 {`: one parameter a line.
    fn signature(&mut self, indent: usize, code: &str) {
        let start = code.find("fn ").unwrap_or_default();
        let from = start + code[start..].find('(').unwrap_or_default();
        let Some(close) = closing(code, from).filter(|close| *close > from + 1) else {
            return self.line(indent, code);
        };
        self.line(indent, &code[..=from]);
        for parameter in parts(&code[from + 1..close], b',') {
            self.piece(indent + STEP, &format!("{parameter},"));
        }
        self.piece(indent, &code[close..]);
    }

    /// `Self::A(error) => call(error),`: what it gives as a block, if that helps.
    fn arm(&mut self, indent: usize, pattern: &str, value: &str) {
        let expression = value.trim_end_matches(',');
        if indent + STEP + expression.len() <= WIDTH {
            self.line(indent, &format!("{pattern} => {{"));
            self.line(indent + STEP, expression);
            self.line(indent, "}");
        } else {
            self.piece(indent, &format!("{pattern} => {value}"));
        }
    }

    /// `pub name: Type,`: on a line of its own, if there is room for it; else broken where its brackets are.
    fn field(&mut self, indent: usize, name: &str, r#type: &str) {
        if indent + STEP + r#type.len() <= WIDTH {
            self.line(indent, &format!("{name}:"));
            self.line(indent + STEP, r#type);
        } else {
            self.piece(indent, &format!("{name}: {type}"));
        }
    }

    /// Anything: broken at its first brackets, and what is in these the same way.
    fn piece(&mut self, indent: usize, code: &str) {
        // The body of a function opens on a line of its own rather than that a type is broken for it. rustfmt counts the
        // blanks before such a line twice.
        if let Some(head) = code.strip_suffix(" {")
            && head.starts_with(')')
            && 2 * indent + code.len() > WIDTH
            && indent + head.len() <= WIDTH
        {
            self.line(indent, head);
            return self.line(indent, "{");
        }
        if indent + code.len() <= WIDTH {
            return self.line(indent, code);
        }
        let sum = sum(code);
        if let Some((first, rest)) = sum.split_first().filter(|(_, rest)| !rest.is_empty()) {
            self.piece(indent, first);
            for one in rest {
                self.line(indent + STEP, one);
            }
            return;
        }
        let calls = calls(code);
        if calls.len() > 2 {
            self.piece(indent, calls[0]);
            for call in &calls[1..] {
                self.piece(indent + STEP, call);
            }
            return;
        }
        let Some(Group { head, inside, tail }) = group(code, b"<(") else {
            return self.line(indent, code);
        };
        self.line(indent, head);
        for part in parts(inside, b',') {
            self.piece(indent + STEP, &format!("{part},"));
        }
        // What is called on the result stands below it.
        match tail
            .split_once(").")
            .filter(|(before, _)| before.is_empty())
        {
            Some((_, method)) => {
                self.line(indent, ")");
                self.line(indent, &format!(".{method}"));
            }
            None => self.line(indent, tail),
        }
    }
}

fn is_signature(code: &str) -> bool {
    ["fn ", "pub fn ", "async fn ", "pub async fn "]
        .iter()
        .any(|head| code.starts_with(head))
}

/// `pattern => value,`
fn arm(code: &str) -> Option<(&str, &str)> {
    let (pattern, value) = code.split_once(" => ")?;
    value.ends_with(',').then_some((pattern, value))
}

/// `pub name: Type,`
fn field(code: &str) -> Option<(&str, &str)> {
    let (name, r#type) = code.split_once(": ")?;
    (name.starts_with("pub ") && r#type.ends_with(',')).then_some((name, r#type))
}

/// `dyn A + Send + Sync`: the first, and the others behind their signs.
fn sum(code: &str) -> Vec<String> {
    if !code.starts_with("dyn ") {
        return Vec::new();
    }
    let terms: Vec<&str> = parts(code, b'+').collect();
    let terms = terms.iter().enumerate();
    let terms = terms.map(|(position, term)| match position {
        0 => (*term).to_owned(),
        _ => format!("+ {term}"),
    });
    terms.collect()
}

/// `a.b(c).d(e)` in three: what is called upon, and the calls.
fn calls(code: &str) -> Vec<&str> {
    let bytes = code.as_bytes();
    let mut cuts = vec![0];
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_string(bytes, at),
            b'(' | b'[' | b'{' | b'<' => match closing(code, at) {
                Some(close) => at = close,
                None => return vec![code],
            },
            b'.' if at > 0 && bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic) => {
                cuts.push(at);
            }
            _ => {}
        }
        at += 1;
    }
    cuts.push(code.len());
    cuts.windows(2).map(|cut| &code[cut[0]..cut[1]]).collect()
}

/// The first brackets of these kinds that hold something, but for those that the text starts with.
fn group<'a>(code: &'a str, kinds: &[u8]) -> Option<Group<'a>> {
    let bytes = code.as_bytes();
    let mut at = 0;
    if matches!(bytes.first(), Some(b'<')) {
        at = closing(code, 0)? + 1;
    }
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_string(bytes, at),
            b'<' | b'(' | b'[' | b'{' => {
                let close = closing(code, at)?;
                if kinds.contains(&bytes[at]) && close > at + 1 {
                    return Some(Group {
                        head: &code[..=at],
                        inside: &code[at + 1..close],
                        tail: &code[close..],
                    });
                }
                at = close;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// What stands between separators that are in no brackets, without blanks around.
fn parts(code: &str, separator: u8) -> impl Iterator<Item = &str> {
    let bytes = code.as_bytes();
    let mut cuts = vec![0];
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_string(bytes, at),
            b'(' | b'[' | b'{' | b'<' => depth += 1,
            b'>' if is_arrow(bytes, at) => {}
            b')' | b']' | b'}' | b'>' => depth = depth.saturating_sub(1),
            byte if byte == separator && depth == 0 => cuts.push(at + 1),
            _ => {}
        }
        at += 1;
    }
    cuts.push(code.len() + 1);
    let ranges: Vec<(usize, usize)> = cuts.windows(2).map(|cut| (cut[0], cut[1] - 1)).collect();
    let parts = ranges.into_iter().map(|(from, to)| code[from..to].trim());
    parts.filter(|part| !part.is_empty())
}

/// Where the bracket at `open` is closed.
fn closing(code: &str, open: usize) -> Option<usize> {
    let bytes = code.as_bytes();
    let mut depth = 0_usize;
    let mut at = open;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_string(bytes, at),
            b'(' | b'[' | b'{' | b'<' => depth += 1,
            b'>' if is_arrow(bytes, at) => {}
            b')' | b']' | b'}' | b'>' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn is_arrow(bytes: &[u8], at: usize) -> bool {
    at > 0 && matches!(bytes[at - 1], b'-' | b'=')
}

/// Where the string that starts at `from` ends.
fn end_of_string(bytes: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expect: &[&str]) {
        let mut out = String::new();
        push(line, &mut out);
        assert_eq!(out.lines().collect::<Vec<_>>(), expect);
    }

    #[test]
    fn what_fits_stays() {
        let fits = format!("    pub name: {},", "T".repeat(85));
        assert_eq!(fits.len(), 100);
        check(&fits, &[&fits]);
        let comment = format!("    /// {}(a, b)", "words ".repeat(30));
        check(&comment, &[&comment]);
    }

    #[test]
    fn attributes_are_a_word_a_line_and_strings_are_whole() {
        check(
            "#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::callsheet::codegen::prost::Enumeration)]",
            &[
                "#[derive(",
                "    Clone,",
                "    Copy,",
                "    Debug,",
                "    PartialEq,",
                "    Eq,",
                "    Hash,",
                "    PartialOrd,",
                "    Ord,",
                "    ::callsheet::codegen::prost::Enumeration,",
                ")]",
            ],
        );
        check(
            "    #[allow(dead_code, reason = \"the contract, (\\\" which is what it is, chooses it, and not every user needs it\")]",
            &[
                "    #[allow(",
                "        dead_code,",
                "        reason = \"the contract, (\\\" which is what it is, chooses it, and not every user needs it\"",
                "    )]",
            ],
        );
    }

    #[test]
    fn signatures_break_at_parameters_and_then_at_the_result() {
        check(
            "        async fn place(&self, request: super::PlaceOrder) -> ::core::result::Result<super::Order, ::callsheet::codegen::Error<OrdersPlaceError>> {",
            &[
                "        async fn place(",
                "            &self,",
                "            request: super::PlaceOrder,",
                "        ) -> ::core::result::Result<super::Order, ::callsheet::codegen::Error<OrdersPlaceError>>",
                "        {",
            ],
        );
        check(
            "        fn get(&self) -> impl ::core::future::Future<Output = ::core::result::Result<super::Order, ::callsheet::codegen::Error<OrdersGetError>>> + ::core::marker::Send;",
            &[
                "        fn get(",
                "            &self,",
                "        ) -> impl ::core::future::Future<",
                "            Output = ::core::result::Result<",
                "                super::Order,",
                "                ::callsheet::codegen::Error<OrdersGetError>,",
                "            >,",
                "        > + ::core::marker::Send;",
            ],
        );
    }

    #[test]
    fn types_of_fields_break_at_their_brackets() {
        check(
            "    pub labels: ::std::collections::HashMap<::callsheet::codegen::prost::alloc::string::String, ::callsheet::codegen::prost::alloc::string::String>,",
            &[
                "    pub labels: ::std::collections::HashMap<",
                "        ::callsheet::codegen::prost::alloc::string::String,",
                "        ::callsheet::codegen::prost::alloc::string::String,",
                "    >,",
            ],
        );
        check(
            "    Card(::callsheet::codegen::prost::alloc::boxed::Box<super::super::super::foo::Barxxxxxxxxxxxxxxxx::Foooooooooooo>),",
            &[
                "    Card(",
                "        ::callsheet::codegen::prost::alloc::boxed::Box<",
                "            super::super::super::foo::Barxxxxxxxxxxxxxxxx::Foooooooooooo,",
                "        >,",
                "    ),",
            ],
        );
    }

    #[test]
    fn several_calls_stand_below_each_other() {
        check(
            "                    policy: ::callsheet::codegen::Policy::UNSET.idempotent().timeout(::core::time::Duration::from_micros(300000)),",
            &[
                "                    policy: ::callsheet::codegen::Policy::UNSET",
                "                        .idempotent()",
                "                        .timeout(::core::time::Duration::from_micros(300000)),",
            ],
        );
    }

    #[test]
    fn calls_break_at_their_arguments_and_arms_become_blocks() {
        check(
            "                <__RpcService as Orders>::place(&service, request.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa).await",
            &[
                "                <__RpcService as Orders>::place(",
                "                    &service,",
                "                    request.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,",
                "                )",
                "                .await",
            ],
        );
        check(
            "                Self::OutOfStock(error) => ::callsheet::codegen::prost::Message::encode_to_vec(error),",
            &[
                "                Self::OutOfStock(error) => {",
                "                    ::callsheet::codegen::prost::Message::encode_to_vec(error)",
                "                }",
            ],
        );
    }
}
