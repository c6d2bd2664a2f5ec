# The table without its elements, and the walled garden. Sourced by nas-poll.sh.
# shellcheck shell=sh

# Looks up the garden's names. What was found before stays while a name is not found.
look_up() {
    names_at=$(date +%s)
    [ -f "$run/names" ] || : >"$run/names"
    : >"$run/names.new"
    for word in $walled_garden; do
        is_name "$word" || continue
        found=$(addresses_of "$word")
        if [ -n "$found" ]; then
            for address in $found; do echo "$word $address"; done
        else
            say "walled-garden: $word is not found"
            awk -v name="$word" '$1 == name' "$run/names"
        fi >>"$run/names.new"
    done
    sort -u "$run/names.new" >"$run/names"
}
names_at=0

is_name() {
    case $1 in *:* | *[!0-9./]*) ;; *) return 1 ;; esac
    case $1 in *:*) return 1 ;; esac
}

addresses_of() {
    if command -v getent >/dev/null; then
        getent ahosts "$1" | awk '{ print $1 }'
    else
        nslookup "$1" 2>/dev/null | awk '/^Name:/ { found = 1 } found && /^Address/ { print $NF }'
    fi | awk '/^[0-9.]+$/ || /^[0-9a-f]*:[0-9a-f:.]+$/' | sort -u | head -n 64
}

# Elements for the sets walled4 and walled6.
walled() {
    {
        for word in $walled_garden; do is_name "$word" || echo "$word"; done
        [ ! -f "$run/names" ] || awk '{ print $2 }' "$run/names"
    } | awk -v table="$TABLE" '{ print "add element inet " table " walled" (/:/ ? 6 : 4) " { " $1 " }" }'
}

# mask LENGTH: an IPv6 prefix's mask.
mask() {
    text='' left=$1
    for _ in 1 2 3 4 5 6 7 8; do
        bits=$((left > 16 ? 16 : left))
        text="$text:$(printf '%x' $((65535 - (65535 >> bits))))"
        left=$((left - bits))
    done
    printf '%s\n' "${text#:}"
}

# part SUFFIX SIDE: what of a packet is looked for in the sets with this suffix; SIDE is saddr or daddr. Prefixes are
# sets of network addresses, one for each length, so that they may lie in each other.
part() {
    case $1 in
    4) echo "ip $2" ;;
    6) echo "ip6 $2" ;;
    *) echo "ip6 $2 & $(mask "${1#6_}")" ;;
    esac
}

# The table without its elements. $suffixes is 4, 6, and 6_LENGTH from long to short.
skeleton() {
    echo "table inet $TABLE {"
    for suffix in $suffixes; do
        type=ipv6_addr
        [ "$suffix" != 4 ] || type=ipv4_addr
        for kind in allow captive blocked; do
            echo "  set $kind$suffix { type $type; }"
        done
        echo "  map class$suffix { type $type : classid; }"
    done
    cat <<TABLE
  map snat4 { type ipv4_addr : ipv4_addr; }
  set walled4 { type ipv4_addr; flags interval; auto-merge; }
  set walled6 { type ipv6_addr; flags interval; auto-merge; }
TABLE
    captive_chain from_captive daddr dport
    captive_chain to_captive saddr sport
    subscriber_chain from_subscriber saddr from_captive
    subscriber_chain to_subscriber daddr to_captive
    echo '  chain forward {'
    # Before whoever accepts established connections, so that a running flow stops too.
    echo '    type filter hook forward priority filter - 5; policy accept;'
    for word in $lan; do echo "    iifname \"$word\" jump from_subscriber"; done
    for word in $lan; do echo "    oifname \"$word\" jump to_subscriber"; done
    echo '  }'
    redirect_chains
    shape_chain
    echo '}'
}

# captive_chain NAME FAR-ADDRESS FAR-PORT: what is left open to those who have to pay.
captive_chain() {
    cat <<CHAIN
  chain $1 {
    udp $3 53 return
    tcp $3 53 return
    ip $2 @walled4 return
    ip6 $2 @walled6 return
CHAIN
    case $captive_address in
    '') ;;
    *:*) echo "    ip6 $2 $captive_address tcp $3 $captive_port return" ;;
    *) echo "    ip $2 $captive_address tcp $3 $captive_port return" ;;
    esac
    if [ "$1" = from_captive ]; then
        # A reset at once lets a device look for the page instead of waiting.
        echo '    tcp dport { 80, 443 } reject with tcp reset'
    else
        echo '    ct state related meta l4proto { icmp, ipv6-icmp } return'
    fi
    printf '    reject with icmpx type admin-prohibited\n  }\n'
}

# subscriber_chain NAME SIDE CAPTIVE-CHAIN
subscriber_chain() {
    echo "  chain $1 {"
    [ "$2" = saddr ] || printf '    ip daddr 224.0.0.0/4 return\n    ip6 daddr ff00::/8 return\n'
    for suffix in $suffixes; do
        what=$(part "$suffix" "$2")
        echo "    $what @allow$suffix return"
        echo "    $what @captive$suffix goto $3"
        echo "    $what @blocked$suffix reject with icmpx type admin-prohibited"
    done
    printf '    drop\n  }\n'
}

redirect_chains() {
    case $captive_address in
    '') protocol='' ;;
    *:*) protocol=ip6 destination="[$captive_address]:$captive_port" ;;
    *) protocol=ip destination=$captive_address:$captive_port ;;
    esac
    if [ -n "$protocol" ]; then
        echo '  chain web {'
        if [ "$protocol" = ip ]; then
            echo '    ip daddr @walled4 return'
            echo "    meta l4proto tcp ip saddr @captive4 dnat ip to $destination"
        else
            echo '    ip6 daddr @walled6 return'
            for suffix in $suffixes; do
                [ "$suffix" != 4 ] || continue
                what=$(part "$suffix" saddr)
                echo "    meta l4proto tcp $what @captive$suffix dnat ip6 to $destination"
                echo "    $what @allow$suffix return"
                echo "    $what @blocked$suffix return"
            done
        fi
        echo '  }'
        echo '  chain lead_to_page {'
        echo '    type nat hook prerouting priority dstnat - 1; policy accept;'
        for word in $lan; do echo "    iifname \"$word\" tcp dport 80 jump web"; done
        echo '  }'
    fi
    [ -n "$wan" ] || return 0
    echo '  chain personal_snat {'
    echo '    type nat hook postrouting priority srcnat - 1; policy accept;'
    # The page knows subscribers by their address.
    [ "$protocol" != ip ] || echo "    ip daddr $captive_address return"
    printf '    oifname "%s" snat ip to ip saddr map @snat4\n  }\n' "$wan"
}

shape_chain() {
    [ -n "$shape$wan" ] || return 0
    echo '  chain shape {'
    echo '    type filter hook forward priority mangle; policy accept;'
    # The last that matches counts: long prefixes behind short ones, single addresses last.
    for suffix in $backwards; do
        for word in $shape; do
            echo "    oifname \"$word\" meta priority set $(part "$suffix" daddr) map @class$suffix"
        done
        [ -z "$wan" ] || echo "    oifname \"$wan\" meta priority set $(part "$suffix" saddr) map @class$suffix"
    done
    echo '  }'
}
