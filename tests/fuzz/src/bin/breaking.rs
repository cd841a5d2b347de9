//! libFuzzer on `callsheet_fuzz::breaking`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| callsheet_fuzz::breaking(bytes));
