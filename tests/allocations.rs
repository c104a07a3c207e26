//! How many blocks of memory a request takes: a guard that times nothing.
//!
//! Counted for the whole process, so this is a program of its own with one test. The numbers are those
//! of the embedded backend with caches filled, and do not depend on the machine.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../benches/common/gateway.rs"]
mod gateway;

use std::alloc::System;
use std::fmt::Write as _;

use gateway::{Gateway, REQUESTS};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Blocks for each of [`REQUESTS`], about a tenth more than they take.
const BOUNDS: [usize; REQUESTS.len()] = [240, 1_060, 3_900];

#[test]
fn requests_allocate_no_more_than_stated() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut report = String::new();
    let mut is_exceeded = false;
    runtime.block_on(async {
        let gateway = Gateway::start().await;
        for (name, bound) in REQUESTS.iter().zip(BOUNDS) {
            let body = gateway.body(name);
            let mut fewest = usize::MAX;
            // The first ones fill caches; later ones now and then make a table grow.
            for _ in 0..40 {
                let region = Region::new(ALLOCATOR);
                gateway.send(&body).await;
                let taken = region.change();
                fewest = fewest.min(taken.allocations + taken.reallocations);
            }
            is_exceeded |= fewest > bound;
            let _ = writeln!(report, "{name}: {fewest} blocks, at most {bound}");
        }
    });
    println!("{report}");
    assert!(!is_exceeded, "\n{report}");
}
