//! One file as it is to be written: every name and literal a final string, nothing laid out yet.

/// What stands above something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Above {
    /// Plain comments, each a block of its own.
    pub comments: Vec<Vec<String>>,
    /// Documentation.
    pub docs: Vec<String>,
    /// Annotations, each whole: `@timeout(800ms)`.
    pub annotations: Vec<String>,
}

/// An `.rpc` file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// At the head; its annotations are none.
    pub above: Above,
    /// `shop.orders`
    pub package: String,
    /// Import paths.
    pub imports: Vec<String>,
    /// The declarations.
    pub items: Vec<Item>,
}

/// A declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A constant: the whole statement.
    Const(Above, String),
    /// A message or an error.
    Message(Message),
    /// An enum.
    Enum(Enum),
    /// A service.
    Service(Service),
}

/// A message or an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// What stands above.
    pub above: Above,
    /// Its name.
    pub name: String,
    /// The status code of an error.
    pub code: Option<String>,
    /// What the braces hold.
    pub members: Vec<Member>,
}

/// What the braces of a message hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// A field.
    Field(Field),
    /// A oneof.
    Oneof(Oneof),
    /// `reserved`, by entry.
    Reserved(Vec<String>),
    /// A nested message.
    Message(Message),
    /// A nested enum.
    Enum(Enum),
}

/// A field or an argument; its annotations stand behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// What stands above, and its annotations.
    pub above: Above,
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: String,
    /// Its number.
    pub number: i32,
}

/// A oneof.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Oneof {
    /// What stands above.
    pub above: Above,
    /// Its name.
    pub name: String,
    /// Its members.
    pub fields: Vec<Field>,
}

/// An enum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enum {
    /// What stands above.
    pub above: Above,
    /// Its name.
    pub name: String,
    /// Its values; their annotations stand behind them.
    pub values: Vec<Value>,
    /// `reserved`, by entry.
    pub reserved: Vec<String>,
}

/// A value of an enum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Value {
    /// What stands above, and its annotations.
    pub above: Above,
    /// Its name.
    pub name: String,
    /// Its number.
    pub number: i32,
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// What stands above.
    pub above: Above,
    /// Its name.
    pub name: String,
    /// Its releases.
    pub versions: Vec<String>,
    /// Its groups; none where the line is left out.
    pub groups: Vec<String>,
    /// Its methods.
    pub methods: Vec<Method>,
}

/// A method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// What stands above.
    pub above: Above,
    /// Its name.
    pub name: String,
    /// What the parentheses hold.
    pub request: Request,
    /// What follows `->`.
    pub reply: Option<String>,
    /// What follows `throws`.
    pub throws: Vec<String>,
}

/// What the parentheses of a method hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Nothing.
    Nothing,
    /// `PlaceOrder`, `stream Order`
    Message(String),
    /// An argument list.
    Arguments(Vec<Field>),
}
