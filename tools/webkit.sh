#!/usr/bin/env bash
# WebKitGTK's driver and a display for the nightly browser tests: there already, installed here, or
# said what to do.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/debian.sh"

if { command -v WebKitWebDriver >/dev/null && command -v Xvfb >/dev/null; } || install_packages webkit2gtk-driver xvfb; then
    exit 0
fi
cat >&2 <<'END'
The tests in other browsers need WebKitWebDriver (with MiniBrowser) and Xvfb on PATH.
  Debian:  sudo apt-get install webkit2gtk-driver xvfb
Then run `make other-browsers` again. `make test` runs without it.
END
exit 1
