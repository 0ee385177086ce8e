#!/usr/bin/env bash
# nginx for the tests behind a proxy: there already, installed here, or said what to do.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/debian.sh"
PATH="$PATH:/usr/sbin"

if command -v nginx >/dev/null || install_without_start nginx-light; then
    exit 0
fi
cat >&2 <<'END'
The tests behind a proxy need nginx on PATH.
  Debian:  sudo apt-get install nginx-light
  macOS:   brew install nginx
Then run `make test` again. `make unit` runs without it.
END
exit 1
