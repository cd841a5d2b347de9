//! From the text of a lock file to the releases that it holds.

use super::line::{Token, Walk, tokens};
use super::write::SCALARS;
use super::{Frozen, Lock};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{
    Balance, Bound, Docs, Enum, EnumValue, Error, Field, FieldShape, FieldType, FullName, Group,
    Groups, Message, Method, MethodPolicy, Oneof, Release, Request, ReservedNumbers, Rule, Scalar,
    Service, StatusCode, Window,
};
use crate::source::{FileId, Span};

impl Lock {
    /// The releases that a lock file holds. Where a line cannot be read, the one finding says so and nothing is frozen.
    pub fn parse(file: FileId, text: &str) -> (Self, Vec<Diagnostic>) {
        let mut reader = Reader::default();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let content = line.trim();
            let indent = line.len() - line.trim_start().len();
            // Files are at most 16 MiB.
            let place = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
            let span = Span::new(
                file,
                place(start + indent),
                place(start + indent + content.len()),
            );
            start += line.len();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            if let Err(fault) = reader.line(content, span) {
                return (Self::default(), vec![report(fault, span)]);
            }
        }
        match reader.finish() {
            Ok(lock) => (lock, Vec::new()),
            Err((fault, span)) => (Self::default(), vec![report(fault, span)]),
        }
    }
}

/// Why a lock file is not read.
enum Fault {
    /// A line, or where it stands, is not of the format.
    Malformed,
    /// Git left its marks.
    Conflict,
    /// The format is newer.
    Version(String),
    /// The release is there already.
    Twice,
}

fn report(fault: Fault, span: Span) -> Diagnostic {
    let found = |code, message: &str, label: &str, help: &str| {
        Diagnostic::new(code, span, message).label(label).help(help)
    };
    match fault {
        Fault::Malformed => found(
            Code::LockMalformed,
            "this is no line of a lock file",
            "not understood",
            "restore the file from version control: only `callsheet release` writes it",
        ),
        Fault::Conflict => found(
            Code::LockMalformed,
            "a merge left its marks in this lock file",
            "the conflict starts here",
            "keep both sides, each release once, and remove the marks: a release is the same text wherever it was frozen",
        ),
        Fault::Twice => found(
            Code::LockMalformed,
            "this release is in the lock file already",
            "frozen a second time here",
            "keep the one that was released, and remove the other",
        ),
        Fault::Version(version) => Diagnostic::new(
            Code::LockVersion,
            span,
            format!(
                "this lock file has the format {}; known is {}",
                version.escape_debug(),
                Lock::VERSION
            ),
        )
        .label("unknown format")
        .help("use the release of Callsheet that wrote it, or a newer one"),
    }
}

/// What the lines so far say.
#[derive(Default)]
struct Reader {
    versioned: bool,
    lock: Lock,
    /// What members belong to.
    last: Last,
}

#[derive(Clone, Copy, Default)]
enum Last {
    #[default]
    Nothing,
    Message,
    Error,
    Enum,
}

impl Reader {
    fn line(&mut self, content: &str, span: Span) -> Result<(), Fault> {
        if ["<<<<<<<", "=======", ">>>>>>>", "|||||||"]
            .iter()
            .any(|mark| content.starts_with(mark))
        {
            return Err(Fault::Conflict);
        }
        let tokens = tokens(content).ok_or(Fault::Malformed)?;
        let mut walk = Walk::new(&tokens);
        if !self.versioned {
            return self.version(&mut walk);
        }
        if walk.has_word("release") && walk.before_word() {
            return self.release(&mut walk, span);
        }
        let mut walk = Walk::new(&tokens);
        let done = self.item(&mut walk, &tokens, span);
        done.filter(|()| walk.at_end()).ok_or(Fault::Malformed)
    }

    fn version(&mut self, walk: &mut Walk<'_>) -> Result<(), Fault> {
        let head = walk.has_word("callsheet") && walk.has_word("lock");
        let version = walk.word().filter(|_| head).ok_or(Fault::Malformed)?;
        if version != Lock::VERSION.to_string() {
            return Err(Fault::Version(version.to_owned()));
        }
        self.versioned = true;
        Ok(())
    }

