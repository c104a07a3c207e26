//! The committed seeds and what is near them, without a fuzzer: `cargo test` in this folder.

use std::fs;
use std::path::Path;

/// How many changes of each seed are tried.
const CHANGES: u64 = 200;

#[test]
fn every_seed_and_its_neighbours_keep_every_promise() {
    let only = std::env::var("TARGET").ok();
    for (name, target) in idgate_fuzz::TARGETS {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("seeds")
            .join(name);
        let files = fs::read_dir(&folder).expect("a folder of seeds for each target");
        let seeds: Vec<Vec<u8>> = files
            .map(|file| fs::read(file.expect("an entry").path()).expect("a seed"))
            .collect();
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in &seeds {
            target(seed);
        }
        for round in 0..CHANGES {
            for (place, seed) in (0..).zip(&seeds) {
                let changed = changed(seed, &seeds, round * 1_000 + place);
                let kept = std::panic::catch_unwind(|| target(&changed));
                assert!(
                    kept.is_ok(),
                    "{name}: {:?}",
                    String::from_utf8_lossy(&changed)
                );
            }
        }
    }
}

/// A seed with a few bytes removed, doubled, replaced or taken from another one.
fn changed(seed: &[u8], others: &[Vec<u8>], number: u64) -> Vec<u8> {
    let mut state = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut below = |end: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % (end.max(1) as u64)) as usize
    };
    let mut bytes = seed.to_vec();
    for _ in 0..=below(4) {
        let from = below(bytes.len() + 1);
        let to = (from + below(8)).min(bytes.len());
        let other = &others[below(others.len())];
        let start = below(other.len() + 1);
        let piece = match below(4) {
            0 => Vec::new(),
            1 => bytes[from..to].repeat(1 + below(40)),
            2 => vec![below(256) as u8],
            _ => other[start..(start + below(16)).min(other.len())].to_vec(),
        };
        bytes.splice(from..to, piece);
    }
    bytes
}
