"""How the software gets there and goes again: package, images, pods, playbook, reset; and what it tells dashboards."""
import subprocess
import sys
import time

import images
from cluster import CLIENT, HERE, MASTERS, SPARE, VIPS, Skipped, check, wait
from promises import needs, test


@test(15, "The package: install, start, upgrade with an edited configuration, remove, purge", "edits kept, nothing left", beside=10)
def package(lab):
    if not lab.package:
        raise Skipped("no package was given")
    lab.copy("spare", lab.package, "/root/rampart.deb")
    lab.run("spare", "dpkg -i /root/rampart.deb", timeout=60)
    wait(lambda: lab.run("spare", "systemctl is-active rampart", ok=False)[1] == "active", 20, "the service runs after installation")
    check(lab.run("spare", "ps -o user= -C rampart | sort -u") == "rampart", "the service does not run as user rampart")
    check(lab.query("127.0.0.1", "localhost", host="spare")[0] == "NOERROR", "the fresh service does not answer")
    held = lab.run("spare", "grep CapEff /proc/$(systemctl show -P MainPID rampart)/status").split()[1]
    check(int(held, 16) in (0, 1 << 10), f"the service holds capabilities {held}, only CAP_NET_BIND_SERVICE was promised")
    lab.run("spare", "echo '# mine' >> /etc/rampart/rampart.yml; cp /etc/rampart/rampart.yml /root/edited")
    lab.run("spare", """set -e; rm -rf /root/x; dpkg-deb -R /root/rampart.deb /root/x; sed -i 's/^Version: .*/Version: 99.0/' /root/x/DEBIAN/control
echo '# a new default' >> /root/x/etc/rampart/rampart.yml
dpkg-deb -b /root/x /root/new.deb >/dev/null; dpkg -i --force-confdef --force-confold /root/new.deb""", timeout=60)
    check(lab.run("spare", "cmp /root/edited /etc/rampart/rampart.yml && echo same") == "same", "the upgrade lost the edited configuration")
    wait(lambda: lab.run("spare", "systemctl is-active rampart", ok=False)[1] == "active", 20, "the service runs after the upgrade")
    lab.run("spare", "dpkg -r rampart", timeout=60)
    check(lab.run("spare", "pgrep -x rampart", ok=False)[0] != 0, "removed, but a process is left")
    check(lab.run("spare", "test -e /etc/rampart/rampart.yml && echo kept", ok=False)[1] == "kept", "removal took the configuration")
    lab.run("spare", "dpkg -P rampart", timeout=60)
    left = lab.run("spare", "ls -d /etc/rampart /var/lib/rampart /var/cache/rampart /var/log/rampart /usr/bin/rampart 2>/dev/null; getent passwd rampart",
                   ok=False)[1]
    check(not left, f"the purge left: {left}")
    return {"CapEff": held, "upgrade": "edited configuration kept", "purge": "nothing left"}


def load_image(lab, host, image):
    """Gives a host an image; its containers live on a tmpfs, since an overlay cannot lie on another one."""
    lab.copy(host, image.archive, "/root/image.tar")
    lab.run(host, "mountpoint -q /var/lib/containers || { mkdir -p /var/lib/containers; mount -t tmpfs c /var/lib/containers; }; "
            "for c in blkio cpu cpuacct cpuset devices freezer memory pids systemd; do "
            "[ ! -d /sys/fs/cgroup/$c ] || mount -o remount,bind,rw /sys/fs/cgroup/$c; done; "
            "podman load -q -i /root/image.tar && rm /root/image.tar", timeout=90)


def process_of(lab, host):
    """The container's process as the kernel sees it: (user id, effective capabilities, how its root is mounted)."""
    text = lab.run(host, "p=$(pgrep -x rampart | head -1); grep -E '^(Uid|CapEff)' /proc/$p/status; awk '$5 == \"/\" {print $6}' /proc/$p/mountinfo")
    uid, caps, root = text.splitlines()
    return uid.split()[1], int(caps.split()[1], 16), root.split(",")[0]


