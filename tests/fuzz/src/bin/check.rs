//! libFuzzer on `callsheet_fuzz::check`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| callsheet_fuzz::check(bytes));
