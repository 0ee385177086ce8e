#!/usr/bin/env bash
# curl for the test of the README's line: there already, installed here, or said what to do.
set -euo pipefail

if command -v curl >/dev/null; then
    exit 0
fi
if [[ $EUID -eq 0 && -e /etc/debian_version ]] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends curl >/dev/null
    exit 0
fi
cat >&2 <<'END'
The test of the README's line for the shell needs curl on PATH.
  Debian:  sudo apt-get install curl
Then run `make test` again. `make unit` runs without it.
END
exit 1
