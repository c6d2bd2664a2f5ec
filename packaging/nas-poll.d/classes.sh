# HTB: one class for each subscriber and device, and only what differs is touched. Sourced by nas-poll.sh.
# shellcheck shell=sh

# root_of DEVICE: ours, free (the kernel's default), foreign or missing.
root_of() {
    tc qdisc show dev "$1" 2>/dev/null | awk -v ours="$MAJOR:" '
        $4 == "root" {
            found = 1
            print $2 == "htb" && $3 == ours ? "ours" : $3 == "0:" ? "free" : "foreign"
            exit
        }
        END { if (!found) print "missing" }'
}

direction_of() {
    if [ "$1" = "$wan" ]; then echo up; else echo down; fi
}

# Makes and changes classes: before the table sends packets there.
shape_devices() {
    result_of_devices=0
    for device in $shape $wan; do
        : >"$run/tc.delete.$device"
        root=$(root_of "$device")
        case $root in
        ours | free) complain "$device" '' ;;
        foreign)
            complain "$device" "$device has a root qdisc of somebody else; nothing is shaped there"
            result_of_devices=1
            continue
            ;;
        missing)
            complain "$device" "$device is not there; nothing is shaped"
            result_of_devices=1
            continue
            ;;
        esac
        if [ "$root" = free ]; then
            run_tc "qdisc replace dev $device root handle $MAJOR: htb default 0" || result_of_devices=1
            rm -f "$run/device.$device"
        fi
        # Whom the others borrow from.
        tc class show dev "$device" 2>/dev/null | grep -q "^class htb $MAJOR:1 root" ||
            run_tc "class replace dev $device parent $MAJOR: classid $MAJOR:1 htb rate ${link}kbit quantum 60000"
        shape_device "$device" || result_of_devices=1
    done
    return "$result_of_devices"
}

# complain DEVICE TEXT: says it once, until something else is to be said.
complain() {
    [ "$(cat "$run/complaint.$1" 2>/dev/null)" != "$2" ] || return 0
    printf '%s\n' "$2" >"$run/complaint.$1"
    [ -z "$2" ] || say "$2"
}

# run_tc COMMANDS: lines of `tc -batch`, each tried even when one before it failed.
run_tc() {
    if [ "$dry" = yes ]; then
        printf '%s\n' "$1" | sed 's/^/tc: /'
        return 0
    fi
    printf '%s\n' "$1" | tc -force -batch - >/dev/null 2>"$run/error" || {
        say "tc: $(grep -v '^Warning' "$run/error" | head -n 1)"
        return 1
    }
}

# A leaf holds about 100 ms at its ceil; fq_codel where the kernel has it.
find_leaf() {
    [ -z "$leaf" ] || return 0
    leaf=pfifo
    [ "$dry" = no ] || return 0
    tc class replace dev "$1" parent "$MAJOR:" classid "$MAJOR:fff0" htb rate 8kbit 2>/dev/null
    tc qdisc replace dev "$1" parent "$MAJOR:fff0" handle fff0: fq_codel flows 32 limit 100 2>/dev/null && leaf=fq_codel
    tc class del dev "$1" classid "$MAJOR:fff0" 2>/dev/null
}
leaf=''

shape_device() {
    [ -f "$run/device.$1" ] || : >"$run/device.$1"
    tc class show dev "$1" >"$run/tc.shown" 2>/dev/null
    find_leaf "$1"
    changes=$(awk -v dev="$1" -v direction="$(direction_of "$1")" -v major="$MAJOR" -v leaf="$leaf" \
        -v recorded="$run/device.$1" -v shown="$run/tc.shown" -v remove="$run/tc.delete.$1" '
        FILENAME == recorded { split($0, f, "\t"); right[f[1]] = f[2] "\t" f[3]; next }
        FILENAME == shown {
            if (split($3, id, ":") != 2 || id[1] != major || id[2] == "1") next
            present[id[2]] = substr($0, index($0, $3) + length($3))
            next
        }
        {
            rate = direction == "down" ? $2 : $6; ceil = direction == "down" ? $3 : $7
            burst = direction == "down" ? $4 : $8; cburst = direction == "down" ? $5 : $9
            if (rate == "-") next
            wanted[$1] = 1
            if ($1 in present && right[$1] == rate " " ceil " " burst " " cburst "\t" present[$1]) next
            quantum = rate * 1.25; if (quantum < 1514) quantum = 1514; if (quantum > 60000) quantum = 60000
            limit = ceil / 120; if (limit < 50) limit = 50; if (limit > 2000) limit = 2000
            printf "class replace dev %s parent %s:1 classid %s:%s htb rate %skbit ceil %skbit%s%s quantum %d\n", \
                dev, major, major, $1, rate, ceil, burst ? " burst " burst "k" : "", \
                cburst ? " cburst " cburst "k" : "", quantum
            printf "qdisc replace dev %s parent %s:%s handle %s: %s limit %d\n", dev, major, $1, $1, \
                leaf == "pfifo" ? leaf : leaf " flows 32", limit
        }
        END {
            for (minor in present) if (!(minor in wanted)) printf "class del dev %s classid %s:%s\n", dev, major, minor >remove
        }' "$run/device.$1" "$run/tc.shown" "$run/classes")
    [ -n "$changes" ] || return 0
    # Until they are read back nobody knows them.
    rm -f "$run/device.$1"
    run_tc "$changes" || return 1
    [ "$dry" = no ] || return 0
    record_device "$1"
}

# What tc shows of the classes that are right now: a class that looks otherwise later was changed by somebody else.
record_device() {
    tc class show dev "$1" >"$run/tc.shown" 2>/dev/null
    awk -v direction="$(direction_of "$1")" -v major="$MAJOR" -v shown="$run/tc.shown" '
        FILENAME == shown {
            if (split($3, id, ":") == 2 && id[1] == major) present[id[2]] = substr($0, index($0, $3) + length($3))
            next
        }
        $1 in present {
            print $1 "\t" (direction == "down" ? $2 " " $3 " " $4 " " $5 : $6 " " $7 " " $8 " " $9) "\t" present[$1]
        }' "$run/tc.shown" "$run/classes" >"$run/device.$1"
}

# Takes away classes that nobody is sent to any more.
drop_classes() {
    for device in $shape $wan; do
        [ ! -s "$run/tc.delete.$device" ] || run_tc "$(cat "$run/tc.delete.$device")" || return 1
    done
}
