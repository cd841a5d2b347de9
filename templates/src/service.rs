//! The views of services at one major.

/// The services of one major: a module.
#[derive(Clone, Debug)]
pub struct Major {
    /// `v1`
    pub module: String,
    /// Doc comment, whole lines.
    pub docs: String,
    /// Attribute lines, each with its end, or none.
    pub attributes: String,
    /// The services.
    pub services: Vec<Service>,
}

/// A service at one major.
#[derive(Clone, Debug)]
pub struct Service {
    /// Doc comment, whole lines.
    pub docs: String,
    /// The trait: `Orders`.
    pub name: String,
    /// Its full name in the contract.
    pub full_name: String,
    /// The descriptor: `ORDERS`.
    pub descriptor: String,
    /// `OrdersClient`
    pub client: String,
    /// `OrdersBlockingClient`
    pub blocking_client: String,
    /// `OrdersServer`
    pub server: String,
    /// `OrdersMock`
    pub mock: String,
    /// `__RpcOrdersHandler`
    pub handler: String,
    /// The group enum as seen from the module: `super::OrdersGroup`.
    pub group: String,
    /// The newest release that is generated, as arguments: `1, 1`.
    pub release: String,
    /// The releases up to it, as expressions.
    pub releases: Vec<String>,
    /// The groups, as string literals.
    pub group_names: Vec<String>,
    /// Whether groups may be named at deployment time.
    pub open_groups: bool,
    /// The methods, by index.
    pub methods: Vec<Method>,
    /// The enums of methods that throw.
    pub errors: Vec<TypedError>,
}

/// A method.
#[derive(Clone, Debug)]
pub struct Method {
    /// Doc comment, whole lines.
    pub docs: String,
    /// Attribute lines, each with its end, or none.
    pub attributes: String,
    /// Its identifier: `r#type`.
    pub name: String,
    /// Its name in the contract.
    pub contract_name: String,
    /// Its position.
    pub index: usize,
    /// The setter of the mock: `on_place`.
    pub setter: String,
    /// Parameters behind `&self`, each with its comma before: `, id: u64`.
    pub parameters: String,
    /// The same where the client takes more than the trait.
    pub client_parameters: String,
    /// Their types: `u64`.
    pub parameter_types: String,
    /// The parameters as arguments of a call: `id`; and with a comma before.
    pub arguments: String,
    /// The same with a comma before each.
    pub more_arguments: String,
    /// What it gives in the end, a `Result`.
    pub result: String,
    /// What the client gives, a `Call`.
    pub call: String,
    /// The function that makes or takes the call: `unary`.
    pub shape: String,
    /// What the client sends, as an expression.
    pub payload: String,
    /// The pattern of the request in the handler: `request: super::PlaceOrder`.
    pub handler_parameter: String,
    /// What the handler passes on, each with a comma before: `, request.id`.
    pub handler_arguments: String,
    /// What names it on the wire.
    pub path: String,
    /// The first release that has it, as arguments: `1, 0`.
    pub since: String,
    /// `Unary`
    pub kind: String,
    /// Full name of the request message.
    pub request_name: String,
    /// Full name of the reply message.
    pub reply_name: String,
    /// What the handler does before it passes the request on, as a statement: refuses what breaks rules.
    pub accept: Option<String>,
    /// How a call may be treated, as an expression of type `Policy`.
    pub policy: String,
}

/// The errors that one method names.
#[derive(Clone, Debug)]
pub struct TypedError {
    /// `OrdersPlaceError`
    pub name: String,
    /// The method in the contract.
    pub method: String,
    /// One per error.
    pub variants: Vec<Variant>,
}

/// One error of a method.
#[derive(Clone, Debug)]
pub struct Variant {
    /// `OutOfStock`
    pub name: String,
    /// The message as seen from the module: `super::OutOfStock`.
    pub path: String,
    /// Its full name.
    pub full_name: String,
    /// Its code: `FailedPrecondition`.
    pub code: String,
    /// Whether the message is of another crate, which forbids a conversion into the runtime's error.
    pub foreign: bool,
}
