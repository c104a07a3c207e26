#!/usr/bin/env bash
# stop.sh PID: ends the process group that start.sh made, and removes its data directory.
set -euo pipefail
pid=${1:?usage: stop.sh PID}
# A 0 would mean our own group, and a 1 every process.
[[ $pid =~ ^[0-9]+$ && $pid -gt 1 ]] || {
    printf 'stop.sh: %s is no process id\n' "$pid" >&2
    exit 2
}

is_there() { kill -0 -- "-$pid" 2>/dev/null; }

kill -TERM -- "-$pid" 2>/dev/null || true
for _ in {1..250}; do
    is_there || break
    sleep 0.1
done
if is_there; then
    kill -KILL -- "-$pid" 2>/dev/null || true
fi
rm -rf -- "${TMPDIR:-/tmp}/idgate-bench.$pid"
