//! Cap'n Proto RPC over TCP, as its examples set it up. Its schema compiler is a C++ program; without it there is
//! nothing to measure.

// Where the generated code looks for itself.
#[cfg(capnp_compiler)]
#[expect(
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    clippy::pedantic,
    clippy::unimplemented,
    reason = "generated"
)]
mod echo_capnp {
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
