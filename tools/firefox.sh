#!/usr/bin/env bash
# Firefox for the nightly browser tests: there already, installed here, or said what to do.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/debian.sh"

if { command -v firefox-esr >/dev/null || command -v firefox >/dev/null; } || install_packages firefox-esr; then
    exit 0
fi
cat >&2 <<'END'
The tests in other browsers need Firefox 140 or newer on PATH; no driver.
  Debian:  sudo apt-get install firefox-esr
  others:  https://www.mozilla.org/firefox/all/
Then run `make other-browsers` again. `make test` runs without it.
END
exit 1
