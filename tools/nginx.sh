#!/usr/bin/env bash
# nginx for the tests behind a proxy: there already, installed here, or said what to do.
set -euo pipefail

PATH="$PATH:/usr/sbin"
POLICY=/usr/sbin/policy-rc.d # Debian asks it whether a service that was installed may start

if command -v nginx >/dev/null; then
    exit 0
fi
if [[ $EUID -eq 0 && -e /etc/debian_version ]] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    if [[ ! -e $POLICY ]]; then
        trap 'rm -f "$POLICY"' EXIT
        printf '#!/bin/sh\nexit 101 # no: the tests start one of their own\n' >"$POLICY"
        chmod +x "$POLICY"
    fi
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends nginx-light >/dev/null
    exit 0
fi
cat >&2 <<'END'
The tests behind a proxy need nginx on PATH.
  Debian:  sudo apt-get install nginx-light
  macOS:   brew install nginx
Then run `make test` again. `make unit` runs without it.
END
exit 1
