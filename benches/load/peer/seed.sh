#!/usr/bin/env bash
# seed.sh: brings the database at DATABASE_URL to our schema and fills it from the schema `canon`.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")"
: "${DATABASE_URL:?names the database to fill}"

IDGATE_DATA_DIR=$(mktemp -d "${TMPDIR:-/tmp}/idgate-seed.XXXXXX")
trap 'rm -rf -- "$IDGATE_DATA_DIR"' EXIT
export DATABASE_URL IDGATE_DATA_DIR
unset REDIS_URL

../../../target/release/idgate migrate
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --single-transaction --file=seed.sql "$DATABASE_URL"