    fn release(&mut self, walk: &mut Walk<'_>, span: Span) -> Result<(), Fault> {
        let name = walk.word().ok_or(Fault::Malformed)?;
        let release: Release = walk.number().ok_or(Fault::Malformed)?;
        let name = FullName(name.into());
        if self.lock.find(&name, release).is_some() {
            return Err(Fault::Twice);
        }
        self.last = Last::Nothing;
        self.lock.releases.push(Frozen {
            release,
            service: Service {
                name,
                docs: Docs::default(),
                deprecated: None,
                releases: vec![release],
                groups: Groups {
                    named: Vec::new(),
                    open: false,
                },
                methods: Vec::new(),
                span,
            },
            messages: Vec::new(),
            errors: Vec::new(),
            enums: Vec::new(),
        });
        Ok(())
    }

    /// A line of a release. Members are told by their second token: `name: type`, `NAME = 0`.
    fn item(&mut self, walk: &mut Walk<'_>, tokens: &[Token], span: Span) -> Option<()> {
        let last = self.last;
        let frozen = self.lock.releases.last_mut()?;
        match tokens.get(1) {
            Some(Token::Sign(":")) => {
                let message = current(frozen, last)?;
                let field = field(walk, message, span)?;
                message.fields.push(field);
            }
            Some(Token::Sign("=")) => {
                let declared = frozen
                    .enums
                    .last_mut()
                    .filter(|_| matches!(last, Last::Enum))?;
                declared.values.push(value(walk, span)?);
            }
            _ => match walk.word()? {
                "groups" => groups(walk, &mut frozen.service.groups)?,
                "rpc" => {
                    let method = method(walk, frozen.release, span)?;
                    frozen.service.methods.push(method);
                }
                "message" => {
                    frozen.messages.push(message(walk.word()?, span));
                    self.last = Last::Message;
                }
                "error" => {
                    let name = walk.word()?;
                    walk.sign("(")?;
                    let code = walk.word()?;
                    let code = StatusCode::ALL.iter().find(|(_, word)| *word == code)?.0;
                    walk.sign(")")?;
                    let message = message(name, span);
                    frozen.errors.push(Error { message, code });
                    self.last = Last::Error;
                }
                "enum" => {
                    frozen.enums.push(enumeration(walk.word()?, span));
                    self.last = Last::Enum;
                }
                "oneof" => {
                    let message = current(frozen, last)?;
                    let place = oneof(message, walk.word()?, span);
                    message.oneofs[place].required =
                        walk.has_sign("@") && walk.has_word("required");
                }
                "reserved" => {
                    if let Last::Enum = last {
                        let declared = frozen.enums.last_mut()?;
                        let (numbers, names) =
                            (&mut declared.reserved_numbers, &mut declared.reserved_names);
                        reserved(walk, numbers, names)?;
                    } else {
                        let message = current(frozen, last)?;
                        let (numbers, names) =
                            (&mut message.reserved_numbers, &mut message.reserved_names);
                        reserved(walk, numbers, names)?;
                    }
                }
                _ => return None,
            },
        }
        Some(())
    }

    /// The lock, its types told apart: a name is an enum's where the release has an enum of that name.
    fn finish(mut self) -> Result<Lock, (Fault, Span)> {
        for frozen in &mut self.lock.releases {
            let enums: Vec<FullName> = frozen.enums.iter().map(|it| it.name.clone()).collect();
            let errors = frozen.errors.iter_mut().map(|error| &mut error.message);
            for message in frozen.messages.iter_mut().chain(errors) {
                for field in &mut message.fields {
                    let (FieldShape::Singular(ty)
                    | FieldShape::Optional(ty)
                    | FieldShape::List(ty)
                    | FieldShape::Map(_, ty)) = &mut field.shape;
                    if let FieldType::Message(name) = ty
                        && (enums.contains(name) || &*name.0 == "google.protobuf.NullValue")
                    {
                        *ty = FieldType::Enum(name.clone());
                    }
                }
            }
            if frozen.service.groups.named.is_empty() {
                return Err((Fault::Malformed, frozen.service.span));
            }
        }
        let key = |frozen: &Frozen| (frozen.service.name.clone(), frozen.release);
        self.lock.releases.sort_by_key(key);
        Ok(self.lock)
    }
}

