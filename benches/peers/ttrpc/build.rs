//! Compiles the contract of the comparison, in Rust alone.

use std::path::Path;
use std::{env, fs};

use ttrpc_codegen::{Codegen, Customize, ProtobufCustomize};

fn main() {
    println!("cargo::rerun-if-changed=../idl/peers/echo.proto");
    Codegen::new()
        .input("../idl/peers/echo.proto")
        .include("../idl/peers")
        .rust_protobuf()
        .customize(Customize {
            async_all: true,
            ..Customize::default()
        })
        .rust_protobuf_customize(ProtobufCustomize::default().tokio_bytes(true))
        .run()
        .expect("echo.proto compiles");

    // `include!` takes no inner attributes.
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    for name in ["echo.rs", "echo_ttrpc.rs"] {
        let path = Path::new(&out).join(name);
        let text = fs::read_to_string(&path).expect("the file was generated");
        let outer = |line: &&str| !line.starts_with("#![") && !line.starts_with("//!");
        let lines: Vec<&str> = text.lines().filter(outer).collect();
        fs::write(&path, lines.join("\n")).expect("OUT_DIR is writable");
    }
}
