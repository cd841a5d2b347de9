//! Names that nobody should give, and everybody may.

use std::collections::HashSet;

use callsheet_tests::chance::Chance;

/// Keywords of Rust in all editions, weak ones, and what raw identifiers cannot be.
const KEYWORDS: &str = "
    abstract as async await become box break const continue crate do dyn else enum extern false final fn for gen
    if impl in let loop macro match mod move mut override priv pub ref return self Self static struct super
    trait true try type typeof unsafe unsized use virtual where while yield union auto macro_rules raw safe
    default dyn_ r";

/// The prelude, std's macros, primitive types and traits that derives and lints know.
const STANDARD: &str = "
    Option Some None Result Ok Err Vec String Box Default Debug Clone Copy Drop From Into TryFrom TryInto
    Iterator IntoIterator FromStr ToString Send Sync Sized Unpin Fn FnMut FnOnce Eq PartialEq Ord PartialOrd
    Hash Hasher Display Error Future Arc HashMap Deref AsRef Borrow Display_ Infallible Duration Formatter bool
    u8 i8 u16 i16 u32 i32 u64 i64 u128 i128 f32 f64 usize isize char str std core alloc vec format panic assert
    matches write line include concat env derive test allow cfg deprecated inline doc main option";

/// Methods of traits that messages have, of prost's own, and of the runtime.
const METHODS: &str = "
    clone clone_from fmt eq ne cmp partial_cmp hash default drop from into try_from try_into encode decode
    encode_raw merge merge_field clear encoded_len encode_to_vec encode_length_delimited new blocking with_group
    with_timeout with_releases validate name type_name type_url full_name code is_valid as_str_name
    from_str_name as_str wait next not add neg borrow as_ref deref index len is_empty iter to_string to_owned
    type_id get set push insert take unwrap or poll call start group release weight zone tag placement on_new";

/// What generated text uses itself.
const OURS: &str = "
    v1 v2 v0 V1 client server service Service Orders OrdersClient OrdersBlockingClient OrdersServer OrdersMock
    OrdersGroup OrdersPlaceError OrdersPlaceRequest OrdersPlaceRequestV2 FILE_DESCRIPTOR_SET ORDERS callsheet
    codegen prost prost_types bytes Bytes rpc __rpc __Rpc __rpc_answer __RpcService __RpcOrdersHandler Handler
    Offer Incoming Answer Streaming Call Client Server Mock Group Merge Status Code TypedError ServiceDescriptor
    MethodDescriptor Release Channel Message Oneof Enumeration Name NAME PACKAGE request requests answer method
    methods channel service_ error errors other Other value values f buf tag wire_type ctx key T U E X order
    place Place Order Item item Entry labels LabelsEntry Request Violation Violations Validate Unknown path";

/// Names that only underscores, case and digits tell apart, or that lose their letters on the way.
const SHAPES: &str = "
    userId user_id UserID USER_ID userID a1 a_1 A1 a_1_b a1b _1 _1a _a a_ a__b FOO Foo foo fooBar FooBar FOOBAR
    foo_bar FOO_BAR x xY XY XyZ x_y_z HTTPServer HttpServer http_server v1_1 V1Beta _v1 v_1 B b _9 A_B aB set_x
    get_x";

/// Packages: called as modules of messages, as majors, as crates, and each within another.
pub(super) const PACKAGES: &str = "
    shop shop.order shop.orders shop.orders.v1 shop.v1 shop.v2.orders v1 v1.v1 v1.v2 v1.v1.v1 type self
    self.self crate crate.super super mod mod.mod std core alloc std.core core.option callsheet
    callsheet.codegen prost prost_types u8 u64 option result.ok a a.b a.b.c a.b.c.d.e.f.g a.c b.a fn.match.impl
    google google.rpc google.type foo_bar FooBar.baz vec box gen.async";

/// What stands behind a name to make another.
const ENDS: &str = "
    Request RequestV2 Error Client BlockingClient Server Mock Group Entry OneOf Handler _ 1 _1 s V1 Id _id Kind
    Other";

/// Names of one scope, none of which is there twice but by chance.
pub(super) struct Scope {
    /// As given.
    exact: HashSet<String>,
    /// Without case and underscores.
    plain: HashSet<String>,
    all: Vec<String>,
    /// How many names in a hundred may meet others.
    reckless: usize,
}

impl Scope {
    pub(super) fn new(reckless: usize) -> Self {
        Self {
            exact: HashSet::new(),
            plain: HashSet::new(),
            all: Vec::new(),
            reckless,
        }
    }

    /// Takes a name away.
    pub(super) fn take(&mut self, name: &str) {
        self.exact.insert(name.to_owned());
        self.plain.insert(plain(name));
    }

    /// Whether no name meets this one.
    pub(super) fn is_free(&self, name: &str) -> bool {
        !self.plain.contains(&plain(name))
    }

    /// A name for a declaration, which the language's own types forbid some of.
    pub(super) fn declared(&mut self, chance: &mut Chance) -> String {
        loop {
            let name = self.name(chance);
            if !is_built_in(&name) || chance.percent(self.reckless) {
                return name;
            }
        }
    }

    /// A new name.
    pub(super) fn name(&mut self, chance: &mut Chance) -> String {
        let mut name = String::new();
        for _ in 0..12 {
            name = self.candidate(chance);
            let free = !self.plain.contains(&plain(&name));
            if free || !self.exact.contains(&name) && chance.percent(self.reckless) {
                break;
            }
            name.clear();
        }
        while name.is_empty() || self.exact.contains(&name) {
            name = format!("{}{}", word(chance), chance.between(10, 9999));
        }
        self.take(&name);
        self.all.push(name.clone());
        name
    }

    fn candidate(&self, chance: &mut Chance) -> String {
        match chance.below(20) {
            0..=1 if !self.all.is_empty() => {
                format!("{}{}", chance.pick(&self.all), one_of(chance, ENDS))
            }
            2 => format!("{}_{}", word(chance), word(chance)),
            3 => {
                let (a, b) = (word(chance), word(chance));
                a.chars().chain(first_upper(b).chars()).collect()
            }
            4 => word(chance).to_uppercase(),
            5 => first_upper(word(chance)),
            6 => word(chance).to_lowercase(),
            _ => word(chance).to_owned(),
        }
    }
}

/// One of the words of a pool.
pub(super) fn one_of(chance: &mut Chance, pool: &'static str) -> &'static str {
    let words: Vec<&'static str> = pool.split_whitespace().collect();
    chance.pick(&words)
}

/// Any of the words.
pub(super) fn word(chance: &mut Chance) -> &'static str {
    let pool = chance.pick(&[KEYWORDS, STANDARD, METHODS, OURS, SHAPES]);
    one_of(chance, pool)
}

fn plain(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}

fn first_upper(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(letters)
        .collect()
}

fn is_built_in(name: &str) -> bool {
    matches!(
        name,
        "bool"
            | "string"
            | "bytes"
            | "float"
            | "double"
            | "map"
            | "timestamp"
            | "duration"
            | "empty"
            | "any"
            | "struct"
            | "value"
    ) || name
        .trim_start_matches(|c: char| c.is_ascii_lowercase())
        .parse::<u8>()
        .is_ok_and(|bits| bits >= 32)
}
