#!/usr/bin/env bash
# Chromium and its driver for the browser tests: there already, installed here, or said what to do.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/debian.sh"

has_browser() {
    command -v chromium || command -v chromium-browser || command -v google-chrome
} >/dev/null

if { has_browser && command -v chromedriver >/dev/null; } || install_packages chromium chromium-driver; then
    exit 0
fi
cat >&2 <<'END'
The browser tests need Chromium (or Chrome) and the chromedriver of the same version on PATH.
  Debian:  sudo apt-get install chromium chromium-driver
  macOS:   brew install --cask google-chrome chromedriver
  others:  https://developer.chrome.com/docs/chromedriver/downloads
Then run `make test` again. `make unit` runs without them.
END
exit 1
