# Configuration of nas-poll.sh: reads it, and refuses what cannot work. Sourced.
# shellcheck shell=sh

log=stderr
servers='' password_file='' nas='' lan='' shape='' wan='' captive='' walled_garden='' ipv6=yes wait=20 client=''
link=10000000
state=/var/lib/headgate-poll
run=/run/headgate-poll

# Lines are `key = value`, with `#` for remarks.
read_config() {
    [ -r "$conf" ] || die 78 "$conf: cannot be read"
    number=0
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        line=${line%%#*}
        # Splitting is meant: it takes the spaces away.
        # shellcheck disable=SC2086
        set -- ${line%%=*}
        key=$*
        [ -n "$key" ] || continue
        case $line in *=*) ;; *) die 78 "$conf:$number: expected key = value" ;; esac
        # shellcheck disable=SC2086
        set -- ${line#*=}
        value=$*
        # What stands here is written into nft's and curl's input.
        case $value in
        *[!A-Za-z0-9._:/@*\[\]\ %~?=-]*) die 78 "$conf:$number: $key: a character that cannot stand here" ;;
        esac
        case $key in
        servers) servers=$value ;;
        password-file) password_file=$value ;;
        nas) nas=$value ;;
        lan) lan=$value ;;
        shape) shape=${value:-none} ;;
        wan) wan=$value ;;
        captive) captive=$value ;;
        walled-garden) walled_garden=$value ;;
        ipv6) ipv6=$value ;;
        wait) wait=$value ;;
        client) client=$value ;;
        link) link=$value ;;
        state-dir) state=$value ;;
        run-dir) run=$value ;;
        log) log=$value ;;
        *) die 78 "$conf:$number: unknown key $key" ;;
        esac
    done <"$conf"
}

check_config() {
    case $log in stderr | syslog) ;; *) log=stderr && die 78 "$conf: log: expected stderr or syslog" ;; esac
    [ -n "$servers" ] || die 78 "$conf: servers: expected a URL such as http://10.0.0.5:8082/system_api/"
    for server in $servers; do
        case $server in
        http://?* | https://?*) ;;
        *) die 78 "$conf: servers: $server does not begin with http:// or https://" ;;
        esac
    done
    case $nas in
    '' | *[!0-9a-f.:]*) die 78 "$conf: nas: expected the address of this NAS as the server knows it" ;;
    esac
    [ -n "$lan" ] || die 78 "$conf: lan: expected the interfaces on the subscribers' side"
    for word in $lan $shape $wan; do
        case $word in
        ?*\** | *[!A-Za-z0-9._:@*-]* | \*)
            case $word in *[!*]\*) [ "${word%\*}" != "${word%%\**}" ] || continue ;; esac
            die 78 "$conf: lan, shape, wan: $word is not an interface"
            ;;
        esac
    done
    if [ -z "$shape" ]; then
        # Devices that come and go have no qdisc of ours; who makes them shapes them.
        for word in $lan; do
            case $word in *\*) ;; *) shape="$shape $word" ;; esac
        done
    fi
    [ "$shape" = none ] && shape=''
    for word in $shape $wan; do
        case $word in *\*) die 78 "$conf: shape and wan are names, not patterns such as $word" ;; esac
    done
    case $wan in *\ *) die 78 "$conf: wan: expected one interface" ;; esac
    case " $shape " in *" ${wan:-/} "*) die 78 "$conf: $wan cannot be in shape and wan at once" ;; esac
    captive_address='' captive_port=''
    if [ -n "$captive" ]; then
        captive_port=${captive##*:}
        captive_address=${captive%:*}
        case $captive in
        \[*:*\]:*) captive_address=${captive_address#\[} captive_address=${captive_address%\]} ;;
        *[!0-9.:]* | *:*:*) captive_port='' ;;
        esac
        case $captive_port in
        '' | *[!0-9]*) die 78 "$conf: captive: expected an address with a port such as 10.9.0.1:8080" ;;
        esac
    fi
    case $ipv6 in
    yes) families='4 6' ;;
    no) families=4 ;;
    *) die 78 "$conf: ipv6: expected yes or no" ;;
    esac
    case $wait in '' | *[!0-9]*) die 78 "$conf: wait: expected seconds, 0 to 60" ;; esac
    [ "$wait" -le 60 ] || die 78 "$conf: wait: at most 60"
    case $link in '' | 0* | *[!0-9]*) die 78 "$conf: link: expected kbit/s" ;; esac
    case $client in
    '') if command -v curl >/dev/null; then client=curl; else client=wget; fi ;;
    curl | wget) ;;
    *) die 78 "$conf: client: expected curl or wget" ;;
    esac
    case $state$run in /*) ;; *) die 78 "$conf: state-dir and run-dir: expected absolute paths" ;; esac
    for tool in awk nft tc "$client"; do
        command -v "$tool" >/dev/null || die 1 "$tool is not installed"
    done
}

# The password, each octet as %XX, so that it can stand in a form.
read_password() {
    [ -r "$password_file" ] || die 78 "$conf: password-file: ${password_file:-it is not set}, or cannot be read"
    mode=$(ls -ld "$password_file")
    case $mode in
    ????------*) ;;
    *) say "$password_file can be read by others than its owner; chmod 600 it" ;;
    esac
    password=$(awk 'BEGIN { for (i = 1; i < 256; i++) code[sprintf("%c", i)] = i }
        NR == 1 { sub(/\r$/, ""); for (i = 1; i <= length($0); i++) printf "%%%02X", code[substr($0, i, 1)] }' \
        "$password_file")
    [ -n "$password" ] || die 78 "$password_file: the password is empty"
}
