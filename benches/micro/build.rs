//! Compiles the contract that the figures are taken with.

fn main() -> Result<(), callsheet_build::Error> {
    callsheet_build::configure()
        .root("idl")
        .compile(&["idl/gauge.rpc"])
}
