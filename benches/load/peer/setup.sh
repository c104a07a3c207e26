#!/usr/bin/env bash
# setup.sh: builds what is measured. Running it again builds what has changed.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/../../.."
exec cargo build --release --locked --bin idgate