@test(16, "The rendered manifests as real pods on two hosts, the image built from nothing",
      "both answer as uid 65532 with a read-only root", beside=10)
def pods(lab):
    needs(lab, "customDNS")  # the pods' own name, which also their probes ask for
    image = lab.image("scratch")
    figures = {"image": f"{image.megabytes:.0f} MB"}
    for host in ("client", "spare"):
        lab.write(host, "/root/pods.yaml", images.pods())
        load_image(lab, host, image)
        begin = time.monotonic()
        code, text = lab.run(host, "podman play kube /root/pods.yaml", ok=False, timeout=60)
        check(code == 0, f"podman play kube on {host}: {text[-600:]}")
        address = CLIENT if host == "client" else "10.77.0.15"
        wait(lambda a=address: lab.run("client", f"dig +short +tries=1 +time=1 -p 1053 @{a} pod.rampart.internal", ok=False)[1] == "192.0.2.99",
             20, f"the pod on {host} answers")
        figures[f"{host}: answers after"] = f"{time.monotonic() - begin:.1f} s"
        held = process_of(lab, host)
        check(held == ("65532", 0, "ro"), f"the pod on {host} runs as {held}, promised: 65532, no capability, a read-only root")
        lab.run(host, "podman pod rm -fa", timeout=60)
    return figures


BOX = """
upstreams: {groups: {default: [10.77.0.14]}, init: {strategy: fast}}
ports: {dns: [53, 1053], http: 4000}
blocking: {denylists: {ads: ["ads.example.org\\n"]}, clientGroupsBlock: {default: [ads]}}
"""
MOST_OVER_BASE_MB = 40


@test(20, "The image over a plain Debian root: a non-root user, a read-only root, one capability, a health check",
      f"<= {MOST_OVER_BASE_MB} MB over its base; port 53 is refused without NET_BIND_SERVICE, answered with it", beside=10)
def container(lab):
    image = lab.image("debian")
    over = image.megabytes - image.base_megabytes
    check(over <= MOST_OVER_BASE_MB, f"the image adds {over:.0f} MB to its base, promised {MOST_OVER_BASE_MB}")
    load_image(lab, "spare", image)
    lab.write("spare", "/root/box/10-rampart.yml", BOX)
    run = ("podman run --name box --network host --read-only --cap-drop ALL --security-opt no-new-privileges "
           "-v /root/box:/config:ro {} localhost/rampart:debian")
    code, text = lab.run("spare", "timeout 20 " + run.format("--rm"), ok=False, timeout=40)
    check(code not in (0, 124) and "ermission" in text, f"without NET_BIND_SERVICE port 53 was not refused: {code} {text[-400:]}")
    lab.run("spare", run.format("-d --cap-add NET_BIND_SERVICE"), timeout=40)
    took = wait(lambda: lab.query(SPARE, "ads.example.org") == ("NOERROR", ["0.0.0.0"]), 20, "the container answers at port 53")
    held = process_of(lab, "spare")
    check(held == ("65532", 1 << 10, "ro"), f"the container runs as {held}, promised: 65532, CAP_NET_BIND_SERVICE alone, a read-only root")
    check(lab.run("spare", "podman exec box sh -c 'touch /x'", ok=False)[0] != 0, "the root file system can be written to")
    # The image's own HEALTHCHECK: well now, not well when the process stands still.
    lab.run("spare", "podman healthcheck run box")
    lab.run("spare", "pkill -STOP -x rampart")
    code, _ = lab.run("spare", "podman healthcheck run box", ok=False)
    lab.run("spare", "pkill -CONT -x rampart")
    check(code != 0, "the health check did not notice a process that stands still")
    lab.run("spare", "podman rm -f -t 5 box", timeout=40)
    return {"image": f"{image.megabytes:.0f} MB, {over:.0f} over its base", "from nothing": f"{lab.image('scratch').megabytes:.0f} MB",
            "answers after": f"{took:.1f} s", "CapEff": f"{held[1]:#x}"}


