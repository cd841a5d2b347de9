//! A file of a tree, and how it is written in either language.

use std::fmt::Write as _;

/// A type where a field names it: as `.rpc` and as `.proto` write it, and the well-known file it needs there.
#[derive(Clone, Debug)]
pub(crate) struct Type {
    pub(crate) rpc: String,
    pub(crate) proto: String,
    pub(crate) import: Option<&'static str>,
}

impl Type {
    /// One that both languages write alike.
    pub(crate) fn same(name: &str) -> Self {
        Self {
            rpc: name.to_owned(),
            proto: name.to_owned(),
            import: None,
        }
    }
}

pub(crate) enum Shape {
    One(Type),
    Optional(Type),
    List(Type),
    Map(Type),
}

pub(crate) struct Field {
    pub(crate) docs: Vec<String>,
    pub(crate) name: String,
    pub(crate) number: usize,
    pub(crate) shape: Shape,
    pub(crate) deprecated: bool,
}

pub(crate) enum Member {
    Field(Field),
    Oneof {
        docs: Vec<String>,
        name: String,
        fields: Vec<Field>,
    },
    Message(Message),
    Enum(Enum),
    Reserved(usize, usize),
}

pub(crate) struct Message {
    pub(crate) docs: Vec<String>,
    pub(crate) name: String,
    /// The status code that makes it an error.
    pub(crate) error: Option<&'static str>,
    pub(crate) members: Vec<Member>,
}

pub(crate) struct Enum {
    pub(crate) docs: Vec<String>,
    pub(crate) name: String,
    /// Their documentation and names; numbers are positions.
    pub(crate) values: Vec<(Vec<String>, String)>,
}

pub(crate) struct Method {
    pub(crate) docs: Vec<String>,
    pub(crate) name: String,
    pub(crate) request: String,
    pub(crate) reply: String,
    pub(crate) reply_stream: bool,
    pub(crate) added_later: bool,
    pub(crate) idempotent: bool,
    pub(crate) throws: Option<String>,
}

pub(crate) struct Service {
    pub(crate) docs: Vec<String>,
    pub(crate) name: String,
    pub(crate) methods: Vec<Method>,
}

pub(crate) enum Item {
    Message(Message),
    Enum(Enum),
    Service(Service),
}

/// The text of one file in both languages.
#[derive(Default)]
pub(crate) struct Text {
    pub(crate) rpc: String,
    pub(crate) proto: String,
    depth: usize,
}

impl Text {
    /// A line of each.
    pub(crate) fn lines(&mut self, rpc: &str, proto: &str) {
        for (text, line) in [(&mut self.rpc, rpc), (&mut self.proto, proto)] {
            if !line.is_empty() {
                let blanks = self.depth * 2;
                // Writing to a string cannot fail.
                let _ = write!(text, "{:blanks$}{line}", "");
            }
            text.push('\n');
        }
    }

    pub(crate) fn line(&mut self, line: &str) {
        self.lines(line, line);
    }

    fn docs(&mut self, docs: &[String]) {
        for line in docs {
            let blank = if line.is_empty() { "" } else { " " };
            self.lines(&format!("///{blank}{line}"), &format!("//{blank}{line}"));
        }
    }

    fn open(&mut self, rpc: &str, proto: &str) {
        self.lines(&format!("{rpc} {{"), &format!("{proto} {{"));
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.line("}");
    }

    pub(crate) fn item(&mut self, item: &Item) {
        self.line("");
        match item {
            Item::Message(message) => self.message(message),
            Item::Enum(declaration) => self.enumeration(declaration),
            Item::Service(service) => self.service(service),
        }
    }

    fn message(&mut self, message: &Message) {
        self.docs(&message.docs);
        let name = &message.name;
        let proto = format!("message {name}");
        match message.error {
            Some(code) => self.open(&format!("error {name}({code})"), &proto),
            None => self.open(&proto, &proto),
        }
        for (at, member) in message.members.iter().enumerate() {
            if at > 0 {
                self.line("");
            }
            match member {
                Member::Field(field) => self.field(field),
                Member::Oneof { docs, name, fields } => {
                    self.docs(docs);
                    let head = format!("oneof {name}");
                    self.open(&head, &head);
                    for field in fields {
                        self.field(field);
                    }
                    self.close();
                }
                Member::Message(nested) => self.message(nested),
                Member::Enum(nested) => self.enumeration(nested),
                Member::Reserved(from, to) => self.lines(
                    &format!("reserved {from}..={to};"),
                    &format!("reserved {from} to {to};"),
                ),
            }
        }
        self.close();
    }

    fn field(&mut self, field: &Field) {
        self.docs(&field.docs);
        let (name, number) = (&field.name, field.number);
        let (rpc, proto) = match &field.shape {
            Shape::One(ty) => (ty.rpc.clone(), ty.proto.clone()),
            Shape::Optional(ty) => (format!("{}?", ty.rpc), format!("optional {}", ty.proto)),
            Shape::List(ty) => (format!("[{}]", ty.rpc), format!("repeated {}", ty.proto)),
            Shape::Map(ty) => (
                format!("map<string, {}>", ty.rpc),
                format!("map<string, {}>", ty.proto),
            ),
        };
        let (note, option) = if field.deprecated {
            (
                " @deprecated(\"no longer filled in\")",
                " [deprecated = true]",
            )
        } else {
            ("", "")
        };
        self.lines(
            &format!("{name}: {rpc} = {number}{note};"),
            &format!("{proto} {name} = {number}{option};"),
        );
    }

    fn enumeration(&mut self, declaration: &Enum) {
        self.docs(&declaration.docs);
        let head = format!("enum {}", declaration.name);
        self.open(&head, &head);
        let prefix = prefix(&declaration.name);
        for (number, (docs, name)) in declaration.values.iter().enumerate() {
            self.docs(docs);
            // A value that has the prefix keeps it.
            let prefix = if name.starts_with(&prefix) {
                ""
            } else {
                &prefix
            };
            self.lines(
                &format!("{name} = {number};"),
                &format!("{prefix}{name} = {number};"),
            );
        }
        self.close();
    }

    fn service(&mut self, service: &Service) {
        self.docs(&service.docs);
        let head = format!("service {}", service.name);
        self.open(&head, &head);
        self.rpc.push_str("  versions 1.0, 1.1;\n");
        for method in &service.methods {
            self.line("");
            self.docs(&method.docs);
            if method.added_later {
                self.rpc.push_str("  @added(1.1)\n");
            }
            if method.idempotent {
                self.rpc.push_str("  @idempotent @timeout(30s)\n");
            }
            let Method {
                name,
                request,
                reply,
                ..
            } = method;
            let stream = if method.reply_stream { "stream " } else { "" };
            let throws = match &method.throws {
                Some(error) => format!(" throws {error}"),
                None => String::new(),
            };
            self.lines(
                &format!("rpc {name}({request}) -> {stream}{reply}{throws};"),
                &format!("rpc {}({request}) returns ({stream}{reply});", camel(name)),
            );
        }
        self.close();
    }
}

/// What protobuf's style puts before the values of an enum.
fn prefix(name: &str) -> String {
    let mut prefix = String::new();
    for (at, c) in name.chars().enumerate() {
        if at > 0 && c.is_ascii_uppercase() {
            prefix.push('_');
        }
        prefix.push(c.to_ascii_uppercase());
    }
    prefix + "_"
}

/// A method as protobuf spells it.
fn camel(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_ascii_uppercase() + rest
    });
    words.collect()
}