/// The message or error that the last line began.
fn current(frozen: &mut Frozen, last: Last) -> Option<&mut Message> {
    match last {
        Last::Message => frozen.messages.last_mut(),
        Last::Error => frozen.errors.last_mut().map(|error| &mut error.message),
        Last::Nothing | Last::Enum => None,
    }
}

fn message(name: &str, span: Span) -> Message {
    Message {
        name: FullName(name.into()),
        docs: Docs::default(),
        deprecated: None,
        fields: Vec::new(),
        oneofs: Vec::new(),
        messages: Vec::new(),
        enums: Vec::new(),
        reserved_numbers: Vec::new(),
        reserved_names: Vec::new(),
        span,
    }
}

fn enumeration(name: &str, span: Span) -> Enum {
    Enum {
        name: FullName(name.into()),
        docs: Docs::default(),
        deprecated: None,
        values: Vec::new(),
        allow_alias: false,
        reserved_numbers: Vec::new(),
        reserved_names: Vec::new(),
        span,
    }
}

/// The place of a oneof in its message, which gets it where it has it not.
fn oneof(message: &mut Message, name: &str, span: Span) -> usize {
    let known = message.oneofs.iter().position(|oneof| oneof.name == name);
    known.unwrap_or_else(|| {
        message.oneofs.push(Oneof {
            name: name.to_owned(),
            docs: Docs::default(),
            required: false,
            span,
        });
        message.oneofs.len() - 1
    })
}

fn groups(walk: &mut Walk<'_>, groups: &mut Groups) -> Option<()> {
    loop {
        if walk.has_sign("..") {
            groups.open = true;
            return Some(());
        }
        let name = walk.word()?.to_owned();
        groups.named.push(Group { name });
        if !walk.has_sign(",") {
            return Some(());
        }
    }
}

fn method(walk: &mut Walk<'_>, release: Release, span: Span) -> Option<Method> {
    let name = walk.word()?.to_owned();
    walk.sign("(")?;
    let (mut stream, mut arguments) = (false, false);
    let mut request = walk.word()?;
    if walk.before_word() {
        stream = request == "stream";
        arguments = request == "arguments";
        request = walk.word()?;
    }
    walk.sign(")")?;
    walk.sign("->")?;
    let mut reply = walk.word()?;
    let reply_stream = reply == "stream" && walk.before_word();
    if reply_stream {
        reply = walk.word()?;
    }
    let mut throws = Vec::new();
    if walk.has_word("throws") {
        loop {
            throws.push(FullName(walk.word()?.into()));
            if !walk.has_sign(",") {
                break;
            }
        }
    }
    Some(Method {
        name,
        docs: Docs::default(),
        window: Window {
            added: release,
            removed: None,
        },
        deprecated: None,
        request: Request {
            message: FullName(request.into()),
            stream,
            arguments,
        },
        reply: FullName(reply.into()),
        reply_stream,
        throws,
        policy: policy(walk)?,
        span,
    })
}

fn policy(walk: &mut Walk<'_>) -> Option<MethodPolicy> {
    let mut policy = MethodPolicy::default();
    while walk.has_sign("@") {
        match walk.word()? {
            "oneway" => policy.oneway = true,
            "idempotent" => policy.idempotent = true,
            "max_size" => {
                walk.sign("(")?;
                policy.max_size = Some(walk.number()?);
                walk.sign(")")?;
            }
            "consistent_hash" => {
                walk.sign("(")?;
                let path = walk.word()?.trim_start_matches('.');
                let path = path.split('.').map(str::to_owned).collect();
                policy.balance = Some(Balance::ConsistentHash(path));
                walk.sign(")")?;
            }
            _ => return None,
        }
    }
    Some(policy)
}

fn field(walk: &mut Walk<'_>, message: &mut Message, span: Span) -> Option<Field> {
    let name = walk.word()?.to_owned();
    walk.sign(":")?;
    let shape = shape(walk)?;
    walk.sign("=")?;
    let mut field = Field {
        name,
        docs: Docs::default(),
        deprecated: None,
        number: walk.number()?,
        shape,
        oneof: None,
        json_name: None,
        redact: false,
        rules: Vec::new(),
        span,
    };
    if walk.has_word("in") {
        field.oneof = Some(oneof(message, walk.word()?, span));
    }
    while walk.has_sign("@") {
        if walk.has_word("json") {
            walk.sign("(")?;
            field.json_name = Some(walk.text()?.to_owned());
            walk.sign(")")?;
        } else {
            field.rules.push(rule(walk)?);
        }
    }
    Some(field)
}

