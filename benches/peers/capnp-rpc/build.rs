//! Compiles the schema where the `capnp` compiler is installed; else the program says what is missing.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// What `-> stream` in a schema imports. Debian puts that file into another package than the compiler.
const STREAM: &str = "@0x86c366a91393f3f8;\nstruct StreamResult @0x995f9a3377c0b16e {}\n";

fn main() {
    println!("cargo::rustc-check-cfg=cfg(capnp_compiler)");
    println!("cargo::rerun-if-changed=echo.capnp");
    println!("cargo::rerun-if-env-changed=PATH");
    if Command::new("capnp").arg("--version").output().is_err() {
        println!(
            "cargo::warning=capnp-rpc is left out: no `capnp` compiler (Debian: apt install capnproto)"
        );
        return;
    }
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let imports = Path::new(&out).join("imports");
    fs::create_dir_all(imports.join("capnp")).expect("OUT_DIR is writable");
    fs::write(imports.join("capnp/stream.capnp"), STREAM).expect("OUT_DIR is writable");
    capnpc::CompilerCommand::new()
        .file("echo.capnp")
        .import_path(imports)
        .run()
        .expect("echo.capnp compiles");
    println!("cargo::rustc-cfg=capnp_compiler");
}
