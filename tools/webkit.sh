#!/usr/bin/env bash
# WebKitGTK's driver and a display for the nightly browser tests: there already, installed here, or
# said what to do.
set -euo pipefail

if command -v WebKitWebDriver >/dev/null && command -v Xvfb >/dev/null; then
    exit 0
fi
if [[ $EUID -eq 0 && -e /etc/debian_version ]] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends webkit2gtk-driver xvfb >/dev/null
    exit 0
fi
cat >&2 <<'END'
The tests in other browsers need WebKitWebDriver (with MiniBrowser) and Xvfb on PATH.
  Debian:  sudo apt-get install webkit2gtk-driver xvfb
Then run `make other-browsers` again. `make test` runs without it.
END
exit 1
