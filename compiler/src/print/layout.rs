//! Where everything stands on the page: four blanks a step, the types of neighbouring fields in one column.

use super::form::{
    Above, Enum, Field, File, Item, Member, Message, Method, Oneof, Request, Service, Value,
};

/// How wide a line of our own making may be; names are not broken.
const WIDTH: usize = 110;

/// The longest name that moves the types of its neighbours.
const COLUMN: usize = 24;

/// The text of a file.
pub fn text(file: &File) -> String {
    let mut page = Page::default();
    page.comments(&file.above.comments);
    for line in &file.above.docs {
        page.marked("//!", line);
    }
    page.blank();
    page.line("edition 2026;");
    page.line(&format!("package {};", file.package));
    page.blank();
    for import in &file.imports {
        page.line(&format!("import {};", super::string(import)));
    }
    for item in &file.items {
        page.blank();
        match item {
            Item::Const(above, statement) => {
                page.above(above);
                page.line(statement);
            }
            Item::Message(message) => page.message(message),
            Item::Enum(one) => page.enumeration(one),
            Item::Service(service) => page.service(service),
        }
    }
    page.out
}

#[derive(Default)]
struct Page {
    out: String,
    depth: usize,
}

impl Page {
    fn line(&mut self, text: &str) {
        for _ in 0..self.depth {
            self.out.push_str("    ");
        }
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn marked(&mut self, mark: &str, line: &str) {
        let line = plain(line);
        let line = line.trim_end();
        if line.is_empty() {
            self.line(mark);
        } else {
            self.line(&format!("{mark} {line}"));
        }
    }

    /// An empty line, unless one is there, or a brace has just been opened.
    fn blank(&mut self) {
        let begun = self.out.is_empty() || self.out.ends_with("{\n") || self.out.ends_with("\n\n");
        if !begun {
            self.out.push('\n');
        }
    }

    fn comments(&mut self, comments: &[Vec<String>]) {
        for block in comments {
            self.blank();
            for line in block {
                self.marked("//", line);
            }
            self.blank();
        }
    }

    fn above(&mut self, above: &Above) {
        self.above_members(above);
        self.wrapped(&above.annotations);
    }

    /// For what carries its annotations behind it.
    fn above_members(&mut self, above: &Above) {
        self.comments(&above.comments);
        for line in &above.docs {
            self.marked("///", line);
        }
    }

    /// Words of one line, or of several where they are many.
    fn wrapped(&mut self, words: &[String]) {
        let mut line = String::new();
        for word in words {
            if !line.is_empty() && line.len() + 1 + word.len() + self.depth * 4 > WIDTH {
                self.line(&line);
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if !line.is_empty() {
            self.line(&line);
        }
    }

    /// `head { … }`, on one line where there is nothing inside.
    fn block(&mut self, head: &str, write: impl FnOnce(&mut Self)) {
        let start = self.out.len();
        self.line(&format!("{head} {{"));
        let opened = self.out.len();
        self.depth += 1;
        write(self);
        self.depth -= 1;
        if self.out.ends_with("\n\n") {
            self.out.pop();
        }
        if self.out.len() == opened {
            self.out.truncate(start);
            self.line(&format!("{head} {{}}"));
        } else {
            self.line("}");
        }
    }

    fn message(&mut self, message: &Message) {
        self.above(&message.above);
        let head = match &message.code {
            Some(code) => format!("error {}({code})", message.name),
            None => format!("message {}", message.name),
        };
        self.block(&head, |page| page.members(&message.members));
    }

    fn members(&mut self, members: &[Member]) {
        let mut rest = members;
        while let Some(first) = rest.first() {
            let mut length = 1;
            match first {
                Member::Field(_) => {
                    let fields: Vec<&Field> = rest
                        .iter()
                        .map_while(|member| match member {
                            Member::Field(field) => Some(field),
                            _ => None,
                        })
                        .collect();
                    self.fields(&fields);
                    length = fields.len();
                }
                Member::Oneof(oneof) => self.oneof(oneof),
                Member::Reserved(entries) => self.reserved(entries),
                Member::Message(nested) => {
                    self.blank();
                    self.message(nested);
                }
                Member::Enum(one) => {
                    self.blank();
                    self.enumeration(one);
                }
            }
            rest = &rest[length..];
        }
    }

    fn fields(&mut self, fields: &[&Field]) {
        let width = column(fields.iter().copied());
        for field in fields {
            self.above_members(&field.above);
            let text = format!("{};", field_text(field, width));
            self.line(&text);
        }
    }

    fn oneof(&mut self, oneof: &Oneof) {
        self.above(&oneof.above);
        self.block(&format!("oneof {}", oneof.name), |page| {
            page.fields(&oneof.fields.iter().collect::<Vec<_>>());
        });
    }

    fn reserved(&mut self, entries: &[String]) {
        if entries.is_empty() {
            return;
        }
        let mut words: Vec<String> = entries.iter().map(|entry| format!("{entry},")).collect();
        if let Some(last) = words.last_mut() {
            last.pop();
            last.push(';');
        }
        words.insert(0, "reserved".to_owned());
        self.wrapped(&words);
    }

    fn enumeration(&mut self, one: &Enum) {
        self.above(&one.above);
        self.block(&format!("enum {}", one.name), |page| {
            for value in &one.values {
                page.above_members(&value.above);
                page.line(&value_text(value));
            }
            page.reserved(&one.reserved);
        });
    }

    fn service(&mut self, service: &Service) {
        self.above(&service.above);
        self.block(&format!("service {}", service.name), |page| {
            if !service.versions.is_empty() {
                page.line(&format!("versions {};", service.versions.join(", ")));
            }
            if !service.groups.is_empty() {
                let versions = !service.versions.is_empty();
                let gap = if versions { "   " } else { " " };
                page.line(&format!("groups{gap}{};", service.groups.join(", ")));
            }
            let mut tall = true;
            for method in &service.methods {
                let above = &method.above;
                let now = above != &Above::default();
                if tall || now {
                    page.blank();
                }
                tall = now;
                page.method(method);
            }
        });
    }

    fn method(&mut self, method: &Method) {
        self.above(&method.above);
        let mut behind = String::new();
        if let Some(reply) = &method.reply {
            behind.push_str(" -> ");
            behind.push_str(reply);
        }
        if !method.throws.is_empty() {
            behind.push_str(" throws ");
            behind.push_str(&method.throws.join(", "));
        }
        let head = format!("rpc {}(", method.name);
        let fields = match &method.request {
            Request::Nothing => return self.line(&format!("{head}){behind};")),
            Request::Message(name) => return self.line(&format!("{head}{name}){behind};")),
            Request::Arguments(fields) => fields,
        };
        let list: Vec<String> = fields.iter().map(|field| field_text(field, 0)).collect();
        let list = list.join(", ");
        let documented =
            |field: &Field| !field.above.docs.is_empty() || !field.above.comments.is_empty();
        let line = format!("{head}{list}){behind};");
        if !fields.iter().any(documented) && line.len() + self.depth * 4 <= WIDTH {
            return self.line(&line);
        }
        self.line(&head);
        self.depth += 1;
        let width = column(fields.iter());
        for field in fields {
            self.above_members(&field.above);
            let text = format!("{},", field_text(field, width));
            self.line(&text);
        }
        self.depth -= 1;
        self.line(&format!("){behind};"));
    }
}

/// How far the types of neighbours stand from the start of their names.
fn column<'f>(fields: impl Iterator<Item = &'f Field>) -> usize {
    fields
        .map(|field| field.name.len())
        .filter(|length| *length <= COLUMN)
        .max()
        .map_or(0, |longest| longest + 2)
}

fn field_text(field: &Field, width: usize) -> String {
    let name = format!("{}:", field.name);
    let width = width.max(name.len() + 1);
    let mut out = format!("{name:<width$}{} = {}", field.ty, field.number);
    for annotation in &field.above.annotations {
        out.push(' ');
        out.push_str(annotation);
    }
    out
}

fn value_text(value: &Value) -> String {
    let mut out = format!("{} = {}", value.name, value.number);
    for annotation in &value.above.annotations {
        out.push(' ');
        out.push_str(annotation);
    }
    out.push(';');
    out
}

/// A line without the characters that no source may hold.
fn plain(line: &str) -> String {
    line.chars()
        .map(|letter| match letter {
            '\t' => '\t',
            letter if super::literal::forbidden(letter) => '\u{FFFD}',
            letter => letter,
        })
        .collect()
}
