#!/bin/sh
# Installs what building, testing or packaging headgate needs on Debian 12: packages through apt, the Rust toolchain
# through rustup. Only what is missing, so a second run is quick.
#
#   packaging/install-deps.sh build|test|package
set -eu

RUST_MINIMUM=1.90

build="build-essential pkg-config libnftnl-dev libmnl-dev ca-certificates curl"
# radclient, nft, ip, tc, iperf3, go, python3, php: the tests drive the server and the kernel with other people's programs; the
# script for access servers runs in dash and in BusyBox's shell, with curl and with wget. Python's jsonschema checks the
# OpenRPC document.
test="$build freeradius-utils nftables iproute2 iperf3 golang-go python3 python3-jsonschema php-cli dash busybox wget shellcheck"
package="$build dpkg-dev lintian systemd"

case "${1:-}" in
build) wanted=$build ;;
test) wanted=$test ;;
package) wanted=$package ;;
*)
    echo "usage: $0 build|test|package" >&2
    exit 2
    ;;
esac

missing=
for name in $wanted; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $name"
done

if [ -n "$missing" ]; then
    if [ "$(id -u)" -eq 0 ]; then
        as_root="env"
    elif command -v sudo >/dev/null 2>&1; then
        as_root="sudo env"
    else
        echo "These packages are needed:$missing" >&2
        echo "Run this as root, or install sudo, or ask your administrator for:" >&2
        echo "  apt-get install$missing" >&2
        exit 1
    fi
    echo "installing:$missing"
    $as_root apt-get update -q
    # Word splitting is meant: a list of names.
    # shellcheck disable=SC2086
    $as_root DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
fi

# True when cargo is there and new enough; Debian 12's own is not.
rust_is_new_enough() {
    command -v cargo >/dev/null 2>&1 || return 1
    version=$(cargo --version 2>/dev/null | cut -d ' ' -f 2) || return 1
    [ "$(printf '%s\n%s\n' "$RUST_MINIMUM" "$version" | sort -V | head -n 1)" = "$RUST_MINIMUM" ]
}

PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
if ! rust_is_new_enough; then
    if command -v rustup >/dev/null 2>&1; then
        rustup toolchain install stable --profile minimal --component clippy --component rustfmt
        rustup default stable
    else
        curl --proto '=https' --tlsv1.2 --fail --silent --show-error https://sh.rustup.rs |
            sh -s -- -y --profile minimal --component clippy --component rustfmt
    fi
    rust_is_new_enough || {
        echo "Rust $RUST_MINIMUM or newer is needed, and rustup did not bring it" >&2
        exit 1
    }
fi
