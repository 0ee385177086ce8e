#!/usr/bin/env bash
# redis-server, or the server that REDIS_SERVER names, for the tests of the brokers: there already,
# installed here, or said what to do.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/debian.sh"

SERVER=${REDIS_SERVER:-redis-server}

if command -v "$SERVER" >/dev/null || install_packages "${SERVER##*/}"; then
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
