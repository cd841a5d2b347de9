//! libFuzzer on `callsheet_fuzz::generate`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| callsheet_fuzz::generate(bytes));
