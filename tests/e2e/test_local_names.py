"""Names of one's own: customDNS, hosts files and conditional forwarding, as dig sees them."""
import json
import pathlib
import signal
import subprocess
import urllib.request

from harness import BINARY, E2eTest, Knot, Rampart, addresses, base_config, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]

CONFIG = """
customDNS:
  customTTL: 5m
  rewrite:
    short: example.org
  mapping:
    nas.home.example: 192.168.178.2, 2001:db8::2
    printer.lan: 192.168.178.3
  zone: |
    $ORIGIN home.example.
    $TTL 1h
    www    CNAME  nas
    cdn    CNAME  www.example.org.
    evil   CNAME  ads.example.org.
    loop   CNAME  loop2
    loop2  CNAME  loop
    @      TXT    "hello world"
    _ldap._tcp  SRV 0 5 389 nas
    $INCLUDE more.zone
hostsFile:
  hostsTTL: 2m
  filterLoopback: true
  sources:
    - HOSTS
    - |
      127.0.0.1 loop.example.net
      192.168.178.5 inline.example.net
conditional:
  rewrite:
    corp: corp.example
  mapping:
    corp.example: 127.0.0.1:INNER
    local: 127.0.0.1:INNER
    178.168.192.in-addr.arpa: 127.0.0.1:INNER
    .: 127.0.0.1:INNER
rebindingProtection: {enable: true}
prometheus: {enable: true}
statistics: {enable: true}
ede: {enable: true}
blocking:
  denylists:
    ads:
      - |
        ads.example.org
        nas.home.example
  clientGroupsBlock: {default: [ads]}
"""

OUTSIDE = ["www.example.org. 300 A 192.0.2.1", "private.example.org. 300 A 10.0.0.1", "box.corp.example. 300 A 192.0.2.66",
           "x.example.org. 300 A 192.0.2.8"]
INSIDE = ["box.corp.example. 300 A 10.1.1.1", "tv.local. 300 A 10.1.1.2", "single. 300 A 10.1.1.3",
          "9.178.168.192.in-addr.arpa. 300 PTR guest.corp.example."]


