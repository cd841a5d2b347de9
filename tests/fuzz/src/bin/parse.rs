//! libFuzzer on `callsheet_fuzz::parse`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| callsheet_fuzz::parse(bytes));
