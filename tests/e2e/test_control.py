"""The API of the real program: certificates, PROXY headers, tokens, ports, the way that explain takes."""
import json
import re
import shutil
import signal
import socket
import ssl
import subprocess
import unittest

import dns.message
import dns.rcode

from control_case import ControlCase, fetch, shown_certificate, trusting_anybody
from harness import BINARY, addresses, free_port, wait_for


class Control(ControlCase):
    def test_a_renewed_certificate_is_shown_without_a_restart_and_a_bad_one_is_not(self):
        self.make_certificate("first")
        port = free_port()
        server = self.server(f"certFile: {self.folder}/server.crt\nkeyFile: {self.folder}/server.key\n",
                             ports="http: {http}\n  https: 127.0.0.1:%d" % port)
        first = shown_certificate(port)
        days = json.loads(fetch(server.http_port, "/readyz")[2])["components"]["certificate"]["daysLeft"]
        self.assertTrue(29 <= days <= 30, days)
        self.make_certificate("second")
        wait_for(lambda: shown_certificate(port) != first, "the second certificate is shown")
        second = shown_certificate(port)
        (self.folder / "server.crt").write_text("nonsense\n")
        wait_for(lambda: "certificate not renewed" in server.log, "the fault is reported")
        self.assertEqual(shown_certificate(port), second)

    def test_the_certificate_of_a_configuration_that_is_refused_is_not_shown(self):
        self.make_certificate("first")
        port = free_port()
        server = self.server(f"certFile: {self.folder}/server.crt\nkeyFile: {self.folder}/server.key\n",
                             ports="http: {http}\n  https: 127.0.0.1:%d" % port)
        first = shown_certificate(port)
        for name in ("crt", "key"):
            shutil.copy(self.folder / f"server.{name}", self.folder / f"old.{name}")
        server.write(server.source.replace("/server.", "/old."))
        server.signal(signal.SIGHUP)
        wait_for(lambda: "server: reloaded" in server.log, "the first certificate is read from files that stay")
        self.make_certificate("second")
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            server.write(server.source.replace("{http}", "[{http}, 127.0.0.1:%d]" % other.getsockname()[1]))
            server.signal(signal.SIGHUP)
            wait_for(lambda: "reload failed" in server.log, "the fault is reported")
        self.assertEqual(shown_certificate(port), first)

    def test_https_with_a_made_up_certificate_serves_api_and_doh_from_tls_1_2_on(self):
        port = free_port()
        self.server(ports="http: {http}\n  https: 127.0.0.1:%d" % port)
        status, headers, body = fetch(port, "/api/blocking/status", tls=trusting_anybody())
        self.assertEqual((status, json.loads(body)), (200, {"enabled": True}))
        self.assertEqual(headers["x-content-type-options"], "nosniff")
        message = dns.message.make_query("www.example.org", "A")
        status, headers, body = fetch(port, "/dns-query", "POST", trusting_anybody(),
                                      {"Content-Type": "application/dns-message"}, message.to_wire())
        self.assertEqual(status, 200)
        self.assertEqual(addresses(dns.message.from_wire(body)), ["192.0.2.1"])
        old = trusting_anybody()
        old.set_ciphers("DEFAULT@SECLEVEL=0")  # or our own side would refuse before the server does
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaisesRegex(ssl.SSLError, "(?i)alert protocol version"):
            fetch(port, "/healthz", tls=old)
        newer = free_port()
        self.server("minTlsServeVersion: 1.3\n", ports="http: {http}\n  https: 127.0.0.1:%d" % newer)
        self.assertEqual(fetch(newer, "/healthz", tls=trusting_anybody())[0], 200)
        middle = trusting_anybody()
        middle.maximum_version = ssl.TLSVersion.TLSv1_2
        self.assertEqual(fetch(port, "/healthz", tls=middle)[0], 200)
        with self.assertRaisesRegex(ssl.SSLError, "(?i)alert protocol version"):
            fetch(newer, "/healthz", tls=middle)

    def test_a_proxy_header_says_who_the_client_is(self):
        proxied = free_port()
        # Our own connection to the API is not proxied; that of the balancer is.
        server = self.server(ports="http: {http}\n  https: 127.0.0.1:%d\n  proxyProtocol: [https]" % proxied)
        self.assertEqual(fetch(server.http_port, "/api/blocking/status")[0], 200)

        def status_behind(header):
            with socket.create_connection(("127.0.0.1", proxied), 10) as tcp:
                tcp.sendall(header)
                with trusting_anybody().wrap_socket(tcp) as tls:
                    tls.sendall(b"GET /api/blocking/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    return int(tls.recv(4096).split()[1])
        self.assertEqual(status_behind(b"PROXY TCP4 192.168.1.7 127.0.0.1 4711 443\r\n"), 200)
        self.assertEqual(status_behind(b"PROXY TCP4 203.0.113.7 127.0.0.1 4711 443\r\n"), 403)
        with self.assertRaises(OSError):
            fetch(proxied, "/healthz", tls=trusting_anybody())

    def test_tokens_separate_readers_from_administrators(self):
        server = self.server("api: {tokens: [all-of-it], readOnlyTokens: [look-only]}")

        def status(method, target, token=None):
            return fetch(server.http_port, target, method, headers={"Authorization": "Bearer " + token} if token else {})[0]
        for token, read, change in ((None, 401, 401), ("wrong", 401, 401), ("look-only", 200, 403), ("all-of-it", 200, 200)):
            with self.subTest(token=token):
                self.assertEqual(status("GET", "/api/blocking/status", token), read)
                self.assertEqual(status("GET", "/metrics", token), read)
                self.assertEqual(status("POST", "/api/cache/flush", token), change)
        self.assertEqual(status("GET", "/healthz"), 200)
        self.assertNotIn("components", json.loads(fetch(server.http_port, "/readyz")[2]))

    def test_an_api_open_to_everybody_is_warned_about(self):
        server = self.server("api: {allowedNetworks: [0.0.0.0/0, '::/0']}")
        self.assertIn("the API is open to everybody", server.log)
        server = self.server("api: {allowedNetworks: [0.0.0.0/0], tokens: [secret]}")
        self.assertIn("everybody may read the API", server.log)
        server = self.server("api: {allowedNetworks: [0.0.0.0/0], tokens: [secret], readOnlyTokens: [other]}")
        self.assertNotIn("everybody", server.log)

    def test_api_and_doh_may_live_on_ports_of_their_own(self):
        doh, api_tls = free_port(), free_port()
        server = self.server("api: {http: '{http}', https: '127.0.0.1:%d'}" % api_tls, ports="https: 127.0.0.1:%d" % doh)
        tls = trusting_anybody()
        message = dns.message.make_query("www.example.org", "A").to_wire()
        post = {"method": "POST", "headers": {"Content-Type": "application/dns-message"}, "body": message}
        self.assertEqual(fetch(doh, "/dns-query", tls=tls, **post)[0], 200)
        for target in ("/api/blocking/status", "/metrics", "/readyz", "/", "/docs/openapi.yaml"):
            self.assertEqual(fetch(doh, target, tls=tls)[0], 404, target)
            self.assertEqual(fetch(server.http_port, target)[0], 200, target)
            self.assertEqual(fetch(api_tls, target, tls=tls)[0], 200, target)
        self.assertEqual(fetch(doh, "/healthz", tls=tls)[0], 200)
        self.assertEqual(fetch(server.http_port, "/dns-query", **post)[0], 404)
        self.assertEqual(fetch(api_tls, "/dns-query", tls=tls, **post)[0], 404)
        told = subprocess.run([BINARY, "blocking", "status", "--config", server.config_path], capture_output=True, text=True)
        self.assertEqual(told.stdout, "blocking enabled\n")  # the command line finds it there
        # A reload may move it.
        server.write(server.source.replace("api: {http: '{http}'", "api: {http: '127.0.0.1:%d'" % (moved := free_port())))
        server.signal(signal.SIGHUP)
        wait_for(lambda: fetch(moved, "/api/blocking/status")[0] == 200, "the API has moved")
        wait_for(lambda: self.is_closed(server.http_port), "the old port is closed")

    def is_closed(self, port):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) != 0

    def test_timed_disables_from_the_shortest_to_the_longest(self):
        server = self.server()

        def status_after(duration):
            self.assertEqual(fetch(server.http_port, f"/api/blocking/disable?duration={duration}")[0], 200)
            return json.loads(fetch(server.http_port, "/api/blocking/status")[2])
        self.assertEqual(status_after("5s")["autoEnableInSec"], 5)  # not 4: it has only just begun
        self.assertEqual(status_after("1ns")["autoEnableInSec"], 1)  # not absent, which would mean for ever
        wait_for(lambda: json.loads(fetch(server.http_port, "/api/blocking/status")[2]) == {"enabled": True}, "it is on again")
        for unlimited in ("0", "0s", "0h0m"):
            self.assertNotIn("autoEnableInSec", status_after(unlimited))
        longest = status_after("2562047h47m")["autoEnableInSec"]  # what 64 bits of nanoseconds hold
        self.assertTrue(100 * 365 * 86400 - 5 <= longest <= 100 * 365 * 86400, longest)
        self.assertEqual(addresses(server.query("ads.example.org")), ["192.0.2.1"])

    def test_explain_is_what_the_pipeline_does_for_that_client(self):
        server = self.server("""clientLookup: {clients: {tablet: [192.168.7.7]}}
specialUseDomains: {enable: true}
fqdnOnly: {enable: true}
filtering: {queryTypes: [HTTPS]}
""")

        def explain(name, rdtype="A", client=""):
            status, _, body = fetch(server.http_port, f"/api/explain?name={name}&type={rdtype}&client={client}")
            self.assertEqual(status, 200)
            return json.loads(body)

        def ended_at(stage):
            found = re.search(rf'rampart_answers_total{{stage="{stage}"}} (\d+)', self.scrape(server))
            return int(found[1])
        expected = (("www.example.org", "A", "upstream", "RESOLVED", "NOERROR"), ("www.example.org", "A", "caching", "CACHED", "NOERROR"),
                    ("ads.example.org", "A", "blocking", "BLOCKED", "NOERROR"), ("good.example.org", "A", "upstream", "RESOLVED", "NOERROR"),
                    ("www.example.org", "HTTPS", "filtering", "FILTERED", "NOERROR"), ("single", "A", "fqdn_only", "NOTFQDN", "NXDOMAIN"),
                    ("router.test", "A", "special_use_domains", "SPECIAL", "NXDOMAIN"))
        for name, rdtype, stage, kind, code in expected:
            with self.subTest(name, type=rdtype, stage=stage):
                before = ended_at(stage)
                told = explain(name, rdtype, "192.168.7.7")
                self.assertEqual(ended_at(stage), before + 1)  # it is the same way, and counted as such
                self.assertEqual((told["steps"][-1]["stage"], told["steps"][-1]["outcome"]), (stage, "answered"))
                self.assertEqual([s["outcome"] for s in told["steps"][:-1] if s["stage"] != "blocking"],
                                 ["passed"] * sum(s["stage"] != "blocking" for s in told["steps"][:-1]))
                self.assertEqual((told["answer"]["responseType"], told["answer"]["returnCode"]), (kind, code))
                self.assertEqual((told["client"], told["clientNames"], told["groups"]), ("192.168.7.7", ["tablet"], ["ads"]))
                asked = server.query(name, rdtype)  # and a client gets the same
                self.assertEqual(dns.rcode.to_text(asked.rcode()), code)
        allowed = explain("good.example.org")
        self.assertEqual([(r["action"], r["rule"], r["list"], r["line"]) for r in allowed["rules"]],
                         [("allow", "good.example.org", f"{self.folder}/allow.txt", 1)])
        self.assertIn(f"127.0.0.1:{self.knot.port}", explain("fresh.example.org")["steps"][-1]["detail"])

    def test_the_landing_page_leads_to_documents_metrics_and_health(self):
        server = self.server()
        page = fetch(server.http_port, "/")[2].decode()
        for link in re.findall(r'href="([^"]+)"', page):
            if link != "/dns-query":
                self.assertEqual(fetch(server.http_port, link)[0], 200, link)
        self.assertTrue({"/docs/openapi.yaml", "/docs/config.schema.json", "/metrics", "/healthz", "/readyz"} <=
                        set(re.findall(r'href="([^"]+)"', page)))


if __name__ == "__main__":
    unittest.main()
