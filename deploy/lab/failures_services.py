"""What else lives on the masters: bans, certificates and the registry."""
import concurrent.futures
import time

from cluster import CLIENT, MASTERS, Skipped, VIPS, check, wait
from promises import SLOW, asked, test


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


API_SERVER = """
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(sys.argv[1].encode())
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer((sys.argv[1], 6443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/etc/nginx/tls/fullchain.pem", "/etc/nginx/tls/privkey.pem")
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
"""
# A client of the API: a new connection each time, as kubectl has; prints its longest wait for an answer, and who answered.
API_CLIENT = """
import select, ssl, socket, sys, time
context = ssl._create_unverified_context()
last, gap, count, seen = time.monotonic(), 0.0, 0, set()
while not select.select([sys.stdin], [], [], 0.02)[0]:
    try:
        with socket.create_connection((sys.argv[1], 7443), timeout=1) as raw:
            raw.settimeout(1)
            with context.wrap_socket(raw) as s:
                s.sendall(b"GET /readyz HTTP/1.0\\r\\n\\r\\n")
                text = b""
                while chunk := s.recv(4096): text += chunk
        if b" 200 " in text.split(b"\\r\\n")[0]:
            now = time.monotonic(); gap = max(gap, now - last); last = now; count += 1; seen.add(text.split(b"\\r\\n")[-1].decode())
            if count == 1: gap = 0.0; print("ready", flush=True)
    except OSError: pass
print(round(max(gap, time.monotonic() - last), 2), count, ",".join(sorted(seen)))
"""


@test(22, "The Kubernetes API behind HAProxy and the VIP: a server killed, then the VIP holder dark (servers are stand-ins)",
      "an answer within 2 s and 4 s")
def api_server_lost(lab):
    lab.write("client", "/root/lab/api.py", API_CLIENT)
    for host, address in MASTERS.items():
        lab.write(host, "/root/lab/apiserver.py", API_SERVER)
        lab.run(host, f"systemctl stop apiserver 2>/dev/null; systemctl reset-failed apiserver 2>/dev/null; systemd-run -q --unit=apiserver python3 /root/lab/apiserver.py {address}")
    wait(lambda: all(lab.run("client", f"for i in 1 2 3; do curl -sk -m 1 https://{VIPS[0]}:7443/readyz; echo; done | sort -u | wc -l",
                             ok=False) == (0, "3") for _ in range(2)), 15, "all three API servers answer through the VIP")

    def watched(act):
        client = lab.start("client", "python3", "-u", "/root/lab/api.py", VIPS[0])
        check(client.stdout.readline().strip() == "ready", "the client of the API got no answer")
        begin = time.monotonic()
        act()
        asked(max(0.0, begin + 5 - time.monotonic()))
        gap, count, seen = client.communicate(timeout=10)[0].split()
        check(int(count) >= 5, f"only {count} answers of the API")
        return float(gap), seen
    killed, seen = watched(lambda: lab.run("m2", "systemctl kill -s KILL apiserver"))
    dark, _ = watched(lambda: lab.link("m1", False))
    lab.link("m1", True)
    for host in MASTERS:
        lab.run(host, "systemctl stop apiserver; systemctl reset-failed apiserver; rm /root/lab/apiserver.py", ok=False)
    lab.settled(20)
    check(killed <= 2 * SLOW, f"one API server killed: no answer for {killed} s")
    check(dark <= 4 * SLOW, f"the VIP holder dark, one API server of three left: no answer for {dark} s")
    return {"one killed: no answer for": f"{killed} s", "and the VIP holder dark": f"{dark} s", "answered by": seen}


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


@test(14, "One registry is killed; then an image is pushed and pulled", "push and pull through HAProxy work")
def registry_lost(lab):
    code, text = lab.run("client", """set -e; mkdir -p /root/image /var/lib/containers; mount -t tmpfs c /var/lib/containers
cd /root/image; head -c 300000 /dev/urandom > blob; printf 'FROM scratch\\nCOPY blob /blob\\n' > Dockerfile
buildah build -q --storage-driver vfs --isolation chroot -t lab:1 .""", ok=False, timeout=60)
    if code:
        raise Skipped(f"buildah cannot build inside a host here: {text[-300:]}")
    target = f"{VIPS[0]}:5000/lab"
    push = "buildah push -q --storage-driver vfs --tls-verify=false lab:1 docker://" + target
    wait(lambda: lab.run("client", f"curl -s -m 1 -o /dev/null -w %{{http_code}} http://{VIPS[0]}:5000/v2/", ok=False)[1] == "200",
         10, "the registry answers")
    lab.run("client", f"{push}:both", timeout=60)
    lab.run("m1", "systemctl mask --runtime docker-registry; systemctl kill -s KILL docker-registry; systemctl stop docker-registry")
    begin = time.monotonic()
    lab.run("client", f"{push}:one", timeout=60)
    took = time.monotonic() - begin
    lab.run("client", f"buildah rmi -af --storage-driver vfs >/dev/null 2>&1; buildah pull -q --storage-driver vfs --tls-verify=false docker://{target}:both",
            timeout=60)
    lab.run("m1", "systemctl unmask --runtime docker-registry; systemctl start docker-registry")
    return {"push with one dead": f"{took:.1f} s", "pull with one dead": "ok"}
