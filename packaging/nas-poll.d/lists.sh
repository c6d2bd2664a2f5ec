# The lists: asked for, checked, taken all together or not at all, saved and restored. Sourced by nas-poll.sh.
# shellcheck shell=sh

names_of_lists() {
    for family in $families; do
        for list in logged negbal blocked; do
            echo "$list$family"
        done
    done
}

# ask NAME WAIT: the answer of $server stands in $run/answer. Fails on anything but a whole answer with status 200.
ask() {
    cursor=0
    [ ! -s "$run/cursor.$1" ] || cursor=$(cat "$run/cursor.$1")
    form="model=Abonents&context=collector&method1=collector_manager.users_${1%?}&family=${1#"${1%?}"}"
    form="$form&arg1=%7B%22nas_ip%22%3A%22$nas%22%7D&since=$cursor&wait=$2&psw=$password"
    seconds=$(($2 + ANSWER_SECONDS))
    rm -f "$run/answer"
    if [ "$client" = curl ]; then
        # In a file, since everybody on the machine can read a command line.
        printf 'url = "%s"\ndata = "%s"\n' "$server" "$form" >"$run/request"
        interruptible curl -q -g -sS -f --max-time "$seconds" --max-filesize "$ANSWER_OCTETS_MAX" \
            -K "$run/request" -o "$run/answer" 2>"$run/error"
    else
        printf '%s' "$form" >"$run/request"
        interruptible timeout "$seconds" wget -q -O "$run/answer" --post-file="$run/request" "$server" 2>"$run/error"
    fi
    result=$?
    rm -f "$run/request"
    if [ "$result" -ne 0 ]; then
        refuse "no answer: $(head -n 1 "$run/error")"
        return 1
    fi
    # A line that was cut off has no end.
    if [ ! -s "$run/answer" ] || [ -n "$(tail -c 1 "$run/answer")" ]; then
        refuse "the answer for $1 is empty or cut off"
        return 1
    fi
    take_answer "$1" || {
        refuse "the answer for $1 is no list: $(head -n 1 "$run/error")"
        return 1
    }
}

# Why a round failed; said once, until another reason or a success.
refused=''
refuse() {
    refused="$server: $1"
    [ "$refused" = "$said" ] || say "$refused; what stands stays"
    said=$refused
}
said=''

# take_answer NAME: makes $run/new.NAME of the answer and the list as it was, and $run/new-cursor.NAME.
take_answer() {
    awk -v family="${1#"${1%?}"}" -v old="$run/list.$1" -v new="$run/new.$1" -v cursor="$run/new-cursor.$1" \
        -v lines_max="$LINES_MAX" '
        function bad(why) { print "line " NR ": " why >"/dev/stderr"; failed = 1; exit 1 }
        function is_v4(text,   part, i) {
            if (text !~ /^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/) return 0
            split(text, part, ".")
            for (i = 1; i <= 4; i++) if (part[i] + 0 > 255) return 0
            return 1
        }
        function is_address(text,   part, n) {
            if (family == 4) return is_v4(text)
            n = split(text, part, "/")
            if (part[1] !~ /^[0-9a-f:.]*:[0-9a-f:.]*$/) return 0
            return n == 1 || (n == 2 && part[2] ~ /^[0-9]+$/ && part[2] + 0 >= 1 && part[2] + 0 <= 128)
        }
        NR == 1 {
            if ($0 !~ /^# (full|rev) [A-Za-z0-9._-]+$/) bad("expected # full or # rev")
            print $3 >cursor
            if ($2 == "rev") while ((getline line <old) > 0) { split(line, f, " "); kept[f[1]] = line }
            next
        }
        NR > lines_max { bad("too many lines") }
        NF == 2 && $1 == "-" && is_address($2) { delete kept[$2]; next }
        NF == 16 && is_address($1) && $5 $6 $7 ~ /^[01][01][01]$/ {
            for (i = 8; i <= 16; i++) if (i != 14 && $i !~ /^-?[0-9]+$/) bad("field " i " is no number")
            if (!is_v4($3)) $3 = "0.0.0.0"
            kept[$1] = $1 " " $2 " " $3 " - " $5 " " $6 " " $7 " " $8 " " $9 " " $10 " " $11 " " $12 " " $13 " - " $15 " " $16
            next
        }
        { bad("not a line of a list") }
        END {
            if (failed) exit 1
            printf "" >new
            for (address in kept) print kept[address] >new
        }' "$run/answer" 2>"$run/error"
}

# poll WAIT: asks for all lists, waiting for a change of the first, and takes all of them or none. Sets `changed`.
poll() {
    changed=no
    for server in $servers; do
        if poll_server "$1"; then
            [ -z "$said" ] || say "$server answers"
            said=''
            return 0
        fi
    done
    return 1
}

poll_server() {
    pause=$1
    for name in $(names_of_lists); do
        ask "$name" "$pause" || return 1
        # The cursor is the same for all lists: when nobody's has moved there is nothing to ask for.
        if [ "$name" = logged4 ] && nothing_moved; then
            return 0
        fi
        pause=0
    done
    for name in $(names_of_lists); do
        sort "$run/new.$name" >"$run/sorted"
        cmp -s "$run/sorted" "$run/list.$name" || changed=yes
        mv "$run/sorted" "$run/list.$name" && mv "$run/new-cursor.$name" "$run/cursor.$name" || return 1
        rm -f "$run/new.$name"
    done
}

nothing_moved() {
    for name in $(names_of_lists); do
        cmp -s "$run/new-cursor.logged4" "$run/cursor.$name" || return 1
    done
}

# Lists and cursors of before count only for the NAS that they were asked for.
forget_another_nas() {
    [ "$(cat "$run/scope" 2>/dev/null)" != "$nas" ] || return 0
    for list in logged negbal blocked; do
        rm -f "$run/list.${list}4" "$run/list.${list}6" "$run/cursor.${list}4" "$run/cursor.${list}6"
    done
    echo "$nas" >"$run/scope"
}

have_lists() {
    for name in $(names_of_lists); do
        [ -f "$run/list.$name" ] || return 1
    done
}

save() {
    have_lists || return 0
    if ! { mkdir -p "$state" && write_state >"$state/lists.new" && mv "$state/lists.new" "$state/lists"; }; then
        say "$state/lists: cannot be written"
        return 1
    fi
    unsaved=no
    saved_at=$(date +%s)
}

write_state() {
    echo "nas $nas"
    for name in $(names_of_lists); do
        awk -v name="$name" '{ print name " " $0 }' "$run/list.$name" || return 1
    done
    [ ! -f "$run/names" ] || awk '{ print "name " $0 }' "$run/names"
    echo end
}
saved_at=0

# The lists as they were saved, unless others are here already. Cursors are not kept: the server is asked for all.
restore() {
    have_lists && return 0
    [ "$(head -n 1 "$state/lists" 2>/dev/null)" = "nas $nas" ] && [ "$(tail -n 1 "$state/lists")" = end ] || return 1
    for name in $(names_of_lists); do
        awk -v name="$name" '$1 == name { sub(/^[^ ]* /, ""); print }' "$state/lists" >"$run/list.$name"
    done
    awk '$1 == "name" { print $2, $3 }' "$state/lists" >"$run/names"
}
