#!/usr/bin/env bash
# prometheus for the test of the dashboard: there already, installed here, or said what to do.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/debian.sh"
PATH="$PATH:/usr/sbin"

if command -v prometheus >/dev/null || install_without_start prometheus; then
    exit 0
fi
cat >&2 <<'END'
The test of the dashboard needs prometheus on PATH.
  Debian:  sudo apt-get install prometheus
  macOS:   brew install prometheus
Without it that test is skipped.
END
exit 1
