#!/bin/bash
# The lab's hosts, by hand or by lab.py:
#
#   lab.sh up BASE STATE HOST...          boots them and prints how each came up
#   lab.sh in STATE HOST COMMAND...       runs a command inside a host
#   lab.sh net STATE COMMAND...           runs a command of this machine on the lab's bridge
#   lab.sh link STATE HOST up|down        connects a host, or makes it dark
#   lab.sh kill STATE HOST                pulls a host's plug
#   lab.sh down STATE                     ends everything
#
# STATE is a folder of the caller's; the last part of its path must be unique on the machine.
set -eu
verb=$1
shift
controllers() { if [ -e /sys/fs/cgroup/cgroup.controllers ]; then echo /sys/fs/cgroup/; else printf '%s\n' /sys/fs/cgroup/*/; fi; }
case $verb in
  up)
    mkdir -p "$2"
    ssh-keygen -q -t ed25519 -N '' -f "$2/id" <<<y >/dev/null
    rm -f "$2/ready"
    setsid unshare -m -n -p -i -u --fork --kill-child --mount-proc bash "$(dirname "$0")/inner.sh" "$@" </dev/null >"$2/log" 2>&1 &
    top=$!
    until outer=$(pgrep -P $top); do sleep .02; kill -0 $top; done
    echo $top > "$2/top"; echo "$outer" > "$2/outer"
    for _ in $(seq 600); do
      [ ! -e "$2/ready" ] || break
      kill -0 $top 2>/dev/null || { cat "$2/log"; exit 1; }
      sleep .1
    done
    cat "$2/ready";;
  in)
    outer=$(cat "$1/outer") pid=$(cat "$1/$2.pid")
    for controller in $(controllers); do echo $$ > "$controller$(cat "$1/cgroup")/$2/cgroup.procs"; done 2>/dev/null || :
    shift 2
    exec nsenter -t "$outer" -m -n -p -i -u -- nsenter -t "$pid" -a -- env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@";;
  net)
    outer=$(cat "$1/outer"); shift
    exec nsenter -t "$outer" -n -- "$@";;
  link)
    exec nsenter -t "$(cat "$1/outer")" -n ip link set "v-$2" "$3";;
  kill)
    exec nsenter -t "$(cat "$1/outer")" -p -m -- kill -9 "$(cat "$1/$2.pid")";;
  down)
    kill -9 "$(cat "$1/top")" 2>/dev/null || :
    for _ in $(seq 50); do [ -e "/proc/$(cat "$1/top")" ] || break; sleep .1; done
    for controller in $(controllers); do
      for _ in $(seq 20); do
        find "$controller$(cat "$1/cgroup")" -depth -type d -exec rmdir {} + 2>/dev/null || :
        [ -e "$controller$(cat "$1/cgroup")" ] || break
        sleep .1
      done
    done;;
  *) sed -n '2,/^set/p' "$0" | grep '^#' >&2; exit 2;;
esac
