"""What the tests of sharing over Redis share: a private Redis, and looks into an instance's figures."""
import json
import re
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import dns.message
import dns.rcode
import dns.rrset

from harness import Program, Rampart, free_port, wait_for

CACHE_CHANNEL = "blocky_cache_sync"
BLOCKING_CHANNEL = "blocky_sync_enabled"
BLOCKING_KEY = "rampart:blocking_state"
STRANGER = "b0f2a2ae-6a3e-4a66-8f20-0a4c1d8e9b11"  # a UUID as Blocky draws it


class Redis(Program):
    """`login`: commands that every connection of ours begins with; `tls`: an SSL context, then it speaks only TLS;
    `netns`: the network namespace in which it runs, on `address`."""

    def __init__(self, directory, port=None, arguments=(), login=(), tls=None, program="redis-server", address="127.0.0.1",
                 netns=None, bind=None):
        self.port, self.login, self.tls, self.address = port or free_port(), login, tls, address
        words = [program, *arguments]
        if program == "redis-server":
            ports = ["--port", "0", "--tls-port", str(self.port)] if tls else ["--port", str(self.port)]
            words = [program, *ports, "--bind", *(bind or [address]), "--save", "", "--appendonly", "no", *arguments]
        if netns:
            words = ["nsenter", f"--net=/run/netns/{netns}", *words]
        super().__init__(words, directory, f"{program}-{self.port}")
        try:
            wait_for(lambda: self.command("PING") == b"+PONG\r\n", f"{program} ({self.log_path})")
        except AssertionError as error:
            self.stop()
            raise AssertionError(f"{error}:\n{self.log[-2000:]}") from None

    def connect(self, *first):
        """A connection that is logged in; `first` is sent and its reply given, too."""
        tcp = socket.create_connection((self.address, self.port), 5)
        tcp = self.tls.wrap_socket(tcp) if self.tls else tcp
        reply = b""
        for each in (*self.login, first):
            octets = [w if isinstance(w, bytes) else str(w).encode() for w in each]
            tcp.sendall(b"*%d\r\n" % len(octets) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in octets))
            reply = tcp.recv(65536)
        return tcp, reply

    def command(self, *words):
        """The reply as it stands on the wire."""
        tcp, reply = self.connect(*words)
        tcp.close()
        return reply


class Listener:
    """Hears what is published on both channels. Ends with its connection."""

    def __init__(self, redis):
        self.messages = []  # (channel, JSON)
        tcp, first = redis.connect("SUBSCRIBE", CACHE_CHANNEL, BLOCKING_CHANNEL)
        tcp.settimeout(None)
        self.tcp = tcp
        threading.Thread(target=self._listen, args=(tcp.makefile("rb"),), daemon=True).start()
        del first  # both confirmations; one may still be on its way and is skipped below

    def _listen(self, stream):
        try:
            while line := stream.readline():
                if not line.startswith(b"$"):
                    continue
                word = stream.read(int(line[1:]) + 2)[:-2]
                if word != b"message":
                    continue
                parts = []
                for _ in range(2):
                    parts.append(stream.read(int(stream.readline()[1:]) + 2)[:-2])
                self.messages.append((parts[0].decode(), json.loads(parts[1])))
        except (OSError, ValueError):
            return

    def answers(self):
        """The names whose answers were published, in order."""
        return [entry["k"][2:] for channel, message in self.messages if channel == CACHE_CHANNEL for entry in message["e"]]

    def switches(self):
        return [message for channel, message in self.messages if channel == BLOCKING_CHANNEL]

    def close(self):
        self.tcp.close()


def fetch(server, target, method="GET"):
    """The HTTP port opens a moment after the first answer over DNS."""
    request = urllib.request.Request(f"http://127.0.0.1:{server.http_port}{target}", method=method)
    end = time.monotonic() + 5
    while True:
        try:
            with urllib.request.urlopen(request, timeout=5) as response:
                return response.read().decode()
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError) or not server.running() or time.monotonic() > end:
                raise
            time.sleep(0.02)


def metric(server, name, labels=""):
    found = []

    def is_there():  # not before the start is over, which may be a moment after the first answer
        found[:] = re.findall(rf"^rampart_{name}{re.escape(labels)} (\S+)$", fetch(server, "/metrics"), re.M)
        return found
    wait_for(is_there, f"metric rampart_{name}{labels}", 5)
    return float(found[0])


def received(server, outcome):
    return metric(server, "redis_received_total", '{outcome="%s"}' % outcome)


def dropped(server, cause):
    return metric(server, "redis_dropped_total", '{cause="%s"}' % cause)


def is_joined(server):
    return metric(server, "redis_up") == 1


def is_blocking(server):
    return json.loads(fetch(server, "/api/blocking/status"))["enabled"]


def answer_to(name, *records, rcode=dns.rcode.NOERROR):
    message = dns.message.make_response(dns.message.make_query(name, "A"))
    message.set_rcode(rcode)
    message.answer = [dns.rrset.from_text(owner + ".", 300, "IN", rdtype, data) for owner, rdtype, data in records]
    return message.to_wire()


def make_certificates(directory, *names):
    """A CA (ca.crt) and for each name a key and a certificate of it: redis.crt, redis.key, ... good for servers and clients."""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=directory)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-days", "30", "-subj", "/CN=a CA", "-keyout", "ca.key", "-out", "ca.crt")
    for name in names:
        openssl("req", *key, "-subj", f"/CN={name}.test", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        with open(f"{directory}/{name}.ext", "w", encoding="ascii") as extensions:
            extensions.write(f"subjectAltName=DNS:{name}.test\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
                "-extfile", f"{name}.ext", "-out", f"{name}.crt")


class Sharer(Rampart):
    """An instance with a Redis; `redis` is the text of that section."""

    CONFIG = """
upstreams:
  groups: {{default: [127.0.0.1:{upstream}]}}
ports: {{dns: "{{dns}}", http: "{{http}}"}}
workers: 1
blocking:
  denylists: {{ads: [{list}], extra: [{extra}]}}
  clientGroupsBlock: {{default: [ads, extra]}}
queryLog: {{type: none}}
prometheus: {{enable: true}}
{redis}
"""

    def __init__(self, directory, upstream, denylist, extra, redis="", **options):
        text = f"redis: {redis}" if redis else ""
        super().__init__(directory, self.CONFIG.format(upstream=upstream, list=denylist, extra=extra, redis=text), **options)
