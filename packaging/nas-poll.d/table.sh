# What differs between lists and kernel, and the transaction that ends it. Sourced by nas-poll.sh.
# shellcheck shell=sh

# Reads the table as nft lists it, and takes the elements of our subscribers out.
without_elements() {
    awk '$1 == "set" || $1 == "map" { ours = $2 !~ /^walled/ }
        ours && /elements = \{/ { inside = 1 }
        !inside { print }
        inside && /\}/ { inside = 0 }' "$run/kernel"
}

read_kernel() {
    nft list table inet "$TABLE" >"$run/kernel" 2>/dev/null || : >"$run/kernel"
    without_elements >"$run/shown.now"
}

# What is to be changed: $run/change.nft, and $run/classes, a line `minor` and rate, ceil, burst, cburst of both
# directions and the login for each subscriber who is shaped. A class keeps its number as long as an address of its subscriber is
# in the kernel.
plan() {
    set --
    for name in $(names_of_lists); do set -- "$@" "$run/list.$name"; done
    awk -v kernel="$run/kernel" -v table="$TABLE" -v major="$MAJOR" -v rebuild="$rebuild" \
        -v classes="$run/classes" '
        function suffix_of(address,   p) {
            if (address !~ /:/) return "4"
            return split(address, p, "/") == 2 ? "6_" p[2] : "6"
        }
        function host_of(address,   p) { split(address, p, "/"); return p[1] }
        function speed(rate, ceil, burst, cburst) {
            if (rate <= 0 && ceil <= 0) return "- - - -"
            if (rate <= 0) rate = 8
            if (ceil < rate) ceil = rate
            return rate " " ceil " " (burst > 0 ? burst : 0) " " (cburst > 0 ? cburst : 0)
        }
        function take_element(text,   f, n) {
            n = split(text, f, " ")
            if (n) have[name, f[1]] = n == 3 ? f[3] : ""
        }
        function note(verb, key, value,   k) {
            split(key, k, SUBSEP)
            text[verb, k[1]] = text[verb, k[1]] (count[verb, k[1]]++ ? ", " : "") k[2] (value == "" ? "" : " : " value)
            if (count[verb, k[1]] == 200) flush_line(verb, k[1])
        }
        function flush_line(verb, name) {
            if (!count[verb, name]) return
            lines[verb] = lines[verb] verb " element inet " table " " name " { " text[verb, name] " }\n"
            text[verb, name] = ""
            count[verb, name] = 0
        }
        FILENAME == kernel {
            if ($1 == "set" || $1 == "map") name = $2
            if (name !~ /^(allow|captive|blocked|class|snat)[46]/) next
            if (sub(/^.*elements = \{/, "")) inside = 1
            if (!inside) next
            if (sub(/\}.*$/, "")) inside = 0
            for (i = split($0, item, ","); i > 0; i--) take_element(item[i])
            next
        }
        {
            # Lists of two moments may differ about somebody: what is stricter counts, until the next round.
            login[$1] = $2
            if ($3 != "0.0.0.0") snat[$1] = $3
            if ($5) logged[$1] = 1
            if ($6) negbal[$1] = 1
            if ($7) blocked[$1] = 1
            speeds[$2] = speed($8, $9, $10, $15) " " speed($11, $12, $13, $16)
        }
        END {
            for (address in login) {
                suffix = suffix_of(address)
                host = host_of(address)
                if (blocked[address]) { want["blocked" suffix, host] = ""; continue }
                if (negbal[address]) want["captive" suffix, host] = ""
                else if (logged[address]) want["allow" suffix, host] = ""
                if (!logged[address]) continue
                if (suffix == "4" && snat[address] != "") want["snat4", host] = snat[address]
                if (speeds[login[address]] != "- - - - - - - -") shaped[address] = "class" suffix SUBSEP host
            }
            for (address in shaped) {
                if (!(shaped[address] in have)) continue
                value = have[shaped[address]]
                who = login[address]
                if (!(who in minor) && !(value in owner)) { minor[who] = value; owner[value] = who }
            }
            # After a lost table the numbers of the round before are taken, so that classes need no change.
            while ((getline line <classes) > 0) {
                split(line, f, " ")
                value = major ":" f[1]
                if (!(f[10] in minor) && !(value in owner)) old[f[10]] = value
            }
            close(classes)
            for (address in shaped) {
                who = login[address]
                if (who in minor || !(who in old)) continue
                minor[who] = old[who]
                owner[old[who]] = who
            }
            next_minor = 2
            for (address in shaped) {
                who = login[address]
                if (!(who in minor)) {
                    # The leaf has this number as its handle, and some are taken.
                    while ((value = sprintf("%s:%x", major, next_minor)) in owner || value == major ":" major) next_minor++
                    if (next_minor > 65280) { unshaped++; continue }
                    minor[who] = value
                    owner[value] = who
                }
                want[shaped[address]] = minor[who]
            }
            printf "" >classes
            for (who in minor) { split(minor[who], part, ":"); print part[2], speeds[who], who >classes }
            if (unshaped) print "no class is left for " unshaped " addresses" >"/dev/stderr"
            if (rebuild == "yes") split("", have)
            for (key in have) if (!(key in want) || want[key] != have[key]) note("delete", key, "")
            for (key in want) if (!(key in have) || want[key] != have[key]) note("add", key, want[key])
            for (key in count) { split(key, k, SUBSEP); flush_line(k[1], k[2]) }
            printf "%s%s", lines["delete"], lines["add"]
        }' "$run/kernel" "$@" >"$run/change.nft" 2>"$run/error" || {
        say "awk: $(head -n 1 "$run/error")"
        return 1
    }
    [ ! -s "$run/error" ] || say "$(head -n 1 "$run/error")"
}

