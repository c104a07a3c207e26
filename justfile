# Recipes for working on idgate. `just` lists them; `bash .ci/run` runs every check.

set positional-arguments

# List the recipes
default:
    @{{ just_executable() }} --list --unsorted

# Install what the recipes use: components of the toolchain and cargo tools
setup:
    rustup component add rustfmt clippy llvm-tools
    cargo install --locked cargo-deny cargo-insta cargo-llvm-cov sea-orm-cli

# Start Postgres, Redis, a mail catcher and the gateway in containers, and wait until they are ready
up:
    docker compose up --build --wait

# Stop what `up` started; the data stays
down:
    docker compose down

# Run the gateway on the embedded default: SQLite and in-process store
run *arguments:
    cargo run --locked -- "$@"

# Run a command with a throw-away Postgres and Redis beside it, such as `just services bash`
services *command:
    scripts/services run -- "$@"

# Run the gateway on a throw-away Postgres and Redis
try:
    scripts/services run -- bash -c 'DATABASE_URL=$IDGATE_TEST_POSTGRES_URL REDIS_URL=$IDGATE_TEST_REDIS_URL IDGATE_DATABASE__MIGRATE_AT_START=always cargo run --locked'

# Run the tests on both backends, or those whose names contain the filter
test *filter:
    scripts/test -- "$@"

# Run the integration tests of one capability on the embedded backend, such as `just one session::`
one filter:
    cargo test --locked --test it -- "$1"

# Run the unit tests of one layer, such as `just unit domain::`
unit filter:
    cargo test --locked --lib -- "$1"

# Let real clients and a browser judge the gateway
wire *arguments:
    scripts/test --wire "$@"

# Everything that is quick to check: format, lints, dependencies, documentation, generated files
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    cargo deny --locked check --hide-inclusion-graph
    RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --workspace --document-private-items --locked
    cargo run --locked -- schema --check
    cargo run --locked -- config reference --check

# Write schema/schema.graphql and queries/manifest.json from the code and the documents
schema:
    cargo run --locked -- schema --write

# Write config/default.toml and docs/configuration.md from the declarations of settings
reference:
    cargo run --locked -- config reference --write

# The trusted documents' manifest is written with the schema
queries: schema

# Kill a gateway at so many instants of an erasure
kills count="30":
    IDGATE_TEST_KILLS={{ count }} cargo test --locked --test it killed -- --nocapture

# Kill an import of so many people at so many random instants, on both backends; what it leaves is compared byte for byte
import-kills count="10" people="100000":
    IDGATE_TEST_KILLS={{ count }} IDGATE_TEST_PEOPLE={{ people }} cargo test --locked --test it a_killed_import -- --nocapture
    IDGATE_TEST_BACKEND=production IDGATE_TEST_KILLS={{ count }} IDGATE_TEST_PEOPLE={{ people }} scripts/services run -- cargo test --locked --test it a_killed_import -- --nocapture

# Fill the Postgres database of DATABASE_URL, one to throw away, with people to list and search
people count="1000000":
    psql "$DATABASE_URL" -v people="$1" -f benches/load/people.sql

# Bring the configured database up to date
migrate:
    cargo run --locked -- migrate

# Add an empty migration called NAME
new-migration name:
    sea-orm-cli migrate generate --migration-dir migrations "$1"

# Review the snapshots that the last test run found changed
snapshots:
    cargo insta review

# Fuzz a reader of what strangers send for so many seconds: needs cargo-fuzz and a nightly toolchain
fuzz target seconds="120":
    mkdir -p "fuzz/corpus/$1"
    cd fuzz && cargo +nightly fuzz run --sanitizer none "$1" "corpus/$1" "seeds/$1" -- -max_total_time="$2" -timeout=10

# Search for the input that costs each reader most, so many seconds each
worst seconds="10" part="":
    cd fuzz && cargo run --release --example worst -- "$1" "$2"

# Measure a hot path, such as `just bench hashing`; a second run says what has changed. `just bench load` loads a whole server, `just bench import` imports beside a plain copy
bench name *arguments:
    if [ -x "benches/$1/run" ]; then exec "benches/$1/run" "${@:2}"; else exec cargo bench --locked --bench "$1" -- "${@:2}"; fi

# Measure what the tests reach, on both backends
coverage:
    scripts/test --coverage
