"""The HTTP side as curl meets it: every operation of docs/openapi.yaml, right and wrong, over HTTP and HTTPS; DNS over
HTTPS by GET and POST, and with curl itself as the stub resolver."""
import base64
import json
import pathlib
import subprocess
import unittest

import dns.flags
import dns.message
import dns.rcode

import harness
import test_openapi
from harness import addresses, free_port
from test_openapi import DOCUMENT, operations

SECURITY_HEADERS = {"strict-transport-security": "max-age=63072000", "x-frame-options": "DENY",
                    "x-content-type-options": "nosniff", "x-xss-protection": "1; mode=block"}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


def curl(url, *options, method="GET", body=None, headers=None):
    """Runs curl as a script would; header names of the answer are lower-cased."""
    how = ["--head"] if method == "HEAD" else [] if method == "GET" and body is None else ["--request", method]
    sent = [] if body is None else ["--data-binary", "@-"]
    named = [word for name, value in (headers or {}).items() for word in ("--header", f"{name}: {value}")]
    data = body.encode() if isinstance(body, str) else body
    done = subprocess.run(["curl", "--silent", "--show-error", "--globoff", "--max-time", "20", "--include", *how, *sent, *named,
                           *options, url], input=data if body is not None else b"", capture_output=True, timeout=30)
    if done.returncode:
        raise AssertionError(f"curl {url}: {done.stderr.decode()}")
    head, _, rest = done.stdout.partition(b"\r\n\r\n")
    while head.startswith(b"HTTP/1.1 100"):
        head, _, rest = rest.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return Answer(int(first.split()[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}, rest)


class Case(harness.E2eTest):
    """One server with an authority of its own for HTTPS."""

    def serve(self, extra="", ports="http: {http}"):
        self.folder = pathlib.Path(self.directory)
        (self.folder / "list.txt").write_text("ads.example.org\n")
        knot = self.start(harness.Knot(self.directory, ["example.org. 300 A 192.0.2.1", "example.org. 300 AAAA 2001:db8::1",
                                                        "here.example.org. 300 A 127.0.0.1"]))
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                     "/CN=Home CA", "-out", "ca.crt", "-keyout", "ca.key")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=home", "-addext",
                     "subjectAltName=IP:127.0.0.1", "-out", "server.csr", "-keyout", "server.key")
        self.openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-days", "30",
                     "-copy_extensions", "copy", "-out", "server.crt")
        self.tls_port = free_port()
        server = self.start(harness.Rampart(self.directory, harness.base_config(knot.port, f"""
blocking:
  denylists: {{ads: [{self.folder}/list.txt]}}
  clientGroupsBlock: {{default: [ads]}}
statistics: {{enable: true}}
prometheus: {{enable: true}}
certFile: {self.folder}/server.crt
keyFile: {self.folder}/server.key
{extra}
""").replace("  dns: {dns}", "  dns: {dns}\n  " + ports + f"\n  https: 127.0.0.1:{self.tls_port}")))
        harness.wait_for(lambda: " ready" in server.log, "DNS answers before HTTP does")
        self.http = f"http://127.0.0.1:{server.http_port}"
        self.https = f"https://127.0.0.1:{self.tls_port}"
        self.trust = ("--cacert", str(self.folder / "ca.crt"))
        return server

    def openssl(self, *words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=self.directory)

    def ask(self, target, **request):
        return curl(self.http + target, **request)


