//! Compiles the contract of the comparison.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=../idl/peers/echo.proto");
    let contract = protox::compile(["peers/echo.proto"], ["../idl"])?;
    tonic_prost_build::configure()
        .bytes(".")
        .compile_fds(contract)?;
    Ok(())
}
