//! Text to tree: the whole of parsing on one screen.

use std::sync::Arc;

use pest::Parser as _;
use pest::iterators::Pair;
use rustc_hash::FxHashMap;

use super::ast::{self, Docs, Item, Lost, Spanned};
use super::brackets;
use super::comment::{Comment, Waiting, span};
use super::grammar::{Grammar, Rule};
use super::lean::Lean;
use super::recover::Context;
use super::scan;
use super::statement::{Node, Open};
use crate::diagnostic::{Code, Diagnostic, Reports, near};
use crate::source::{FileId, Span};

/// The newest edition of the language, and the only one so far.
pub const NEWEST_EDITION: u64 = 2026;

/// The words of the language. All of them may be names where the grammar is not ambiguous.
pub const KEYWORDS: [&str; 16] = [
    "const", "edition", "enum", "error", "groups", "import", "map", "message", "oneof", "package",
    "reserved", "rpc", "service", "stream", "throws", "versions",
];

/// A tree with the comments of its text.
#[derive(Debug)]
pub struct Parsed {
    /// The tree.
    pub file: ast::File,
    /// Every comment, in order.
    pub comments: Vec<Comment>,
    /// What was found, by place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Parses a file. It never fails: what cannot be parsed is reported and missing in the tree.
///
/// `text` is at most [`Source::MAX_BYTES`](crate::source::Source::MAX_BYTES) long. Time is linear in it.
pub fn parse(id: FileId, text: &str) -> (ast::File, Vec<Diagnostic>) {
    let parsed = parse_with_comments(id, text);
    (parsed.file, parsed.diagnostics)
}

/// Parses a file and keeps its comments, which the tree holds only as documentation.
pub fn parse_with_comments(id: FileId, text: &str) -> Parsed {
    let mut reports = Reports::default();
    let mut scan = scan::scan(id, text, &mut reports);
    let mut unclosed = Vec::new();
    if scan.stopped.is_none() {
        unclosed = brackets::balance(id, &mut scan, &mut reports);
    }
    // Only whole characters are replaced, and by ASCII.
    let masked = String::from_utf8(std::mem::take(&mut scan.masked))
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    let lean = Lean::new(&masked, &scan.comments);
    let mut parser = Parser {
        file: id,
        text,
        masked: &masked,
        lean: &lean,
        comments: &scan.comments,
        docs: scan.docs,
        reports,
        lost: Lost::default(),
        stopped: scan.stopped,
        head_lost: false,
        unclosed,
        foreign: false,
        words: FxHashMap::default(),
        repairs: 0,
        done: 0,
        unfinished: None,
        astray: None,
    };
    let file = parser.file(scan.truncated);
    let stopped = parser.stopped;
    Parsed {
        file,
        diagnostics: parser.reports.finish(stopped),
        comments: scan.comments,
    }
}

/// One file on its way to a tree.
pub(super) struct Parser<'a> {
    pub(super) file: FileId,
    /// What was written.
    pub(super) text: &'a str,
    /// The same without what has been reported: as long as `text`.
    pub(super) masked: &'a str,
    /// What the grammar reads.
    pub(super) lean: &'a Lean,
    pub(super) comments: &'a [Comment],
    pub(super) docs: Waiting,
    pub(super) reports: Reports,
    pub(super) lost: Lost,
    /// Where reading ended because of the limit of errors.
    pub(super) stopped: Option<Span>,
    /// Whether a statement of the file was lost that may have been its edition or package.
    pub(super) head_lost: bool,
    /// Every `{` that was reported as never closed.
    pub(super) unclosed: Vec<u32>,
    /// Whether the statement being built starts with a keyword of another language, and is reported already.
    pub(super) foreign: bool,
    /// The words of the file: most stand in it more than once.
    pub(super) words: FxHashMap<&'a str, Arc<str>>,
    /// How many repairs this text has, one inside the other.
    pub(super) repairs: usize,
    /// How far repairs have come that reach beyond their statement.
    pub(super) done: u32,
    /// Where the last statement ended that was reported to lack its `;`.
    pub(super) unfinished: Option<u32>,
    /// A token that was reported where it stands, and the place behind it where it may have been meant to.
    pub(super) astray: Option<(Span, u32)>,
}

