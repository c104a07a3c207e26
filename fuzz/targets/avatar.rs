#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| idgate_fuzz::avatar(data));
