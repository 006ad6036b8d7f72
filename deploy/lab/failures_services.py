"""What else lives on the masters: bans, certificates and the registry."""
import concurrent.futures
import time

from cluster import CLIENT, MASTERS, Skipped, VIPS, check, wait
from promises import SLOW, test


def banned(lab, address=CLIENT):
    """The masters that have banned an address."""
    return [host for host in MASTERS if address in lab.run(host, "fail2ban-client get nginx-cluster banip")]


@test(12, "Nine bad logins, three at each master", "banned on all masters <= 5 s, also without DNS; unban works")
def cluster_wide_ban(lab):
    figures = {}
    login = " ; ".join(f"curl -sk -o /dev/null -m 2 -u admin:guess --resolve dns.home.example:443:{vip} https://dns.home.example/api/blocking/status"
                       for vip in VIPS)
    unban = "fail2ban-client unban --all"
    try:
        for name, prepare, repair in (("with DNS", "true", "true"), ("without DNS", "systemctl stop dnsmasq rampart", "systemctl start dnsmasq rampart")):
            for host in MASTERS:
                lab.run(host, f"{unban} && {prepare}")
            # Nobody is banned by three at one master. The last ones may be refused already: a request that came in while
            # the ban was made counts towards the next.
            lab.run("client", f"for i in 1 2 3; do {login}; done", ok=False)
            took = wait(lambda: banned(lab) == list(MASTERS), 5 * SLOW, f"{CLIENT} is banned on all masters ({name})")
            for host in MASTERS:
                lab.run(host, repair)
                check(CLIENT in lab.run(host, "nft list ruleset"), f"{host} counts the ban but its firewall does not know it")
            code, _ = lab.run("client", f"curl -sk -o /dev/null -m 1 https://{VIPS[0]}/", ok=False)
            check(code != 0, "a banned client still reaches nginx")
            figures[f"{name}: banned everywhere after"] = f"{took:.2f} s"
    finally:  # what follows needs this client
        for host in MASTERS:
            lab.run(host, f"systemctl start dnsmasq rampart; {unban}")
    wait(lambda: lab.run("client", f"curl -sk -o /dev/null -m 1 https://{VIPS[0]}/", ok=False)[0] == 0, 5, "the unbanned client reaches nginx")
    lab.settled(20)
    return figures


@test(13, "Certificates: every master gets its own, and renews with two masters dark", "the certificate is served at the VIP")
def certificates(lab):
    lab.run("client", """set -e; mkdir -p /root/pebble; cd /root/pebble
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=lab-ca -keyout ca.key -out ca.pem 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=acme.lab -keyout key.pem -out csr.pem 2>/dev/null
printf 'subjectAltName=DNS:acme.lab,IP:10.77.0.14\\n' > ext
openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out cert.pem 2>/dev/null
cat > pebble.json <<'X'
{"pebble": {"listenAddress": "10.77.0.14:14000", "managementListenAddress": "10.77.0.14:15000", "certificate": "cert.pem",
 "privateKey": "key.pem", "httpPort": 80, "tlsPort": 443, "ocspResponderURL": "", "externalAccountBindingRequired": false}}
X
systemd-run -q --unit=pebble --working-directory=/root/pebble -E PEBBLE_VA_NOSLEEP=1 -E PEBBLE_WFE_NONCEREJECT=0 \
  $(command -v pebble) -config pebble.json -dnsserver 10.77.0.13:53""")
    authority = lab.run("client", "cat /root/pebble/ca.pem")
    wait(lambda: lab.run("client", "curl -s -m 1 --cacert /root/pebble/ca.pem https://acme.lab:14000/dir --resolve acme.lab:14000:10.77.0.14",
                         ok=False)[0] == 0, 10, "the certificate authority answers")
    begin = time.monotonic()

    def issue(host):
        lab.write(host, "/etc/ssl/pebble-ca.pem", authority + "\n")
        lab.run(host, "cluster-certificate", timeout=60)
    with concurrent.futures.ThreadPoolExecutor(len(MASTERS)) as together:
        list(together.map(issue, MASTERS))  # all at once: a challenge of one may arrive at any of them
    took = time.monotonic() - begin
    serial = "timeout 3 openssl s_client -connect {}:443 -servername dns.home.example </dev/null 2>/dev/null | openssl x509 -noout -issuer -serial"
    first = {}
    for vip, host in zip(VIPS, MASTERS):
        wait(lambda vip=vip: "Pebble" in lab.run("client", serial.format(vip)), 5, f"the authority's certificate is served at {vip}")
        first[host] = lab.run("client", serial.format(vip))
    for host in ("m1", "m2"):
        lab.link(host, False)
    wait(lambda: lab.owner(VIPS[0]) == "m3", 5, "m3 holds the first VIP")
    lab.run("m3", "cluster-certificate --force-renewal --no-random-sleep-on-renew", timeout=90)
    wait(lambda: "Pebble" in lab.run("client", serial.format(VIPS[0])) and lab.run("client", serial.format(VIPS[0])) != first["m3"],
         5, "the renewed certificate is served at m1's VIP")
    for host in ("m1", "m2"):
        lab.link(host, True)
    lab.settled(20)
    lab.run("client", "systemctl stop pebble")
    return {"issued to all three in": f"{took:.1f} s", "renewed with m1 and m2 dark": "served at m1's VIP"}


