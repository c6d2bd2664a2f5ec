#!/bin/sh
# Keeps nftables and HTB of this machine as the collector lists of a headgate server say, for access servers that
# cannot run `headgate enforce`. Explained in docs/nas/poller.md; `nas-poll.sh --help` has the options.
#
# Needs a POSIX shell, awk, nft, tc, and curl or wget. Touches the table `inet headgate_poll` and the root qdiscs with
# handle 6870:, and nothing else.
#
# The lists' format and `since`, `wait`, `family`: docs/system-api.md.
set -uf
umask 077
LC_ALL=C
export LC_ALL
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY

TABLE=headgate_poll
# Major number of our HTB: a root qdisc with another one is somebody else's.
MAJOR=6870
# Lines of one list, prefix lengths in use, octets of an answer: more is refused.
LINES_MAX=200000
LENGTHS_MAX=16
ANSWER_OCTETS_MAX=67108864
# Seconds: between two rounds at least; after a failed one; between looks at the kernel; between writes of the saved
# state; between look-ups of names; for an answer beyond its `wait`.
ROUND_SECONDS=1
RETRY_SECONDS=5
CHECK_SECONDS=60
SAVE_SECONDS=60
NAMES_SECONDS=300
ANSWER_SECONDS=15

usage() {
    cat <<'USAGE'
usage: nas-poll.sh [--config FILE] [--once | --saved | --dry-run | --remove]

  without an option   follows the server until it is stopped
  --once              one round: asks, applies, and exits 0, or 1 when the server did not answer in full
  --saved             applies the lists saved last, without asking; for early in the boot
  --dry-run           asks, and prints what would be done
  --remove            takes off the table, our qdiscs and what was saved
  --config FILE       default /etc/headgate/nas-poll.conf

Exit: 0 done, 1 failed, 2 wrong option, 78 wrong configuration.
USAGE
}

say() {
    if [ "$log" = syslog ]; then
        logger -t nas-poll -- "$*"
    else
        printf 'nas-poll: %s\n' "$*" >&2
    fi
}

# die STATUS TEXT
die() {
    status=$1
    shift
    say "$*"
    exit "$status"
}

take_lock() {
    mkdir -p "$run" || die 1 "$run: cannot be made"
    if ! mkdir "$run/lock" 2>/dev/null; then
        holder=$(cat "$run/lock/pid" 2>/dev/null)
        if [ -z "$holder" ]; then
            # It may be about to write its number.
            sleep 1
            holder=$(cat "$run/lock/pid" 2>/dev/null)
        fi
        if [ -n "$holder" ] && grep -q nas-poll "/proc/$holder/cmdline" 2>/dev/null; then
            die 1 "another one runs already (process $holder)"
        fi
        # Left by one that was killed.
        rm -rf "$run/lock"
        mkdir "$run/lock" 2>/dev/null || die 1 "another one has just started"
    fi
    echo $$ >"$run/lock/pid"
    trap 'leave' EXIT
    trap 'stopped=yes; [ -z "$child" ] || kill "$child" 2>/dev/null; exit 0' INT TERM HUP
}

leave() {
    [ "$unsaved" = no ] || save
    rm -rf "$run/request" "$run/lock"
}

# Runs a command that a signal may end at once: the shell would wait for its end first.
child=''
unsaved=no
interruptible() {
    "$@" &
    child=$!
    wait "$child"
    result=$?
    child=''
    return "$result"
}

once() {
    [ -z "$walled_garden" ] || look_up
    poll 0 || return 1
    apply || return 1
    if [ "$changed" = yes ] || [ ! -f "$state/lists" ]; then save; fi
}

dry_run() {
    real=$run
    run=$(mktemp -d) || exit 1
    trap 'rm -rf "$run"' EXIT
    for name in skeleton shown walled names; do [ ! -f "$real/$name" ] || cp "$real/$name" "$run/"; done
    for device in $shape $wan; do [ ! -f "$real/device.$device" ] || cp "$real/device.$device" "$run/"; done
    [ -z "$walled_garden" ] || look_up
    poll 0 && apply
}

remove() {
    nft delete table inet "$TABLE" 2>/dev/null
    for device in $shape $wan; do
        [ "$(root_of "$device")" != ours ] || tc qdisc del dev "$device" root
    done
    rm -f "$state/lists"
    # By name: run-dir may be shared with others.
    set +f
    for kind in list new cursor new-cursor shown skeleton walled names device complaint tc; do
        rm -f "$run/$kind" "$run/$kind".*
    done
    set -f
    rm -f "$run/scope" "$run/answer" "$run/request" "$run/error" "$run/kernel" "$run/sorted" "$run/classes" "$run/change.nft" \
        "$run/transaction"
}

follow() {
    restore && apply
    pause=0
    while [ "$stopped" = no ]; do
        now=$(date +%s)
        [ -z "$walled_garden" ] || [ $((now - names_at)) -lt $NAMES_SECONDS ] || look_up
        if poll "$pause"; then
            pause=$wait
            rest=$ROUND_SECONDS
            [ "$changed" = no ] || unsaved=yes
        else
            rest=$RETRY_SECONDS
        fi
        now=$(date +%s)
        if [ "$changed" = yes ] || [ $((now - checked_at)) -ge $CHECK_SECONDS ]; then
            # What failed is tried again at the next look.
            ! have_lists || apply || checked_at=$((now - CHECK_SECONDS))
        fi
        [ "$unsaved" = no ] || [ $((now - saved_at)) -lt $SAVE_SECONDS ] || save
        interruptible sleep "$rest"
    done
}
stopped=no
checked_at=0

case $0 in
*/*) parts=${0%/*}/nas-poll.d ;;
*) parts=./nas-poll.d ;;
esac
# shellcheck source=nas-poll.d/settings.sh
. "$parts/settings.sh" || exit 1
# shellcheck source=nas-poll.d/lists.sh
. "$parts/lists.sh" || exit 1
# shellcheck source=nas-poll.d/skeleton.sh
. "$parts/skeleton.sh" || exit 1
# shellcheck source=nas-poll.d/table.sh
. "$parts/table.sh" || exit 1
# shellcheck source=nas-poll.d/classes.sh
. "$parts/classes.sh" || exit 1

conf=/etc/headgate/nas-poll.conf
task=follow
dry=no
while [ $# -gt 0 ]; do
    case $1 in
    --config)
        [ $# -ge 2 ] || { usage >&2 && exit 2; }
        conf=$2
        shift
        ;;
    --once) task=once ;;
    --saved) task=saved ;;
    --dry-run) task=dry_run dry=yes ;;
    --remove) task=remove ;;
    --help | -h) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift
done
read_config
check_config
case $task in
dry_run) read_password && dry_run ;;
saved) take_lock && forget_another_nas && restore && apply ;;
remove) take_lock && remove ;;
*) read_password && take_lock && forget_another_nas && "$task" ;;
esac
