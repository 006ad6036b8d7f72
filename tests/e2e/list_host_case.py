"""Tests with a list host of their own over HTTPS: good, broken, hostile or gone."""
import gzip
import http.server
import os
import re
import ssl
import struct
import subprocess
import threading
import urllib.request

from harness import TIME_FACTOR, E2eTest, Knot, Rampart, addresses, base_config, free_port, wait_for

HOST = "lists.example.test"
MEMORY_GROWTH_MAX_KB = 48 << 10
DOWNLOAD_TIMEOUT = f"{round(700 * TIME_FACTOR)}ms"
GOOD = "".join(f"n{i}.ads.example.org\n" for i in range(200))


def make_certificate(directory, name, host, issuer=None):
    """A key and a certificate for `host`, by itself or by `issuer`; the path without suffix."""
    path = os.path.join(directory, name)
    extension = f"subjectAltName=DNS:{host}" if issuer else "basicConstraints=critical,CA:TRUE"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
               "-subj", f"/CN={host}", "-keyout", path + ".key", "-out", path + ".crt", "-addext", extension]
    if issuer:
        command += ["-CA", issuer + ".crt", "-CAkey", issuer + ".key"]
    subprocess.run(command, check=True, capture_output=True)
    return path


def zstd_of_one_octet(octets):
    """One frame of blocks that repeat one octet (RFC 8878 3.1.1.2): four octets for 128 KiB of text."""
    block_octets = 1 << 17
    window_of_128_kib, repeated_block = 7 << 3, 1
    frame = bytearray(b"\x28\xb5\x2f\xfd\x00" + bytes([window_of_128_kib]))
    count = octets // block_octets
    for i in range(count):
        frame += struct.pack("<I", (i == count - 1) | repeated_block << 1 | block_octets << 3)[:3] + b"a"
    return bytes(frame)


class ListHost:
    """An HTTPS server; `answer(handler)` may be replaced while it runs."""

    def __init__(self, certificate):
        self.requests = []
        self.answer = self.good
        self.ended = threading.Event()
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                host.requests.append(self.path)
                host.answer(self)

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate + ".crt", certificate + ".key")
        self.server.socket = self.context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()

    @staticmethod
    def send(handler, body, headers=(), length=None):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers:
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    def good(self, handler):
        self.send(handler, GOOD.encode())

    def body(self, text):
        return lambda handler: self.send(handler, text.encode())

    def half(self, handler):
        self.send(handler, GOOD.encode()[:1000], length=len(GOOD))
        handler.connection.close()

    def hang(self, handler):
        self.ended.wait(30)

    def trickle(self, handler):
        self.send(handler, b"", length=1000)
        while not self.ended.wait(0.05):
            handler.wfile.write(b"x")

    def bomb(self, handler):
        self.send(handler, gzip.compress(b"x" * (64 << 20), 1), headers=[("Content-Encoding", "gzip")])

    def loop(self, handler):
        handler.send_response(302)
        handler.send_header("Location", handler.path)
        handler.send_header("Content-Length", "0")
        handler.end_headers()


class ListHostCase(E2eTest):
    """A list host that only bootstrapDns can find, with certificates of an authority of its own."""

    def setUp(self):
        super().setUp()
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            os.environ.pop(name, None)
        self.knot = self.start(Knot(self.directory, ["*.example.org. 300 A 192.0.2.1", f"{HOST}. 300 A 127.0.0.1",
                                                     "*.ads.example.org. 300 A 192.0.2.1"]))
        self.authority = make_certificate(self.directory, "authority", "authority")
        self.certificate = make_certificate(self.directory, "host", HOST, self.authority)
        self.host = self.list_host(self.certificate)
        self.http = free_port()

    def trust_the_authority(self):
        os.environ["SSL_CERT_FILE"] = self.authority + ".crt"
        self.addCleanup(os.environ.pop, "SSL_CERT_FILE")

    def list_host(self, certificate):
        return self.start(ListHost(certificate))

    def server(self, loading="", cache=True, host=None, timeout=DOWNLOAD_TIMEOUT, **options):
        """The host's name is known to Knot alone: only bootstrapDns can find it."""
        path = f"cachePath: {self.directory}/cache" if cache else ""
        config = base_config(self.knot.port, f"""
bootstrapDns: 127.0.0.1:{self.knot.port}
prometheus: {{enable: true}}
blocking:
  denylists: {{ads: ["https://{HOST}:{(host or self.host).port}/list"]}}
  clientGroupsBlock: {{default: [ads]}}
  loading:
    {loading}
    downloads: {{timeout: {timeout}, attempts: 1, {path}}}
""").replace("ports:\n", f"ports:\n  http: 127.0.0.1:{self.http}\n")
        return self.start(Rampart(self.directory, config, **options))

    def get(self, path, method="GET", timeout=10 * TIME_FACTOR):
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def refused(self, cause):
        """How many versions have been refused for this cause."""
        found = re.search(rf'rampart_lists_refused_total{{reason="{cause}"}} (\d+)', self.get("/metrics")[1])
        return int(found.group(1)) if found else 0

    def blocked(self, server, name="n1.ads.example.org"):
        return addresses(server.query(name)) == ["0.0.0.0"]

    def memory_peak_kb(self, server):
        with open(f"/proc/{server.process.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmHWM:"))

    def check_versions(self, server, cases):
        """Each of (what, message, cause, answer) in place of a good list; then a good one again."""
        host = self.host
        for what, message, cause, answer in cases:
            with self.subTest(what):
                seen = len(server.log)
                refused = self.refused(cause) if cause else 0
                peak = self.memory_peak_kb(server)
                host.answer = answer
                status, body = self.get("/api/lists/refresh", "POST", timeout=120)
                wait_for(lambda: message in server.log[seen:], f"'{message}' in the log")  # written by a thread of its own
                if cause:
                    self.assertNotEqual(status, 200)
                    self.assertIn(message, body)
                    self.assertGreater(self.refused(cause), refused)
                self.assertLess(self.memory_peak_kb(server) - peak, MEMORY_GROWTH_MAX_KB)
                self.assertTrue(self.blocked(server), "the version before is in force")
                self.assertFalse(self.blocked(server, "www.example.org"))
                self.assertTrue(server.running())
        host.answer = host.body(GOOD + "new.example.org\n")
        self.assertEqual(self.get("/api/lists/refresh", "POST")[0], 200)
        self.assertTrue(self.blocked(server, "new.example.org"), "it has not forgotten how to load a good one")