@test(14, "One registry is killed; an image with a new layer is pushed; then the other is killed, and it is pulled",
      "push and pull through HAProxy work, the layer is the one that was pushed", beside=10)
def registry_lost(lab):
    build = """set -e; mountpoint -q /var/lib/containers || { mkdir -p /var/lib/containers; mount -t tmpfs c /var/lib/containers; }
mkdir -p /root/image; cd /root/image; head -c 300000 /dev/urandom > blob; printf 'FROM scratch\\nCOPY blob /blob\\n' > Dockerfile
buildah build -q --storage-driver vfs --isolation chroot -t lab:1 ."""
    code, text = lab.run("client", build, ok=False, timeout=60)
    if code:
        raise Skipped(f"buildah cannot build inside a host here: {text[-300:]}")
    target = f"{VIPS[0]}:5000/lab"
    kill = "systemctl mask -q --runtime docker-registry; systemctl kill -s KILL docker-registry; systemctl stop docker-registry"
    start = "systemctl unmask -q --runtime docker-registry; systemctl start docker-registry"
    wait(lambda: lab.run("client", f"curl -s -m 1 -o /dev/null -w %{{http_code}} http://{VIPS[0]}:5000/v2/", ok=False)[1] == "200",
         10, "the registry answers")
    pull = f"""set -e; buildah rmi -af --storage-driver vfs >/dev/null 2>&1 || true
box=$(buildah from -q --pull-always --storage-driver vfs --tls-verify=false docker://{target}:new)
cmp /root/image/blob "$(buildah mount --storage-driver vfs "$box")/blob"; buildah rm --storage-driver vfs "$box" >/dev/null"""
    check(lab.run("client", f"curl -s -m 2 -o /dev/null -w %{{http_code}} http://{VIPS[0]}:5000/v2/lab/manifests/new") == "404",
          "the image is in the registry before it was pushed")
    lab.run("m1", kill)
    try:
        begin = time.monotonic()
        lab.run("client", f"buildah push -q --storage-driver vfs --tls-verify=false lab:1 docker://{target}:new", timeout=60)
        took = time.monotonic() - begin
        lab.run("client", pull, timeout=60)
        lab.run("m1", start)
        wait(lambda: lab.run("m2", f"curl -s -m 1 http://{MASTERS['m1']}:5001/v2/", ok=False)[0] == 0, 10, "m1's registry is back")
        # The one that was dead has to have it too: it is all that is left.
        lab.run("m2", kill)
        other = wait(lambda: lab.run("client", pull, timeout=60, ok=False)[0] == 0, 10, "the image is pulled from the registry that was dead when it came")
    finally:
        for host in ("m1", "m2"):
            lab.run(host, start)
    return {"push of a new layer with one dead": f"{took:.1f} s", "pull with the same dead": "ok", "pull from it alone": f"ok, {other:.1f} s"}