@test(21, "Dashboards and alerts ask for metrics that a running resolver exposes", "every name is in a real scrape", beside=10)
def metrics(lab):
    scrape = lab.state / "scrape"
    scrape.write_text(lab.run("m2", f"curl -sS -m 3 http://{MASTERS['m2']}:4000/metrics") + "\n")
    result = subprocess.run([sys.executable, str(HERE / "check_dashboards.py"), str(HERE.parent), str(scrape)],
                            capture_output=True, text=True, check=False)
    check(result.returncode == 0, result.stdout + result.stderr)
    return {"seen": result.stdout.strip()}


@test(17, "The playbook a second time, after all this", "changed=0 on every host")
def second_run(lab):
    # Where the first run took long there is no time for all: one host, and the report says so.
    hosts, words = list(MASTERS), ()
    if lab.remaining() < 1.2 * lab.playbook_seconds + 60:
        hosts, words = ["m3"], ("--limit", "m3")
    seconds, recap, output = lab.playbook(*words)
    for host in hosts:
        check(host in recap and recap[host]["failed"] == 0 and recap[host]["unreachable"] == 0, f"second run failed: {output[-1500:]}")
        changes = [line for line in output.splitlines() if line.startswith(("TASK", "RUNNING")) or line.startswith("changed")]
        named = [task for task, state in zip(changes, changes[1:]) if state.startswith("changed") and not task.startswith("changed")]
        check(recap[host]["changed"] == 0, f"second run changed {recap[host]['changed']} things on {host}: {named}")
    return {"second run": f"{seconds:.0f} s, changed=0", "hosts": ", ".join(hosts) + ("" if len(hosts) > 1 else " alone: too little time for all")}


@test(19, "reset.yml, refused first, then confirmed, then again", "nothing left, the second time changed=0")
def reset(lab):
    hosts = [host for host in MASTERS if host not in lab.dead]
    limit = ("--limit", ",".join(hosts))
    _, recap, output = lab.playbook(*limit, "-e", "reset_confirmed=no", book="reset.yml")
    check(all(recap[host]["failed"] and not recap[host]["changed"] for host in hosts) and "nothing was changed" in output,
          f"without a yes something was done: {output[-800:]}")
    seconds, recap, output = lab.playbook(*limit, "-e", "reset_confirmed=yes", book="reset.yml")
    check(all(recap[host]["failed"] == 0 and recap[host]["unreachable"] == 0 for host in hosts), f"reset failed: {output[-1500:]}")
    for host in hosts:
        left = lab.run(host, "ls -d /etc/rampart /var/cache/rampart /var/lib/rampart /etc/keepalived/keepalived.conf /var/lib/etcd/cluster "
                       "/var/lib/postgresql/15/patroni /etc/redis/rampart.conf /etc/nginx/conf.d/cluster.conf /var/log/cluster "
                       "/run/cluster /etc/systemd/system/*.d/restart.conf /etc/systemd/system/cluster-vips.service 2>/dev/null; getent passwd rampart; "
                       "grep 'rampart cluster' /etc/hosts; nft list table inet cluster 2>/dev/null; "
                       "ps -eo comm= | grep -xE 'rampart|keepalived|haproxy|nginx|dnsmasq|etcd|patroni|postgres|redis-server|docker-registry'",
                       ok=False)[1]
        check(not left, f"reset left on {host}: {left}")
        held = [vip for vip in VIPS if f" {vip}/" in lab.run(host, "ip -4 -o addr")]
        check(not held, f"{host} still holds {held} after the reset")
    _, recap, output = lab.playbook(*limit, "-e", "reset_confirmed=yes", book="reset.yml")
    check(all(recap[host]["changed"] == 0 and recap[host]["failed"] == 0 for host in hosts), f"a second reset changed something: {output[-1500:]}")
    return {"reset": f"{seconds:.0f} s, nothing left", "again": "changed=0"}
