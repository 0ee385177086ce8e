# Sourced by the scripts that install a program for the tests.

# Install packages of Debian. Returns 1 if this is no Debian, or not root.
install_packages() {
    if [[ $EUID -ne 0 || ! -e /etc/debian_version ]] || ! command -v apt-get >/dev/null; then
        return 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

# Install a package whose service must not start: the tests start one of their own.
install_without_start() {
    local policy=/usr/sbin/policy-rc.d # Debian asks it whether a service that was installed may start
    if [[ $EUID -eq 0 && -e /etc/debian_version && ! -e $policy ]]; then
        trap "rm -f $policy" EXIT
        printf '#!/bin/sh\nexit 101 # no\n' >"$policy"
        chmod +x "$policy"
    fi
    install_packages "$1"
}
