//! Compiles the contract of the comparison.

fn main() -> Result<(), callsheet_build::Error> {
    callsheet_build::configure()
        .root("../idl")
        .compile(&["../idl/peers/echo.rpc"])
}
