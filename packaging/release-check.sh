#!/bin/sh
# The part of `make release-check` that is not a make target: the package that was built, the units' sandboxes, and
# short runs of the load that `make soak` does for hours.
set -eu
cd "$(dirname "$0")/.."
report=$(mktemp)
trap 'rm -f "$report"' EXIT

# Exposure as systemd counts it, times ten (systemd-analyze(1)). What each is for costs it points: the
# network, peers at addresses that nobody knows beforehand, callers known by name (no user namespace), and for the
# enforcer the capabilities, netlink, and the packet sockets of its questions by ARP.
exposure() {
    systemd-analyze security --offline=true --threshold="$2" --no-pager "systemd/$1" >"$report" ||
        { tail -n 1 "$report" && exit 1; }
    tail -n 1 "$report"
}
exposure headgate.service 15
exposure headgate-enforce.service 19

# The newest one: older versions may lie beside it.
package=$(find "${CARGO_TARGET_DIR:-target}/debian" -name 'headgate_*.deb' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2)
lintian --fail-on error --tag-display-limit 0 "$package"

# The deliberate faults of src/writer/mutants.rs are not in what users get.
if dpkg-deb --fsys-tarfile "$package" | tar -xO ./usr/bin/headgate | grep -q HEADGATE_MUTANT; then
    echo "$package: the program knows HEADGATE_MUTANT" >&2
    exit 1
fi

# A year of 10,000 subscribers, undisturbed and killed again and again. Optimised, or it would take half an hour; not with
# --release, which does not check for overflow.
CARGO_PROFILE_DEV_OPT_LEVEL=2 CARGO_INCREMENTAL=0 HEADGATE_SIMULATION=10000 \
    cargo test --locked --lib simulation::a_year -- --nocapture

benches/run.sh --rounds 1 --seconds 1
MINUTES=5 benches/soak.sh --turn-seconds 10
