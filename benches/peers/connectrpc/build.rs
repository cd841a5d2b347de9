//! Compiles the contract of the comparison, in Rust alone, with payloads as `Bytes`.

use std::path::Path;
use std::{env, fs};

use buffa_codegen::{BytesRepr, CodeGenConfig};
use connectrpc_build::Config;
use prost::Message;

const CONTRACT: &str = "peers/echo.proto";

fn main() {
    println!("cargo::rerun-if-changed=../idl/peers/echo.proto");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let descriptors = Path::new(&out).join("echo.bin");
    let compiled = protox::compile([CONTRACT], ["../idl"]).expect("echo.proto compiles");
    let compiled = compiled.encode_to_vec();
    // Its generator has cargo watch the file: written each time, it would have this crate built each time.
    if !fs::read(&descriptors).is_ok_and(|before| before == compiled) {
        fs::write(&descriptors, compiled).expect("OUT_DIR is writable");
    }
    let mut messages = CodeGenConfig::default();
    messages.generate_json = false;
    messages.bytes_fields.push((".".into(), BytesRepr::Bytes));
    Config::new()
        .buffa_config(messages)
        .descriptor_set(descriptors)
        .files(&[CONTRACT])
        .include_file("stubs.rs")
        .compile()
        .expect("stubs can be generated");
}
