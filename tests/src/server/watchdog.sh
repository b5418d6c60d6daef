# Runs one server for a test process and outlives it: however that process ends, its end of our stdin closes, and then
# the server is stopped and its folder removed. Before that, stdin carries orders: "start" and "stop SIGNAL".
# Usage: watchdog.sh FOLDER POSTGRES ARGUMENT...
folder=$1
shift
server=
trap '' HUP INT TERM

start() {
    "$@" >>"$folder/log" 2>&1 </dev/null &
    server=$!
}

# The signal is repeated, for a server that has only just been started ignores it. One that a stuck client holds up
# is told more firmly after two seconds, and killed after ten.
stop() {
    [ -n "$server" ] || return
    turns=0
    while kill -"$1" "$server" 2>/dev/null; do
        turns=$((turns + 1))
        [ $turns -ge 100 ] && kill -QUIT "$server" 2>/dev/null
        [ $turns -eq 500 ] && kill -KILL "$server" 2>/dev/null
        sleep 0.02
    done
    server=
}

while read -r order signal; do
    case $order in
    start) start "$@" ;;
    stop) stop "$signal" ;;
    esac
done
stop INT
rm -rf "$folder"
