"""A server with its HTTP side, as the tests of API, metrics and health need it."""
import http.client
import json
import os
import pathlib
import socket
import ssl
import subprocess

from harness import E2eTest, Knot, Rampart, base_config, wait_for


def fetch(port, target, method="GET", tls=None, headers=None, body=None):
    """Status, headers and body; tls is an SSL context."""
    if tls:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=tls)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, target, headers=headers or {}, body=body)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def trusting_anybody():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def shown_certificate(port):
    with socket.create_connection(("127.0.0.1", port), 10) as tcp, trusting_anybody().wrap_socket(tcp) as tls:
        return tls.getpeercert(binary_form=True)


class ControlCase(E2eTest):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.directory)
        self.knot = self.start(Knot(self.directory, ["*.example.org. 300 A 192.0.2.1"]))
        (self.folder / "deny.txt").write_text("ads.example.org\n")
        (self.folder / "allow.txt").write_text("good.example.org\n")

    def server(self, extra="", ports="http: {http}", log=None):
        config = base_config(self.knot.port, f"""
blocking:
  denylists: {{ads: [{self.folder}/deny.txt]}}
  allowlists: {{ads: [{self.folder}/allow.txt]}}
  clientGroupsBlock: {{default: [ads]}}
prometheus: {{enable: true}}
statistics: {{enable: true}}
{extra}
""").replace("  dns: {dns}", "  dns: {dns}\n  " + ports)
        if log:
            config = config.replace("queryLog:\n  type: none", "queryLog: " + log)
        server = self.start(Rampart(self.directory, config))
        server.source = config
        wait_for(lambda: " ready" in server.log, "DNS answers before HTTP does")
        return server

    def mixed_traffic(self, server):
        for name in ("www.example.org", "www.example.org", "ads.example.org", "good.example.org", "nothing.test"):
            server.query(name)
            server.query(name, "AAAA", tcp=True)

    def scrape(self, server):
        status, headers, body = fetch(server.http_port, "/metrics")
        self.assertEqual(status, 200)
        self.assertIn("version=0.0.4", headers["Content-Type"])
        return body.decode()

    def make_certificate(self, name):
        new = [self.folder / f"{name}.crt", self.folder / f"{name}.key"]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "30", "-subj", f"/CN={name}", "-out", new[0], "-keyout", new[1]], check=True, capture_output=True)
        os.replace(new[1], self.folder / "server.key")
        os.replace(new[0], self.folder / "server.crt")

    def readyz(self, server):
        status, _, body = fetch(server.http_port, "/readyz")
        return status, json.loads(body)["components"]