class EveryOperation(test_openapi.Api, Case):
    """The checks of the document, by curl over HTTP."""

    def setUp(self):
        super().setUp()
        self.serve()

    def call(self, method, target, body=None, headers=None):
        answer = self.ask(target, method=method, body=body, headers=headers)
        self.assertEqual(answer.headers["content-length"], str(len(answer.body)))
        self.assertRegex(answer.headers["date"], r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")
        self.assertNotIn("strict-transport-security", answer.headers)
        return answer.status, answer.headers.get("content-type", ""), answer.body


class EveryOperationOverTls(EveryOperation):
    def call(self, method, target, body=None, headers=None):
        answer = curl(self.https + target, *self.trust, method=method, body=body, headers=headers)
        self.assertEqual(answer.headers["content-length"], str(len(answer.body)))
        self.assertEqual({name: answer.headers.get(name) for name in SECURITY_HEADERS}, SECURITY_HEADERS)
        return answer.status, answer.headers.get("content-type", ""), answer.body


class WhoMayCall(Case):
    def test_every_operation_asks_for_the_scope_that_the_document_names(self):
        self.serve("api: {tokens: [all-of-it], readOnlyTokens: [look-only]}")
        tried = 0
        for path, method, operation in operations():
            example = test_openapi.Api.body_example(operation)
            target = test_openapi.Api.target(path, test_openapi.Api.examples(operation))
            scope = operation.get("x-scope")
            expected = {None: {None: 200, "wrong": 200, "look-only": 200, "all-of-it": 200},
                        "read": {None: 401, "wrong": 401, "look-only": 200, "all-of-it": 200},
                        "admin": {None: 401, "wrong": 401, "look-only": 403, "all-of-it": 200}}[scope]
            for token, status in expected.items():
                with self.subTest(operation["operationId"], token=token):
                    headers = {"Authorization": f"Bearer {token}"} if token else {}
                    answer = self.ask(target, method=method, body=example, headers=headers)
                    self.assertEqual(answer.status, status, answer.body)
                    self.assertIn(str(status), operation["responses"])
                    if status == 401:
                        self.assertEqual(answer.headers["www-authenticate"], 'Bearer realm="rampart"')
                        self.assertEqual(answer.headers["content-type"].split(";")[0], "text/plain")
                    tried += 1
        self.assertGreater(tried, 40)

    def test_networks_that_are_not_allowed_reach_liveness_and_documents_only(self):
        self.serve("api: {allowedNetworks: [192.0.2.0/24]}")
        for path, method, operation in operations():
            with self.subTest(operation["operationId"]):
                answer = self.ask(test_openapi.Api.target(path, test_openapi.Api.examples(operation)), method=method,
                                  body=test_openapi.Api.body_example(operation))
                self.assertEqual(answer.status, 403 if operation.get("x-scope") else 200, answer.body)

    def test_certificates_are_checked(self):
        self.serve()
        with self.assertRaisesRegex(AssertionError, "(?i)certificate"):
            curl(self.https + "/healthz")
        self.assertEqual(curl(self.https + "/healthz", *self.trust).body, b"OK\n")
        self.assertEqual(curl(self.https + "/healthz", *self.trust, "--tlsv1.3", "--http2").body, b"OK\n")


class Conduct(Case):
    def setUp(self):
        super().setUp()
        self.server = self.serve()

    def test_head_is_get_without_its_body_and_never_changes_state(self):
        for path, method, operation in operations():
            if method != "GET":
                continue
            with self.subTest(operation["operationId"]):
                target = test_openapi.Api.target(path, test_openapi.Api.examples(operation))
                head = self.ask(target, method="HEAD")
                self.assertEqual(head.body, b"")
                if operation.get("x-scope") == "admin":
                    self.assertEqual((head.status, head.headers["allow"]), (405, "GET"))
                else:
                    self.assertEqual((head.status, head.headers["content-type"]), (200, self.ask(target).headers["content-type"]))
                    self.assertGreater(int(head.headers["content-length"]), 0)
        self.assertEqual(json.loads(self.ask("/api/blocking/status").body), {"enabled": True})

    def test_other_methods_are_told_the_right_one(self):
        for path, methods in DOCUMENT["paths"].items():
            with self.subTest(path):
                answer = self.ask(path, method="DELETE")
                self.assertEqual((answer.status, answer.body), (405, b""))
                self.assertEqual({m.upper() for m in methods}, set(answer.headers["allow"].split(", ")) - {"HEAD"})

    def test_pages_of_other_origins_are_answered_as_by_blocky(self):
        answer = self.ask("/api/blocking/status", headers={"Origin": "https://dashboard.example.org"})
        self.assertEqual((answer.headers["access-control-allow-origin"], answer.headers["vary"]), ("*", "Origin"))
        self.assertNotIn("access-control-allow-origin", self.ask("/api/blocking/status").headers)
        preflight = self.ask("/api/query", method="OPTIONS", headers={
            "Origin": "https://dashboard.example.org", "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type"})
        self.assertEqual((preflight.status, preflight.body), (200, b""))
        self.assertEqual([preflight.headers["access-control-allow-" + what] for what in ("origin", "methods", "headers")],
                         ["*", "POST", "content-type"])

    def test_commands_do_what_they_say(self):
        def asked():
            return addresses(self.server.query("ads.example.org"))
        self.assertEqual(asked(), ["0.0.0.0"])
        answer = self.ask("/api/blocking/disable?duration=5m&groups=ads")
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(asked(), [])  # nothing is known of it above
        status = json.loads(self.ask("/api/blocking/status").body)
        self.assertEqual((status["enabled"], status["disabledGroups"]), (False, ["ads"]))
        self.assertIn(status["autoEnableInSec"], (298, 299, 300))
        self.assertEqual(self.ask("/api/blocking/enable").status, 200)
        self.assertEqual(asked(), ["0.0.0.0"])
        (self.folder / "list.txt").write_text("ads.example.org\nexample.org\n")
        self.assertEqual(self.ask("/api/lists/refresh", method="POST").status, 200)
        self.assertEqual(addresses(self.server.query("example.org")), ["0.0.0.0"])
        told = json.loads(self.ask("/api/query", method="POST", body='{"query":"ads.example.org","type":"A"}').body)
        self.assertEqual(told, {"reason": "BLOCKED (ads: ads.example.org)", "response": "A (0.0.0.0)", "responseType": "BLOCKED",
                                "returnCode": "NOERROR"})
        (self.folder / "list.txt").unlink()
        failed = self.ask("/api/lists/refresh", method="POST")
        self.assertEqual(failed.status, 500)
        self.assertIn(b"list.txt", failed.body)
        self.assertEqual(asked(), ["0.0.0.0"])  # the last good version stays

    def test_what_is_too_large_or_no_http_is_refused(self):
        self.assertEqual(self.ask("/healthz", headers={"X-Long": "x" * 20_000}).status, 431)
        self.assertEqual(self.ask("/api/query", method="POST", body="x" * 100_000).status, 413)
        self.assertEqual(self.ask("/healthz", method="G@T").status, 400)
        self.assertEqual(self.ask("/healthz").status, 200)


class Doh(Case):
    DNS = {"Content-Type": "application/dns-message"}

    def setUp(self):
        super().setUp()
        self.server = self.serve()
        self.query = dns.message.make_query("example.org", "A", id=0).to_wire()

    @staticmethod
    def encoded(message):
        return base64.urlsafe_b64encode(message).rstrip(b"=").decode()

    def check(self, answer, expected):
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.headers["content-type"], "application/dns-message")
        message = dns.message.from_wire(answer.body)
        self.assertEqual((addresses(message), message.rcode()), (expected, dns.rcode.NOERROR))
        self.assertTrue(message.flags & dns.flags.QR)
        self.assertEqual(message.id, 0)
        return message

    def test_get_and_post_over_https_and_http(self):
        for base, trust in ((self.https, self.trust), (self.http, ())):
            with self.subTest(base):
                self.check(curl(f"{base}/dns-query?dns={self.encoded(self.query)}", *trust), ["192.0.2.1"])
                self.check(curl(f"{base}/dns-query", *trust, method="POST", body=self.query, headers=self.DNS), ["192.0.2.1"])
                self.check(curl(f"{base}/dns-query/tablet", *trust, method="POST", body=self.query, headers=self.DNS), ["192.0.2.1"])
        blocked = dns.message.make_query("ads.example.org", "A", id=0).to_wire()
        answer = curl(f"{self.https}/dns-query?dns={self.encoded(blocked)}", *self.trust)
        message = self.check(answer, ["0.0.0.0"])
        # RFC 8484 5.1: no fresher than its shortest TTL.
        self.assertRegex(answer.headers["cache-control"], rf"max-age={message.answer[0].ttl}\b")

    def test_what_is_no_doh_is_refused(self):
        url = self.https + "/dns-query"
        post = {"method": "POST", "body": self.query}
        for status, answer in (
                (400, curl(url, *self.trust)),
                (400, curl(url + "?dns=", *self.trust)),
                (400, curl(url + "?dns=!!!", *self.trust)),
                (400, curl(url + "?dns=AAAA", *self.trust)),
                (415, curl(url, *self.trust, **post)),
                (415, curl(url, *self.trust, headers={"Content-Type": "application/json"}, **post)),
                (405, curl(url, *self.trust, method="PUT", headers=self.DNS, body=self.query)),
                (413, curl(url, *self.trust, method="POST", headers=self.DNS, body=b"x" * 65_536)),
                (404, curl(url + "/a/b", *self.trust))):
            self.assertEqual(answer.status, status, answer.body)
            self.assertNotEqual(answer.headers.get("content-type"), "application/dns-message")

    def test_curl_finds_a_host_through_it(self):
        """curl as the DoH client: the name is known to nobody but our upstream."""
        port = self.server.http_port
        answer = curl(f"http://here.example.org:{port}/healthz", "--doh-url", self.https + "/dns-query", *self.trust)
        self.assertEqual((answer.status, answer.body), (200, b"OK\n"))
        with self.assertRaisesRegex(AssertionError, "(?i)could ?n.t resolve|could not resolve"):
            curl(f"http://nowhere.example.org:{port}/healthz", "--doh-url", self.https + "/dns-query", *self.trust)


if __name__ == "__main__":
    unittest.main()
