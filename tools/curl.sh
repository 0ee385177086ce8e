#!/usr/bin/env bash
# curl for the test of the README's line: there already, installed here, or said what to do.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/debian.sh"

if command -v curl >/dev/null || install_packages curl; then
    exit 0
fi
cat >&2 <<'END'
The test of the README's line for the shell needs curl on PATH.
  Debian:  sudo apt-get install curl
Then run `make test` again. `make unit` runs without it.
END
exit 1