fn shape(walk: &mut Walk<'_>) -> Option<FieldShape> {
    if walk.has_sign("[") {
        let ty = field_type(walk.word()?);
        walk.sign("]")?;
        return Some(FieldShape::List(ty));
    }
    let word = walk.word()?;
    if word == "map" && walk.has_sign("<") {
        let FieldType::Scalar(key) = field_type(walk.word()?) else {
            return None;
        };
        walk.sign(",")?;
        let ty = field_type(walk.word()?);
        walk.sign(">")?;
        return Some(FieldShape::Map(key, ty));
    }
    let ty = field_type(word);
    Some(if walk.has_sign("?") {
        FieldShape::Optional(ty)
    } else {
        FieldShape::Singular(ty)
    })
}

fn field_type(word: &str) -> FieldType {
    match scalar(word) {
        Some(scalar) => FieldType::Scalar(scalar),
        None => FieldType::Message(FullName(word.into())),
    }
}

fn scalar(word: &str) -> Option<Scalar> {
    let known = SCALARS.iter().find(|(_, known)| *known == word);
    known.map(|(scalar, _)| *scalar)
}

fn rule(walk: &mut Walk<'_>) -> Option<Rule> {
    match walk.word()? {
        "required" => return Some(Rule::Required),
        "unique" => return Some(Rule::Unique),
        "len" => {
            walk.sign("(")?;
            let min = walk.number()?;
            let max = if walk.has_sign("..=") {
                Some(walk.number()?)
            } else {
                walk.sign("..")?;
                None
            };
            walk.sign(")")?;
            return Some(Rule::Len { min, max });
        }
        "range" => {
            walk.sign("(")?;
            let min = if walk.before_word() {
                Some(bound(walk.word()?)?)
            } else {
                None
            };
            let max_inclusive = walk.has_sign("..=");
            if !max_inclusive {
                walk.sign("..")?;
            }
            let max = if walk.before_word() {
                Some(bound(walk.word()?)?)
            } else {
                None
            };
            walk.sign(")")?;
            return Some(Rule::Range {
                min,
                max,
                max_inclusive,
            });
        }
        "pattern" => {
            walk.sign("(")?;
            let pattern = walk.text()?.to_owned();
            walk.sign(")")?;
            return Some(Rule::Pattern(pattern));
        }
        "one_of" => {}
        _ => return None,
    }
    walk.sign("(")?;
    let (mut strings, mut integers) = (Vec::new(), Vec::new());
    loop {
        if walk.before_text() {
            strings.push(walk.text()?.to_owned());
        } else {
            integers.push(walk.number()?);
        }
        if !walk.has_sign(",") {
            break;
        }
    }
    walk.sign(")")?;
    match (strings.is_empty(), integers.is_empty()) {
        (false, true) => Some(Rule::OneOfStrings(strings)),
        (true, false) => Some(Rule::OneOfIntegers(integers)),
        _ => None,
    }
}

fn bound(word: &str) -> Option<Bound> {
    if let Some(micros) = word.strip_suffix("us") {
        return micros.parse().ok().map(Bound::Duration);
    }
    if let Ok(number) = word.parse() {
        return Some(Bound::Integer(number));
    }
    word.parse().ok().map(Bound::Float)
}

fn value(walk: &mut Walk<'_>, span: Span) -> Option<EnumValue> {
    let name = walk.word()?.to_owned();
    walk.sign("=")?;
    Some(EnumValue {
        descriptor_name: name.clone(),
        name,
        docs: Docs::default(),
        deprecated: None,
        number: walk.number()?,
        span,
    })
}

fn reserved(
    walk: &mut Walk<'_>,
    numbers: &mut Vec<ReservedNumbers>,
    names: &mut Vec<String>,
) -> Option<()> {
    if walk.before_text() {
        names.push(walk.text()?.to_owned());
        return Some(());
    }
    let from = walk.number()?;
    let to = if walk.has_sign("..=") {
        walk.number()?
    } else {
        from
    };
    numbers.push(ReservedNumbers { from, to });
    Some(())
}
