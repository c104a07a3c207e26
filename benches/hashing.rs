//! One password hash at the default cost by each implementation, and how they compare.

#![expect(clippy::expect_used, reason = "a benchmark may end by a panic")]

mod common;

use criterion::Criterion;
use idgate::config::HashImplementation;
use idgate::crypto::hasher::{Hasher, HasherParameters};
use idgate::crypto::random::Random;
use idgate::domain::password::Password;
use secrecy::SecretString;
use tokio::runtime::{Builder, Runtime};

const ROUNDS: usize = 101;

/// The defaults of `[hashing]`, on one thread.
const DEFAULT: HasherParameters = HasherParameters {
    memory_kib: 19_456,
    iterations: 2,
    parallelism: 1,
    threads: 1,
    queue: 1,
};

/// One hash after another, on the thread of a hasher that keeps its memory.
struct Subject {
    hasher: Hasher,
    runtime: Runtime,
}

impl Subject {
    fn new(implementation: HashImplementation) -> Self {
        let random = Random::seeded(1);
        Self {
            hasher: Hasher::start(&DEFAULT, implementation, &random).expect("the hasher starts"),
            runtime: Builder::new_current_thread()
                .build()
                .expect("the runtime starts"),
        }
    }

    fn hash(&self) -> String {
        let password = SecretString::from("correct horse battery staple");
        let password = Password::attempt(password).expect("it is a password");
        let hashed = self.runtime.block_on(self.hasher.hash(password));
        hashed.expect("one hash fits into the queue")
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the ratio is a result of the benchmark"
)]
fn main() {
    let portable = Subject::new(HashImplementation::Portable);
    let simd = Subject::new(HashImplementation::Simd);

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("hash");
    group.sample_size(20);
    group.bench_function("portable", |bencher| bencher.iter(|| portable.hash()));
    group.bench_function("simd", |bencher| bencher.iter(|| simd.hash()));
    group.finish();
    criterion.final_summary();

    let (slow, fast) =
        common::medians_in_turn(ROUNDS, || drop(portable.hash()), || drop(simd.hash()));
    println!(
        "in turn, medians of {ROUNDS}: portable {slow:.2?}, simd {fast:.2?}, ratio {:.2}",
        slow.as_secs_f64() / fast.as_secs_f64()
    );
}