impl<'a> Parser<'a> {
    fn file(&mut self, truncated: bool) -> ast::File {
        let mut nodes = Vec::new();
        if self.stopped.is_none() {
            self.region(Context::File, 0, self.masked.len(), &mut nodes);
        }
        let mut file = ast::File {
            id: self.file,
            docs: self.docs.file(),
            edition: None,
            package: None,
            imports: Vec::new(),
            items: Vec::with_capacity(nodes.len()),
            comments: Arc::default(),
            lost: Lost::default(),
        };
        let mut order = Order::default();
        for node in nodes {
            self.place(node, &mut file, &mut order);
        }
        self.lost.rest = truncated || self.stopped.is_some();
        if self.stopped.is_none() {
            self.docs.report_rest(&mut self.reports);
            self.missing_head(&file, order.edition);
        }
        file.imports.shrink_to_fit();
        file.comments = self.docs.given();
        file.lost = std::mem::take(&mut self.lost);
        file
    }

    /// Parses every statement in `from..to` of the masked text.
    pub(super) fn region(
        &mut self,
        context: Context,
        from: usize,
        to: usize,
        nodes: &mut Vec<Node>,
    ) {
        let mut open: Option<Open> = None;
        let mut at = from;
        while at < to {
            if self.reports.full() {
                let at = self.whole(at);
                self.stopped.get_or_insert(span(self.file, at, at));
                return;
            }
            let statement = Grammar::parse(context.entry(), self.lean.between(at..to))
                .ok()
                .and_then(|mut pairs| pairs.next());
            let Some(statement) = statement else {
                // Balanced text always parses as something; if it does not, once is enough to say so.
                let token = self.token(at);
                let shown = self.describe(token);
                self.reports.push(Diagnostic::new(
                    Code::UnexpectedToken,
                    token,
                    format!("unexpected {shown}"),
                ));
                self.lose(context, span(self.file, at, to));
                break;
            };
            if statement.as_rule() == Rule::EOI {
                break;
            }
            at = self.span(&statement).end as usize;
            self.step(context, statement, &mut open, nodes);
        }
        self.end_of_block(open);
    }

    /// Puts a statement of the file where it belongs, and says so if it stands elsewhere.
    fn place(&mut self, node: Node, file: &mut ast::File, order: &mut Order) {
        match node {
            Node::Edition(edition) => {
                self.in_order(order, Rank::Edition, edition.span, "edition");
                match &file.edition {
                    Some(first) => self.repeated("edition", first.span, edition.span),
                    None => file.edition = self.known_edition(edition),
                }
                // A bad one is no missing one.
                order.edition = true;
            }
            Node::Package(path, span) => {
                self.in_order(order, Rank::Package, span, "package");
                match &file.package {
                    Some(first) => self.repeated("package", first.span, span),
                    None => file.package = Some(path),
                }
            }
            Node::Import(import) => {
                self.in_order(order, Rank::Import, import.span, "import");
                file.imports.push(import);
            }
            Node::Item(item) => {
                order.reach(Rank::Item, item_span(&item));
                file.items.push(item);
            }
            _ => {}
        }
    }

    fn in_order(&mut self, order: &mut Order, rank: Rank, span: Span, what: &str) {
        if let Some((_, before)) = order.highest.filter(|(highest, _)| *highest > rank) {
            let report =
                Diagnostic::new(Code::WrongOrder, span, format!("`{what}` stands too late"))
                    .also(before, "it belongs before this")
                    .help("the order is `edition`, `package`, imports, declarations");
            let above = order.first_above(rank);
            let before = above.filter(|(above, _)| *above != Rank::Item);
            let before = before.map(|(_, at)| at);
            let behind = order.last_import.filter(|_| rank == Rank::Import);
            self.reports
                .push(self.moved_line(report, span, before, behind));
        }
        order.reach(rank, span);
    }

    fn repeated(&mut self, what: &str, first: Span, second: Span) {
        let report = Diagnostic::new(
            Code::RepeatedHead,
            second,
            format!("second `{what}` in one file"),
        )
        .also(first, "the first is here")
        .help("keep one of them");
        let line = self.own_line(second);
        self.reports.push(match line {
            Some(line) if self.same_line(first, second) => {
                report.help("remove it: it says the same").fix(line, "")
            }
            _ => report,
        });
    }

    fn known_edition(&mut self, edition: Spanned<i128>) -> Option<Spanned<u64>> {
        if edition.value == i128::from(NEWEST_EDITION) {
            return Some(Spanned {
                value: NEWEST_EDITION,
                span: edition.span,
            });
        }
        self.reports.push(
            Diagnostic::new(
                Code::UnknownEdition,
                edition.span,
                format!("unknown edition {}", edition.value),
            )
            .help(format!("this compiler knows edition {NEWEST_EDITION}")),
        );
        None
    }

