//! The scripts that the server runs, each in one step.
//!
//! What they do with which keys is said in front of each.

/// A script, and the name it goes by here.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

macro_rules! scripts {
    ($($constant:ident = $file:literal;)*) => {
        $(pub(super) static $constant: Script = Script {
            name: $file,
            text: concat!(include_str!("lua/common.lua"), include_str!(concat!("lua/", $file, ".lua"))),
        };)*
    };
}

scripts! {
    LIST = "list";
    WITHDRAW = "withdraw";
    STEER = "steer";
    POLL = "poll";
    NAMES = "names";
    READ = "read";
    SERVICES = "services";
    DOCUMENT = "document";
    DOCUMENTS = "documents";
    WRITE = "write";
}
