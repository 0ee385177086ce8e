#!/usr/bin/env bash
# PostgreSQL for the test of its tap: there already, installed here, or said what to do.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/debian.sh"

if command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null ||
    install_without_start postgresql; then
    exit 0
fi
cat >&2 <<'END'
The test of the tap for PostgreSQL needs initdb and postgres on PATH.
  Debian:  sudo apt-get install postgresql
  macOS:   brew install postgresql
Then run `make test` again. `make unit` runs without it.
END
exit 1
