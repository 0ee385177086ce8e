#!/usr/bin/env bash
# mosquitto for the test of the MQTT recipe: there already, installed here, or said what to do.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/debian.sh"
PATH="$PATH:/usr/sbin"

if command -v mosquitto >/dev/null || install_without_start mosquitto; then
    exit 0
fi
cat >&2 <<'END'
The test of the MQTT recipe needs mosquitto on PATH.
  Debian:  sudo apt-get install mosquitto
  macOS:   brew install mosquitto
Then run `make test` again. `make unit` runs without it.
END
exit 1
