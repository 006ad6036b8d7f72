"""The control plane of the real program: metrics as Prometheus takes them, certificates, PROXY headers, tokens, health."""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import unittest
import urllib.request

import dns.message
import dns.rcode

from harness import BINARY, E2eTest, Knot, Program, Rampart, addresses, base_config, free_port, wait_for
from test_redis import Redis

# What a dashboard made for Blocky asks for, as far as the feature is on in `Control.server`.
DASHBOARD = """build_info blocking_enabled denylist_cache_entries allowlist_cache_entries
last_list_group_refresh_timestamp_seconds query_total response_total error_total request_duration_seconds_bucket
request_duration_seconds_sum request_duration_seconds_count cache_entries cache_hits_total cache_misses_total
prefetches_total prefetch_hits_total prefetch_domain_name_cache_entries failed_downloads_total""".split()

OURS = """upstream_up upstream_round_trip_seconds lists_complete_age_seconds lists_failed_sources cache_bytes
cache_bytes_max cache_evictions_total query_log_dropped_total http_connections queries_total answers_total build_info
list_hits_total list_entries list_age_seconds query_log_ring_bytes query_log_ring_bytes_max query_log_ring_full_total
query_log_up filter_bytes traffic_folded_total""".split()


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


class Control(E2eTest):
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

    def test_a_scrape_has_all_that_dashboards_ask_for_and_satisfies_promtool(self):
        server = self.server()
        self.mixed_traffic(server)
        wait_for(lambda: re.search(r'blocky_query_total\{[^}]*type="AAAA"[^}]*\} [5-9]', self.scrape(server)),
                 "all queries are counted")
        text = self.scrape(server)
        names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")}
        self.assertEqual([n for n in DASHBOARD if "blocky_" + n not in names], [])
        self.assertEqual([n for n in OURS if "rampart_" + n not in names], [])
        self.assertIn("process_resident_memory_bytes", names)
        self.assertRegex(text, r'blocky_response_total\{reason="BLOCKED \(ads\)",response_code="NOERROR",response_type="BLOCKED"\} \d')
        self.assertRegex(text, rf'rampart_upstream_up\{{group="default",upstream="[^"]*127.0.0.1:{self.knot.port}"\}} 1')
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True)
        self.assertEqual((checked.returncode, checked.stdout, checked.stderr), (0, "", ""))

    def test_prometheus_itself_takes_the_metrics(self):
        server = self.server()
        self.mixed_traffic(server)
        port = free_port()
        (self.folder / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: rampart
    static_configs: [{{targets: ['127.0.0.1:{server.http_port}']}}]
""")
        self.start(Program(["prometheus", f"--config.file={self.folder}/prometheus.yml",
                            f"--storage.tsdb.path={self.folder}/tsdb", f"--web.listen-address=127.0.0.1:{port}"],
                           self.directory, "prometheus"))

        def result_of(expression):
            url = f"http://127.0.0.1:{port}/api/v1/query?query={expression}"
            with urllib.request.urlopen(url, timeout=5) as response:
                return json.load(response)["data"]["result"]
        wait_for(lambda: result_of("sum(blocky_query_total)")[0]["value"][1] == "10", "Prometheus knows the ten queries", 40)
        self.assertEqual(result_of("up")[0]["value"][1], "1")
        self.assertTrue(result_of("blocky_request_duration_seconds_bucket"))

    def make_certificate(self, name):
        new = [self.folder / f"{name}.crt", self.folder / f"{name}.key"]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "30", "-subj", f"/CN={name}", "-out", new[0], "-keyout", new[1]], check=True, capture_output=True)
        os.replace(new[1], self.folder / "server.key")
        os.replace(new[0], self.folder / "server.crt")

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

    def test_lists_that_grow_too_old_make_it_not_ready_where_they_are_required(self):
        server = self.server("health: {required: [lists], listMaxAge: 1s}")
        self.assertEqual(fetch(server.http_port, "/readyz")[0], 200)
        os.remove(self.folder / "deny.txt")
        self.assertEqual(fetch(server.http_port, "/api/lists/refresh", "POST")[0], 500)
        wait_for(lambda: fetch(server.http_port, "/readyz")[0] == 503, "old lists are noticed")
        lists = json.loads(fetch(server.http_port, "/readyz")[2])["components"]["lists"]
        self.assertEqual((lists["state"], lists["required"]), ("failed", True))
        self.assertEqual(addresses(server.query("ads.example.org")), ["0.0.0.0"])  # the last good version
        (self.folder / "deny.txt").write_text("ads.example.org\n")
        self.assertEqual(fetch(server.http_port, "/api/lists/refresh", "POST")[0], 200)
        self.assertEqual(fetch(server.http_port, "/readyz")[0], 200)

    def readyz(self, server):
        status, _, body = fetch(server.http_port, "/readyz")
        return status, json.loads(body)["components"]

    def test_upstreams_that_do_not_answer_make_it_not_ready_unless_they_are_not_required(self):
        for required, status in (("health: {required: [upstreams]}", 503), ("health: {required: [lists]}", 200)):
            with self.subTest(required):
                knot = self.knot = self.start(Knot(self.directory, ["*.example.org. 300 A 192.0.2.1"]))
                server = self.server(required)
                self.assertEqual(self.readyz(server)[0], 200)
                knot.stop()
                for i in range(5):
                    server.query(f"gone{i}.example.org", timeout=20)
                wait_for(lambda: self.readyz(server)[1]["upstreams"]["state"] == "failed", "the loss is noticed")
                self.assertEqual(self.readyz(server)[0], status)
                self.assertRegex(self.scrape(server), r"rampart_upstream_up\{[^}]*\} 0\n")
                self.assertEqual(fetch(server.http_port, "/healthz")[0], 200)  # it lives all the same

    def test_a_database_that_is_away_makes_it_not_ready_where_it_is_required(self):
        gone = "{type: postgresql, target: 'postgres://nobody@127.0.0.1:%d/nothing'}" % free_port()
        for required, status, state in (("[queryLog]", 503, "failed"), ("[upstreams]", 200, "degraded")):
            with self.subTest(required):
                server = self.server(f"health: {{required: {required}}}", log=gone)
                wait_for(lambda: self.readyz(server)[1]["queryLog"]["state"] == state, "the missing database is noticed")
                code, components = self.readyz(server)
                self.assertEqual(code, status)
                self.assertTrue(components["queryLog"]["lastError"])
                self.assertIn("rampart_query_log_up 0\n", self.scrape(server))

    def test_redis_that_is_away_makes_it_not_ready_where_it_is_required(self):
        redis = self.start(Redis(self.directory))
        extra = f"redis: {{address: '127.0.0.1:{redis.port}', required: %s}}\nhealth: {{required: [%s]}}\n"
        needing, tolerant = self.server(extra % ("true", "redis")), self.server(extra % ("false", "upstreams"))
        for server in (needing, tolerant):
            self.assertEqual((self.readyz(server)[0], self.readyz(server)[1]["redis"]["state"]), (200, "ok"))
            self.assertIn("rampart_redis_up 1\n", self.scrape(server))
        redis.stop()
        wait_for(lambda: self.readyz(needing)[0] == 503, "the loss is noticed")
        self.assertEqual(self.readyz(needing)[1]["redis"]["state"], "failed")
        wait_for(lambda: self.readyz(tolerant)[1]["redis"]["state"] == "degraded", "the loss is noticed")
        self.assertEqual(self.readyz(tolerant)[0], 200)
        self.assertIn("rampart_redis_up 0\n", self.scrape(tolerant))

    def test_a_certificate_near_its_end_makes_it_not_ready_only_where_it_is_required(self):
        self.make_certificate("short")
        tls = f"certFile: {self.folder}/server.crt\nkeyFile: {self.folder}/server.key\n"
        ports = "http: {http}\n  https: 127.0.0.1:0"
        near = self.server(tls + "health: {required: [certificate], certificateMinDays: 31}", ports)
        status, components = self.readyz(near)
        self.assertEqual((status, components["certificate"]["state"]), (200, "degraded"))  # it still serves
        far = self.server(tls + "health: {required: [certificate], certificateMinDays: 14}", ports)
        self.assertEqual(self.readyz(far)[1]["certificate"]["state"], "ok")
        self.assertIn("rampart_certificate_expiry_timestamp_seconds", self.scrape(far))

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

    def test_each_list_has_its_hits_size_and_age_and_keeps_them_over_a_reload(self):
        server = self.server()
        for _ in range(3):
            server.query("ads.example.org")
        server.query("good.example.org")
        deny = rf'rampart_list_hits_total{{list="{self.folder}/deny.txt",group="ads",action="deny"}} 3'
        self.assertIn(deny + "\n", self.scrape(server))
        self.assertIn(rf'rampart_list_hits_total{{list="{self.folder}/allow.txt",group="ads",action="allow"}} 1' + "\n", self.scrape(server))
        # A list in front of it moves its place, not its counter.
        (self.folder / "other.txt").write_text("other.example.org\n")
        server.write(server.source.replace("denylists: {ads: [", f"denylists: {{ads: [{self.folder}/other.txt, "))
        server.signal(signal.SIGHUP)
        wait_for(lambda: "other.txt" in self.scrape(server), "the second list is known")
        server.query("other.example.org")
        text = self.scrape(server)
        self.assertIn(deny + "\n", text)
        self.assertIn(rf'rampart_list_hits_total{{list="{self.folder}/other.txt",group="ads",action="deny"}} 1' + "\n", text)
        self.assertIn(rf'rampart_list_entries{{list="{self.folder}/deny.txt"}} 1' + "\n", text)
        age = re.search(rf'rampart_list_age_seconds{{list="{self.folder}/deny.txt"}} (\S+)', text)
        self.assertLess(float(age[1]), 60)
        # A list that cannot be read any more keeps its version, which grows old.
        os.remove(self.folder / "deny.txt")
        self.assertEqual(fetch(server.http_port, "/api/lists/refresh", "POST")[0], 500)
        def ages():
            return [float(a) for a in re.findall(r'rampart_list_age_seconds{list="[^"]*/(?:deny|other).txt"} (\S+)', self.scrape(server))]
        wait_for(lambda: ages()[0] > ages()[1], "the lost list is older than the other")

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

    def test_readyz_names_every_part(self):
        server = self.server()
        report = json.loads(fetch(server.http_port, "/readyz")[2])
        self.assertTrue({"upstreams", "lists", "queryLog", "memory"} <= report["components"].keys(), report)
        self.assertGreater(report["components"]["memory"]["residentBytes"], 1 << 20)

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