# apply: makes the kernel as the lists in $run say, by one nft transaction and the differences of classes.
apply() {
    lengths=$(for name in $(names_of_lists); do
        sed -n 's/^[^ ]*\/\([0-9]*\) .*/\1/p' "$run/list.$name"
    done | sort -rnu)
    suffixes='4 6' backwards='6 4' count=0
    for length in $lengths; do
        suffixes="$suffixes 6_$length" backwards="6_$length $backwards" count=$((count + 1))
    done
    [ "$count" -le "$LENGTHS_MAX" ] || {
        say "prefixes of $count lengths; at most $LENGTHS_MAX can be kept"
        return 1
    }
    checked_at=$(date +%s)
    skeleton >"$run/skeleton.new"
    walled >"$run/walled.new"
    read_kernel
    rebuild=yes
    cmp -s "$run/skeleton.new" "$run/skeleton" && cmp -s "$run/shown.now" "$run/shown" && rebuild=no
    plan || return 1
    outcome=0
    shape_devices || outcome=1
    commit_table || return 1
    drop_classes || outcome=1
    return "$outcome"
}

commit_table() {
    if [ "$rebuild" = yes ]; then
        {
            printf 'add table inet %s\ndelete table inet %s\n' "$TABLE" "$TABLE"
            cat "$run/skeleton.new" "$run/walled.new" "$run/change.nft"
        } >"$run/transaction"
    elif cmp -s "$run/walled.new" "$run/walled"; then
        mv "$run/change.nft" "$run/transaction"
    else
        {
            printf 'flush set inet %s walled4\nflush set inet %s walled6\n' "$TABLE" "$TABLE"
            cat "$run/walled.new" "$run/change.nft"
        } >"$run/transaction"
    fi
    [ -s "$run/transaction" ] || return 0
    if [ "$dry" = yes ]; then
        sed 's/^/nft: /' "$run/transaction"
        return 0
    fi
    # From here on until all is well nobody knows what the kernel has: the next time it is made anew.
    rm -f "$run/skeleton"
    nft -f "$run/transaction" 2>"$run/error" || {
        say "nft: $(head -n 1 "$run/error")"
        return 1
    }
    [ "$rebuild" = no ] || say "table inet $TABLE made"
    read_kernel
    mv "$run/shown.now" "$run/shown" && mv "$run/walled.new" "$run/walled" && mv "$run/skeleton.new" "$run/skeleton"
}