class LocalNames(E2eTest):
    def setUp(self):
        super().setUp()
        self.outside = self.start(Knot(self.directory, OUTSIDE))
        self.inside = self.start(Knot(self.directory, INSIDE))
        self.hosts = pathlib.Path(self.directory) / "hosts"
        self.hosts.write_text("192.168.178.4 Router.example.net router  # the router\n2001:db8::4 router.example.net\n")
        (pathlib.Path(self.directory) / "more.zone").write_text("included A 192.0.2.44\n")
        self.config = (base_config(self.outside.port, CONFIG, log_type="console")
                       .replace("INNER", str(self.inside.port)).replace("HOSTS", str(self.hosts))
                       .replace("ports:\n  dns: {dns}\n", "ports:\n  dns: {dns}\n  http: {http}\n"))
        self.server = self.start(Rampart(self.directory, self.config))

    def dig(self, *arguments):
        return subprocess.run(["dig", "@127.0.0.1", "-p", str(self.server.port), *arguments],
                              capture_output=True, text=True, timeout=20).stdout

    def short(self, *arguments):
        return self.dig("+short", *arguments).split("\n")[:-1]

    def api(self, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.server.http_port}{path}",
                                         data=json.dumps(body).encode() if body else None,
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.read().decode()

    def test_mapping_beats_blocking_rebinding_and_special_use_names(self):
        self.assertEqual(self.short("NAS.home.example"), ["192.168.178.2"])
        self.assertEqual(self.short("a.b.nas.home.example", "AAAA"), ["2001:db8::2"])
        self.assertEqual(self.short("printer.lan"), ["192.168.178.3"])
        self.assertIn("\t300\tIN\tA\t192.168.178.3", self.dig("printer.lan").replace("  ", "\t"))
        empty = self.dig("printer.lan", "MX")
        self.assertIn("status: NOERROR", empty)
        self.assertIn("ANSWER: 0", empty)
        self.assertIn("EDE: 4 (Forged Answer): (CUSTOM DNS)", empty)

    def test_zone_records_and_chains(self):
        self.assertEqual(self.short("www.home.example"), ["nas.home.example.", "192.168.178.2"])
        self.assertEqual(self.short("cdn.home.example"), ["www.example.org.", "192.0.2.1"])
        self.assertEqual(self.short("cdn.home.example"), ["www.example.org.", "192.0.2.1"])
        self.assertEqual(self.short("evil.home.example"), ["ads.example.org.", "0.0.0.0"])
        self.assertEqual(self.short("home.example", "TXT"), ['"hello world"'])
        self.assertEqual(self.short("_ldap._tcp.home.example", "SRV"), ["0 5 389 nas.home.example."])
        self.assertEqual(self.short("included.home.example"), ["192.0.2.44"])
        self.assertIn("SERVFAIL", self.dig("loop.home.example"))
        self.assertEqual(self.short("www.home.example", "CNAME"), ["nas.home.example."])

    def test_pointers(self):
        self.assertEqual(self.short("-x", "192.168.178.2"), ["nas.home.example."])
        self.assertEqual(self.short("-x", "2001:db8::2"), ["nas.home.example."])
        self.assertEqual(sorted(self.short("-x", "192.168.178.4")), ["router.", "router.example.net."])
        self.assertEqual(self.short("-x", "192.168.178.9"), ["guest.corp.example."])

    def test_hosts_file(self):
        self.assertEqual(self.short("router.EXAMPLE.net"), ["192.168.178.4"])
        self.assertEqual(self.short("router.example.net", "AAAA"), ["2001:db8::4"])
        self.assertEqual(self.short("inline.example.net"), ["192.168.178.5"])
        self.assertIn("NXDOMAIN", self.dig("loop.example.net"))
        self.assertIn("NXDOMAIN", self.dig("below.router.example.net"))

    def test_conditional(self):
        self.assertEqual(self.short("box.corp.example"), ["10.1.1.1"])
        self.assertEqual(self.short("box.corp"), ["10.1.1.1"])
        self.assertIn("box.corp.\t", self.dig("box.corp"))
        self.assertEqual(self.short("tv.local"), ["10.1.1.2"])
        self.assertEqual(self.short("single"), ["10.1.1.3"])
        self.assertEqual(self.short("private.example.org"), [])  # rebinding protection, for names from outside
        self.assertEqual(self.short("x.short"), ["192.0.2.8"])
        self.inside.stop()
        self.assertIn("SERVFAIL", self.dig("+time=8", "+tries=1", "box.corp.example"))
        self.assertEqual(self.short("www.example.org"), ["192.0.2.1"])

    def test_every_surface_tells_them_by_blockys_names(self):
        cases = [("nas.home.example", "CUSTOM DNS", "CUSTOMDNS"), ("cdn.home.example", "CUSTOM DNS", "CUSTOMDNS"),
                 ("router.example.net", "HOSTS FILE", "HOSTSFILE"), ("box.corp.example", "CONDITIONAL", "CONDITIONAL")]
        for name, reason, kind in cases:
            answer = json.loads(self.api("/api/query", {"query": name, "type": "A"}))
            self.assertEqual((answer["reason"], answer["responseType"]), (reason, kind), name)
            self.short(name)
        def is_counted(metrics, reason, kind):
            return f'response_type="{kind}"' in metrics and f'reason="{reason}"' in metrics
        wait_for(lambda: all(is_counted(self.api("/metrics"), reason, kind) for _, reason, kind in cases), "metrics")
        wait_for(lambda: all(any(name in line and reason in line for line in self.server.log.splitlines())
                             for name, reason, _ in cases), "query log")
        statistics = json.loads(self.api("/api/stats"))
        self.assertIn("CUSTOMDNS", json.dumps(statistics), statistics)
        explained = subprocess.run([BINARY, "explain", "router.example.net", "--config", str(self.server.config_path), "--json"],
                                   capture_output=True, text=True, timeout=30)
        steps = json.loads(explained.stdout)["steps"]
        self.assertEqual([(s["stage"], s["outcome"]) for s in steps][-2:], [("custom_dns", "passed"), ("hosts_file", "answered")])

    def test_fallback_upstream_asks_for_the_original_name(self):
        knot = self.start(Knot(self.directory, ["www.example.org. 300 A 192.0.2.1", "only.alias.example. 300 A 192.0.2.77",
                                                "only.other.example. 300 A 192.0.2.78"]))
        config = base_config(knot.port, """
customDNS: {rewrite: {alias.example: example.org}, fallbackUpstream: %s}
conditional: {rewrite: {other.example: example.org}, fallbackUpstream: %s}
""")
        server = self.start(Rampart(self.directory, config % ("true", "true")))
        for _ in range(2):  # from the upstream, and from the cache
            self.assertEqual(addresses(server.query("only.alias.example")), ["192.0.2.77"])
            self.assertEqual(addresses(server.query("only.alias.example", tcp=True)), ["192.0.2.77"])
            self.assertEqual(addresses(server.query("only.other.example")), ["192.0.2.78"])
            self.assertEqual(addresses(server.query("www.other.example")), ["192.0.2.1"])
        self.assertEqual(server.query("nowhere.alias.example").rcode(), 3)
        strict = self.start(Rampart(self.directory, config % ("false", "false")))
        self.assertEqual(strict.query("only.alias.example").rcode(), 3)
        self.assertEqual(strict.query("only.other.example").rcode(), 3)

    def test_reload_swaps_all_of_it(self):
        self.assertEqual(self.short("router.example.net"), ["192.168.178.4"])
        self.assertEqual(self.short("www.example.org"), ["192.0.2.1"])  # cached, then conditional
        self.hosts.write_text("192.168.178.44 router.example.net\n")
        (pathlib.Path(self.directory) / "more.zone").write_text("included A 192.0.2.45\n")
        self.server.write(self.config.replace("192.168.178.3", "192.168.178.33")
                          .replace("    local: 127", "    example.org: 127"))
        self.server.signal(signal.SIGHUP)
        wait_for(lambda: self.short("printer.lan") == ["192.168.178.33"], "new mapping")
        self.assertEqual(self.short("router.example.net"), ["192.168.178.44"])
        self.assertEqual(self.short("included.home.example"), ["192.0.2.45"])
        self.assertIn("NXDOMAIN", self.dig("www.example.org"))
        self.assertIn("NXDOMAIN", self.dig("tv.local"))
        # A fault in the zone refuses the whole new configuration.
        self.server.write(self.config.replace("www    CNAME  nas", "www CNAME"))
        self.server.signal(signal.SIGHUP)
        wait_for(lambda: "customDNS.zone: line 3 of the zone: CNAME: ends too early" in self.server.log, "refusal")
        self.assertEqual(self.short("printer.lan"), ["192.168.178.33"])

    def test_the_example_of_the_documentation(self):
        path = str(ROOT / "docs/examples/local-names.yml")
        done = subprocess.run([BINARY, "validate", "--config", path], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("no effect", done.stdout + done.stderr)


if __name__ == "__main__":
    import unittest
    unittest.main()
