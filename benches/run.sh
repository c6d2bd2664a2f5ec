#!/bin/sh
# Builds a release and measures it on this machine: RADIUS beside UDP echoes, payments beside one commit each and through the doors,
# GetCost with few and with many prefixes, the kernel's tables beside `nft -f` (root), collector
# lists beside nginx; prints six tables. Arguments go on to
# `headgate bench suite`: --rounds 5, --seconds 3, --modes pap,acct, ...
set -eu
cd "$(dirname "$0")/.."
cargo build --release --locked
program="${CARGO_TARGET_DIR:-target}/release/headgate"
"$program" bench suite "$@"
echo
"$program" bench payments
echo
"$program" bench operators
echo
"$program" bench calls
echo
"$program" bench enforcement
echo
if command -v nginx >/dev/null; then
    "$program" bench doors
else
    echo "no nginx (Debian's nginx-light): lists are not compared with it" >&2
    "$program" bench doors --parts delta
fi