    /// A file without edition or package. Says nothing if either was lost in a reported mistake, or (`edition`) stands
    /// there and is unknown.
    fn missing_head(&mut self, file: &ast::File, edition: bool) {
        let head = span(self.file, 0, 0);
        if self.head_lost || self.lost.rest {
            return;
        }
        if file.package.is_none() {
            let place = match &file.edition {
                Some(edition) => self.behind_statement(edition.span),
                None => head,
            };
            self.reports.push(
                Diagnostic::new(Code::MissingPackage, place, "the file names no package")
                    .help("write `package name;`, named after the path of the file: `package shop.orders;` in `shop/orders.rpc`"),
            );
        } else if file.edition.is_none() && !edition {
            let at = file.package.as_ref().map_or(head, |package| {
                let line = self.masked[..package.span.start as usize]
                    .rfind("package")
                    .unwrap_or(0);
                span(self.file, line, line)
            });
            self.reports.push(
                Diagnostic::new(Code::MissingEdition, at, "the file names no edition")
                    .help(format!(
                        "write `edition {NEWEST_EDITION};` before the package"
                    ))
                    .fix(at, format!("edition {NEWEST_EDITION};\n")),
            );
        }
    }

    /// A word as the tree holds it.
    pub(super) fn word(&mut self, word: &'a str) -> Arc<str> {
        self.words
            .entry(word)
            .or_insert_with(|| word.into())
            .clone()
    }

    /// The place behind the `;` of the statement that ends with `span`.
    fn behind_statement(&self, span: Span) -> Span {
        let next = self.token(span.end as usize);
        if self.masked(next) == ";" {
            next.behind()
        } else {
            span.behind()
        }
    }

    /// The place of a pair in the source. What the grammar takes a part of a character for belongs to what is before it.
    pub(super) fn span(&self, pair: &Pair<'a, Rule>) -> Span {
        let place = self.lean.source(pair.as_str());
        self.place_of(place.start, place.end)
    }

    /// A range of the masked text as a place of whole characters.
    pub(super) fn place_of(&self, start: usize, end: usize) -> Span {
        span(self.file, self.whole(start), self.whole(end))
    }

    /// The end of the last token in `start..end`.
    pub(super) fn trim(&self, start: usize, mut end: usize) -> usize {
        let bytes = self.masked.as_bytes();
        loop {
            while end > start
                && matches!(bytes[end - 1], b' ' | b'\t' | b'\r' | b'\n' | scan::BLANK)
            {
                end -= 1;
            }
            let index = self
                .comments
                .partition_point(|comment| (comment.span.end as usize) < end);
            match self.comments.get(index).map(|comment| comment.span) {
                Some(comment) if comment.end as usize == end && comment.start as usize >= start => {
                    end = comment.start as usize;
                }
                _ => return self.whole(end),
            }
        }
    }

    /// `at`, or the end of the character of the text that it stands in: a mark in ASCII may stand for a longer one.
    pub(super) fn whole(&self, mut at: usize) -> usize {
        while !self.text.is_char_boundary(at) {
            at += 1;
        }
        at
    }

    /// `at`, or the start of the character of the text that it stands in.
    pub(super) fn character(&self, mut at: usize) -> usize {
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    pub(super) fn masked(&self, span: Span) -> &'a str {
        self.masked
            .get(span.start as usize..span.end as usize)
            .unwrap_or("")
    }

    pub(super) fn original(&self, span: Span) -> &'a str {
        self.text
            .get(span.start as usize..span.end as usize)
            .unwrap_or("")
    }

    pub(super) fn take_docs(&mut self, from: u32, to: u32) -> Docs {
        self.docs.take(from, to)
    }
}

fn item_span(item: &Item) -> Span {
    match item {
        Item::Const(item) => item.span,
        Item::Message(item) => item.span,
        Item::Enum(item) => item.span,
        Item::Error(item) => item.span,
        Item::Service(item) => item.span,
    }
}

/// The parts of a file, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Edition,
    Package,
    Import,
    Item,
}

/// How far down a file its statements have come.
#[derive(Default)]
struct Order {
    highest: Option<(Rank, Span)>,
    /// The first statement of each rank that was higher than all before it.
    steps: Vec<(Rank, Span)>,
    /// The last import, or else the package, that stands where it belongs.
    last_import: Option<Span>,
    edition: bool,
}

impl Order {
    /// The first statement that stands before something of `rank` and belongs behind it.
    fn first_above(&self, rank: Rank) -> Option<(Rank, Span)> {
        self.steps.iter().copied().find(|(step, _)| *step > rank)
    }

