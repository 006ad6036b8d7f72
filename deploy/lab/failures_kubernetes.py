"""Masters whose resolver runs as pods: from bare hosts to an API at the VIP, with stand-ins for what Debian does not have."""
import time

from cluster import CLIENT, HERE, INTERNET, MASTERS, SPARE, VIPS, check, wait
from promises import SLOW, asked, test

# As inventory/lab-kubernetes has them: the first one never was a master.
BARE = {"spare": SPARE, "m2": MASTERS["m2"], "m3": MASTERS["m3"]}

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


# What a ready pod looks like from its host: DNS at the VIPs, and kube-proxy's word that there is one.
POD = """set -e; mkdir -p /root/lab/ready; echo ready > /root/lab/ready/healthz
systemd-run -q --unit=pod-ready python3 -m http.server 31053 --bind {address} --directory /root/lab/ready
systemd-run -q --unit=pod-dns dnsmasq -k --port=53 --no-resolv --no-hosts --bind-interfaces --listen-address={vips} \\
  --address=/health.rampart.internal/192.0.2.53 --address=/pod.example.org/192.0.2.99"""


def held_by(lab, vip=VIPS[0]):
    """The one of these masters that holds an address."""
    owners = lab.owners(vip, BARE)
    check(len(owners) == 1, f"{vip} is held by {owners or 'nobody'}, exactly one owner was promised")
    return owners[0]


def api_watched(lab, act, seconds):
    """Asks the API at the first VIP without pause while `act` breaks something: (longest wait for an answer, who answered)."""
    client = lab.start("client", "python3", "-u", "/root/lab/api.py", VIPS[0])
    check(client.stdout.readline().strip() == "ready", "the client of the API got no answer")
    begin = time.monotonic()
    act()
    asked(max(0.0, begin + seconds - time.monotonic()))
    gap, count, seen = client.communicate(timeout=10)[0].split()
    check(int(count) >= 5, f"only {count} answers of the API")
    return float(gap), seen


@test(22, "Bare masters whose resolver runs as pods: VIPs and the API's front before the first pod; then a pod, an API server and "
      "the VIP holder are lost (kubeadm, API servers and pods are stand-ins)",
      "each VIP held by one, the API there; DNS moves <= 4 s; the API answers within 2 s and 3 s")
def kubernetes_from_bare(lab):
    lab.write("client", "/root/lab/api.py", API_CLIENT)
    if "m1" not in lab.dead:  # run by itself: the other cluster is still there
        lab.playbook("-e", "reset_confirmed=yes", book="reset.yml")
    for host in BARE:
        check(not lab.run(host, "ls -d /etc/rampart /usr/bin/rampart /etc/keepalived/keepalived.conf 2>/dev/null; true"), f"{host} is not bare")
        lab.write(host, "/root/lab/apiserver.py", API_SERVER)
        lab.write(host, "/usr/local/bin/kubeadm", (HERE / "standin_kubeadm.py").read_text(), mode="755")
        # A home's router, which answered before there was anything of this.
        lab.run(host, f"echo nameserver {CLIENT} > /etc/resolv.conf; rm -f /etc/resolv.conf.before-cluster")
    seconds, recap, output = lab.playbook(inventory="lab-kubernetes")
    check(all(host in recap and not recap[host]["failed"] and not recap[host]["unreachable"] for host in BARE), f"the playbook failed: {output[-2500:]}")
    # No pod yet: nobody answers DNS, and yet everything is there that a pod needs in order to come.
    wait(lambda: [held_by(lab, vip) for vip in VIPS] == list(BARE), 10, "each VIP on its own master, without any resolver")
    for host in BARE:
        check(lab.run(host, "pgrep -x rampart; ls /run/cluster 2>/dev/null; true") == "", f"{host} has a resolver of its own")
        found = lab.run(host, "getent ahostsv4 registry.k8s.io | head -1").split()[0]
        check(found == INTERNET, f"{host} resolves registry.k8s.io as {found}: no image could be pulled")
    wait(lambda: lab.run("client", f"for i in 1 2 3; do curl -sk -m 1 https://{VIPS[0]}:7443/readyz; echo; done | sort -u | wc -l",
                         ok=False) == (0, "3"), 15, "all three API servers answer through the VIP")
    check(lab.query(VIPS[0], "pod.example.org", options="+tries=1 +time=1")[0] != "NOERROR", "DNS is answered, although no pod runs")
    # The pods come, then the one at the VIP's holder is not ready any more.
    came = int(time.time())
    for host, address in BARE.items():
        lab.run(host, POD.format(address=address, vips=",".join(VIPS)))
    up = wait(lambda: lab.query(VIPS[0], "pod.example.org") == ("NOERROR", ["192.0.2.99"]), 5, "the pods answer at the VIP")
    # Each keepalived has to have seen its own pod twice, or nobody would be a better heir than the holder.
    wait(lambda: all("VRRP_Script(resolver) succeeded" in lab.run(host, f"journalctl -u keepalived --since @{came} --no-pager -o cat") for host in BARE),
         10, "each master has seen its pod")
    probe = lab.probe("dns", [VIPS[0]], ["pod.example.org=192.0.2.99"])
    lab.run("spare", "systemctl stop pod-ready pod-dns")
    moved = wait(lambda: held_by(lab) == "m2", 6, "the VIP left the host without a ready pod")
    asked(0.3)
    seen = probe.finish()[VIPS[0]]
    check(seen["silence_ms"] <= 4000 * SLOW and set(seen["codes"]) == {"0"} and not seen["wrong_answer"], f"a pod lost: {seen}")
    # m2 holds the VIP now. Its API server and m3's are lost one after the other, so that only the first master's is left.
    killed, servers = api_watched(lab, lambda: lab.run("m3", "systemctl kill -s KILL apiserver"), 2.5)
    dark, _ = api_watched(lab, lambda: lab.link("m2", False), 4)
    check(held_by(lab) == "m3", f"m2 is dark, but not m3 holds its VIP: {held_by(lab)}")
    lab.link("m2", True)
    check(killed <= 2 * SLOW, f"one API server killed: no answer for {killed} s")
    check(dark <= 3 * SLOW, f"the VIP holder dark, one API server of three left: no answer for {dark} s")
    return {"playbook": f"{seconds:.0f} s", "without pods": "each VIP held by one, API at the VIP", "pods answer after": f"{up:.1f} s",
            "a pod lost: VIP moved after": f"{moved:.1f} s", "DNS silent": f"{seen['silence_ms']:.0f} ms",
            "an API server killed: no answer for": f"{killed} s", "and the VIP holder dark": f"{dark} s", "answered by": servers}
