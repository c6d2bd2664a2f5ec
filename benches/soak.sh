#!/bin/sh
# Builds a release and loads it for MINUTES (60); fails on a wrong reply, on growth, or when it stops. Arguments go
# on to `headgate bench soak`.
set -eu
cd "$(dirname "$0")/.."
cargo build --release --locked
exec "${CARGO_TARGET_DIR:-target}/release/headgate" bench soak --minutes "${MINUTES:-60}" "$@"
