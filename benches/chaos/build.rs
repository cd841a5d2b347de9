//! Compiles the contract that the load calls, for both systems, and that of servers which call each other.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    callsheet_build::configure().root("idl").compile(&[
        "idl/chaos/chain.rpc",
        "idl/chaos/target.rpc",
        "idl/chaos/ten.rpc",
    ])?;
    println!("cargo::rerun-if-changed=idl/chaos/target.proto");
    let contract = protox::compile(["chaos/target.proto"], ["idl"])?;
    tonic_prost_build::configure().compile_fds(contract)?;
    Ok(())
}
