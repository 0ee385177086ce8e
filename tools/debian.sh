# Sourced by the scripts that install a server for the tests.

# Install a package of Debian whose service must not start: the tests start one of their own.
# Returns 1 if this is no Debian, or not root.
install_without_start() {
    local policy=/usr/sbin/policy-rc.d # Debian asks it whether a service that was installed may start
    if [[ $EUID -ne 0 || ! -e /etc/debian_version ]] || ! command -v apt-get >/dev/null; then
        return 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    if [[ ! -e $policy ]]; then
        trap "rm -f $policy" EXIT
        printf '#!/bin/sh\nexit 101 # no\n' >"$policy"
        chmod +x "$policy"
    fi
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends "$1" >/dev/null
}
