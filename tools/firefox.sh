#!/usr/bin/env bash
# Firefox for the nightly browser tests: there already, installed here, or said what to do.
set -euo pipefail

if command -v firefox-esr >/dev/null || command -v firefox >/dev/null; then
    exit 0
fi
if [[ $EUID -eq 0 && -e /etc/debian_version ]] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends firefox-esr >/dev/null
    exit 0
fi
cat >&2 <<'END'
The tests in other browsers need Firefox 140 or newer on PATH; no driver.
  Debian:  sudo apt-get install firefox-esr
  others:  https://www.mozilla.org/firefox/all/
Then run `make other-browsers` again. `make test` runs without it.
END
exit 1
