#!/usr/bin/env bash
# redis-server, or the server that REDIS_SERVER names, for the tests of the brokers: there already,
# installed here, or said what to do.
set -euo pipefail

SERVER=${REDIS_SERVER:-redis-server}

if command -v "$SERVER" >/dev/null; then
    exit 0
fi
if [[ $EUID -eq 0 && -e /etc/debian_version ]] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends "${SERVER##*/}" >/dev/null
    exit 0
fi
cat >&2 <<'END'
The tests of the Redis broker need redis-server (6.2 or newer) or valkey-server: on PATH, or named by
the environment variable REDIS_SERVER. They start it on a free port, with a directory of its own.
  Debian:  sudo apt-get install redis-server
  macOS:   brew install redis
Then run `make test` again. `make unit` runs without it.
END
exit 1
