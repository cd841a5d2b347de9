//! Cap'n Proto RPC over TCP, as its examples set it up. Its schema compiler is a C++ program; without it there is
//! nothing to measure.

// Where the generated code looks for itself.
#[cfg(capnp_compiler)]
mod echo_capnp {
    #![allow(
        unreachable_pub,
        rust_2018_idioms,
        warnings,
        clippy::all,
        clippy::pedantic,
        reason = "generated"
    )]
    include!(concat!(env!("OUT_DIR"), "/echo_capnp.rs"));
}

#[cfg(capnp_compiler)]
mod peer;

#[cfg(capnp_compiler)]
fn main() -> std::process::ExitCode {
    rig::run::<peer::CapnpRpc>()
}

#[cfg(not(capnp_compiler))]
fn main() -> std::process::ExitCode {
    eprintln!(
        "capnp-rpc was built without its schema compiler: install `capnp` (Debian: `apt install capnproto`) and build again"
    );
    std::process::ExitCode::FAILURE
}
