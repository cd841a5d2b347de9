//! Compiles the contracts that the README shows and the quickstart serves, as a user's build script would.

fn main() -> Result<(), callsheet_build::Error> {
    callsheet_build::configure()
        .root("../idl-examples")
        .compile(&["../idl-examples/library", "../idl-examples/shop"])
}
