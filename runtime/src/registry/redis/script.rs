//! The scripts that the server runs, each in one step.
//!
//! What they do with which keys is said in front of each.

/// A script, and the name it goes by here.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) name: &'static str,
    /// Whether it changes nothing, so that a user who may only read may run it.
    pub(super) reads: bool,
    pub(super) text: &'static str,
}

macro_rules! scripts {
    ($($constant:ident = $file:literal, reads: $reads:literal;)*) => {
        $(pub(super) static $constant: Script = Script {
            name: $file,
            reads: $reads,
            text: concat!(include_str!("lua/common.lua"), include_str!(concat!("lua/", $file, ".lua"))),
        };)*
    };
}

scripts! {
    LIST = "list", reads: false;
    WITHDRAW = "withdraw", reads: false;
    STEER = "steer", reads: false;
    POLL = "poll", reads: true;
    NAMES = "names", reads: true;
    READ = "read", reads: true;
    SERVICES = "services", reads: true;
    DOCUMENT = "document", reads: true;
    DOCUMENTS = "documents", reads: true;
    WRITE = "write", reads: false;
}