    fn reach(&mut self, rank: Rank, span: Span) {
        if self.highest.is_none_or(|(highest, _)| rank > highest) {
            self.highest = Some((rank, span));
            self.steps.push((rank, span));
        }
        let highest = self.highest.is_some_and(|(highest, _)| rank == highest);
        if highest && matches!(rank, Rank::Package | Rank::Import) {
            self.last_import = Some(span);
        }
    }
}

/// Nearest keywords of `words`.
pub(super) fn nearest_keyword(word: &str, words: &[&'static str]) -> Option<&'static str> {
    near(word, words.iter().copied())
        .into_iter()
        .next()
        .and_then(|found| words.iter().find(|word| **word == found).copied())
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::source::{Source, SourceMap};
    use crate::syntax::ast::{File, Item, Member};

    const HEAD: &str = "edition 2026;\npackage shop;\n";

    fn tree(body: &str) -> (File, SourceMap) {
        let text = format!("{HEAD}{body}");
        let mut sources = SourceMap::default();
        let file = sources.add(Source {
            path: "shop.rpc".into(),
            import_path: "shop.rpc".into(),
            text: text.as_str().into(),
        });
        (parse(file, &text).0, sources)
    }

    #[test]
    fn documentation_belongs_to_what_follows() {
        let (file, sources) = tree(
            "/// One.\n@bare_names\n/// Two.\nenum A { /// Trails.\n /** Three. */ B = 0; }\n",
        );
        let Item::Enum(found) = &file.items[0] else {
            panic!("{file:?}")
        };
        let text = &sources.file(file.id).text;
        assert_eq!(file.lines(found.docs, text), ["One.", "Two."]);
        assert_eq!(file.lines(found.values[0].docs, text), ["Three."]);
    }

    #[test]
    fn spans_hold_whole_characters() {
        for text in [
            "message A\u{ff1b}\n}",
            "a\u{ff1b}1\u{ff1b}\n}",
            "a/* \u{202e}",
            "service r rpc b\0\u{fb6d}();",
        ] {
            let mut sources = SourceMap::default();
            let id = sources.add(Source {
                path: "a.rpc".into(),
                import_path: "a.rpc".into(),
                text: text.into(),
            });
            let (_, found) = parse(id, text);
            assert!(!found.is_empty());
            for one in found {
                let (start, end) = (one.primary.span.start, one.primary.span.end);
                let place = text.get(start as usize..end as usize);
                assert!(place.is_some(), "{one:?} of {text:?}");
            }
        }
    }

    #[test]
    fn spans_end_with_their_last_token() {
        let (file, sources) = tree("message A { b: [C] = 1 /* c */ ; } // d\n\n");
        let Item::Message(found) = &file.items[0] else {
            panic!("{file:?}")
        };
        assert_eq!(
            sources.text(found.span),
            "message A { b: [C] = 1 /* c */ ; }"
        );
        let Member::Field(field) = &found.members[0] else {
            panic!("{file:?}")
        };
        assert_eq!(sources.text(field.ty.span), "[C]");
        assert_eq!(sources.text(field.span), "b: [C] = 1 /* c */ ;");
    }

    #[test]
    fn releases_are_read_from_their_text() {
        let (file, _) = tree("service A { versions 1.1, 1.10; }");
        let Item::Service(found) = &file.items[0] else {
            panic!("{file:?}")
        };
        let minors = found.versions[0]
            .releases
            .iter()
            .map(|release| release.value.minor);
        assert_eq!(minors.collect::<Vec<_>>(), [1, 10]);
    }

    #[test]
    fn what_surrounds_a_mistake_is_in_the_tree() {
        let (file, _) = tree(
            "message A { a: int32 = 1; b b b; c: int32 = 3; }\nmesage D {}\nrubbish;\nmessage E {}\n",
        );
        let names = file.items.iter().map(|item| match item {
            Item::Message(message) => &*message.name.text,
            _ => "",
        });
        assert_eq!(names.collect::<Vec<_>>(), ["A", "D", "E"]);
        let Item::Message(found) = &file.items[0] else {
            panic!("{file:?}")
        };
        assert_eq!(found.members.len(), 2);
        assert!(file.lost.covers("rubbish") && file.lost.covers("b") && !file.lost.covers("c"));
    }

    #[test]
    fn keywords_are_names_where_nothing_else_fits() {
        let (file, _) = tree(
            "message rpc { message: int32 = 1; reserved: int32 = 2; map: map<string, stream> = 3; }",
        );
        let Item::Message(found) = &file.items[0] else {
            panic!("{file:?}")
        };
        assert_eq!(found.members.len(), 3);
    }
}
