#!/bin/sh
# Builds a release and measures it beside UDP echoes on this machine; prints one table. Arguments go on to
# `headgate bench suite`: --rounds 5, --seconds 3, --json, ...
set -eu
cd "$(dirname "$0")/.."
cargo build --release --locked
exec "${CARGO_TARGET_DIR:-target}/release/headgate" bench suite "$@"
