#!/bin/bash
# inner.sh BASE STATE HOST...       PID 1 of the lab's own namespaces; started by lab.sh
#
# Makes a bridge, and for each host a network namespace, an overlay over BASE and a booted systemd. Everything
# dies with this process. Hosts get 10.77.0.11, .12 and so on, in the order given.
set -eu
base=$1 state=$2
shift 2
cgroup=rampart-lab-${state##*/}
echo "$cgroup" > "$state/cgroup"
# What the package enabled; the playbook decides instead.
off="dnsmasq keepalived haproxy nginx fail2ban etcd postgresql patroni redis-server redis-sentinel docker-registry podman podman-restart podman-auto-update certbot e2scrub_reap apt-daily apt-daily-upgrade"

# Controllers of version 1 are folders; a pure version 2 has one tree.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then controllers=(/sys/fs/cgroup/); else controllers=(/sys/fs/cgroup/*/); fi

mount --make-rprivate /
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/netns /run/systemd/system /run/lock
mount -t tmpfs -o mode=755,size=8g lab /mnt
ip link set lo up
ip link add br0 type bridge mcast_snooping 0 forward_delay 0
ip addr add 10.77.0.1/24 dev br0
ip link set br0 up
number=10
: > "$state/hosts"
for host; do number=$((number + 1)); echo "10.77.0.$number $host" >> "$state/hosts"; done
mkdir -p "$state/shared"

number=10
for host; do
  number=$((number + 1)); own=/mnt/$host root=$own/root
  mkdir -p "$own/upper" "$own/work" "$root"
  ip netns add "$host"
  ip link add "v-$host" type veth peer name eth0 netns "$host"
  ip link set "v-$host" master br0 up
  ip -n "$host" link set lo up
  ip -n "$host" addr add "10.77.0.$number/24" dev eth0
  ip -n "$host" link set eth0 up
  ip -n "$host" route add default via 10.77.0.1
  mount -t overlay "overlay-$host" -o "lowerdir=$base,upperdir=$own/upper,workdir=$own/work" "$root"
  : > "$root/etc/machine-id"
  echo "$host" > "$root/etc/hostname"
  { echo 127.0.0.1 localhost; cat "$state/hosts"; } > "$root/etc/hosts"
  rm -f "$root/etc/resolv.conf"
  printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:2\n' > "$root/etc/resolv.conf"
  mkdir -p "$root/root/.ssh" "$root/etc/systemd/system" "$root/root/lab" "$root/srv/shared"
  install -m 600 "$state/id.pub" "$root/root/.ssh/authorized_keys"
  cp "$(dirname "$0")/probe.py" "$root/root/lab/"
  for unit in $off; do rm -f "$root"/etc/systemd/system/*.wants/"$unit".{service,timer}; done
  # One cgroup for each host: two systemds must not share one.
  for controller in "${controllers[@]}"; do
    mkdir -p "$controller$cgroup/$host" 2>/dev/null || continue
    if [ -e "${controller}cpuset.cpus" ]; then
      for dir in "$cgroup" "$cgroup/$host"; do
        cat "${controller}cpuset.cpus" > "$controller$dir/cpuset.cpus"
        cat "${controller}cpuset.mems" > "$controller$dir/cpuset.mems"
      done
    fi
  done
  (
    for controller in "${controllers[@]}"; do echo $BASHPID > "$controller$cgroup/$host/cgroup.procs" || :; done 2>/dev/null
    exec env SYSTEMD_NSPAWN_API_VFS_WRITABLE=network systemd-nspawn -q --keep-unit --register=no -D "$root" -M "$host" \
      --network-namespace-path="/run/netns/$host" --private-users=no --link-journal=no --resolv-conf=off --timezone=off \
      --capability=all --bind="$state/shared:/srv/shared" --boot </dev/null >"$state/$host.console" 2>&1
  ) &
  echo $! > "$state/$host.nspawn"
done

# nspawn's first child is a helper that goes away: wait for the one that is PID 1 of its own namespace.
for host; do
  pid=
  until [ "$pid" ]; do
    sleep .05
    for child in $(pgrep -P "$(cat "$state/$host.nspawn")"); do
      if awk '/^NSpid/{r=(NF>2 && $NF==1)} END{exit !r}' "/proc/$child/status" 2>/dev/null; then pid=$child; fi
    done
  done
  echo "$pid" > "$state/$host.pid"
done
for host; do
  for _ in $(seq 300); do
    status=$(nsenter -t "$(cat "$state/$host.pid")" -a systemctl is-system-running 2>/dev/null || :)
    case $status in running|degraded) break;; esac
    sleep .1
  done
  echo "$host $status"
done > "$state/ready.new"
mv "$state/ready.new" "$state/ready"
exec sleep infinity
