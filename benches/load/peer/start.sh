#!/usr/bin/env bash
# start.sh PORT: starts idgate as one process group, prints its process id and returns at once.
#
# DATABASE_URL and REDIS_URL name its stores; BENCH_SECRET, BENCH_WORKERS and BENCH_LOG say with
# which key, on how many threads of each kind, and where it writes.
set -euo pipefail
port=${1:?usage: start.sh PORT}
: "${DATABASE_URL:?names the database}" "${REDIS_URL:?names the shared store}"
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../../.." && pwd)
workers=${BENCH_WORKERS:-2}

# The same key for the same secret, so that a second start opens what the first one sealed.
digest=$(printf '%s' "${BENCH_SECRET:-idgate-benchmark}" | sha256sum)
octets=$(printf '%s' "${digest%% *}" | sed 's/../\\x&/g')
master=$(printf '%b' "$octets" | base64)

# The environment of the developer must not change the measurement.
unset RUST_LOG IDGATE_CONFIG

export DATABASE_URL REDIS_URL
export TOKIO_WORKER_THREADS=$workers
export IDGATE_ENV=development
export IDGATE_SERVER__LISTEN=127.0.0.1:$port
export IDGATE_KEYS__MASTER=$master
export IDGATE_HASHING__THREADS=$workers
# Rate limits are charged on every attempt, but never reached.
export IDGATE_THROTTLE__SCALE=1000000
# A used refresh token is refused at once: for anyone who measures, a lost answer is a failure.
export IDGATE_SESSIONS__GRACE_SECONDS=0
# The router of adapter.json, which asks for entities on the public listener.
export IDGATE_ROUTER__SECRET='a router that is only measured 0123456789'
export IDGATE_TELEMETRY__LOG=warn
export IDGATE_TELEMETRY__FORMAT=json

# The directory carries the process id, which `exec` keeps, so that stop.sh finds it.
# shellcheck disable=SC2016 # the new shell expands it
setsid bash -c '
    export IDGATE_DATA_DIR=${TMPDIR:-/tmp}/idgate-bench.$$
    mkdir -m 700 -- "$IDGATE_DATA_DIR" && cd -- "$IDGATE_DATA_DIR" && exec "$1" serve
' idgate-bench "$root/target/release/idgate" >>"${BENCH_LOG:-/dev/null}" 2>&1 </dev/null &
echo $!
