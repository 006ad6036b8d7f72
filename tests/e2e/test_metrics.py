"""Metrics as Prometheus, promtool and dashboards take them."""
import json
import os
import re
import signal
import subprocess
import unittest
import urllib.request

from control_case import ControlCase, fetch
from harness import Program, addresses, free_port, wait_for

# What a dashboard made for Blocky asks for, as far as the feature is on in `Control.server`.
DASHBOARD = """build_info blocking_enabled denylist_cache_entries allowlist_cache_entries
last_list_group_refresh_timestamp_seconds query_total response_total error_total request_duration_seconds_bucket
request_duration_seconds_sum request_duration_seconds_count cache_entries cache_hits_total cache_misses_total
prefetches_total prefetch_hits_total prefetch_domain_name_cache_entries failed_downloads_total""".split()

OURS = """upstream_up upstream_round_trip_seconds lists_complete_age_seconds lists_failed_sources cache_bytes
cache_bytes_max cache_evictions_total query_log_dropped_total http_connections queries_total answers_total build_info
list_hits_total list_entries list_age_seconds query_log_ring_bytes query_log_ring_bytes_max query_log_ring_full_total
query_log_up filter_bytes traffic_folded_total""".split()


class Metrics(ControlCase):
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
        # The list is known a moment before a worker takes up the policy that has it; one blocked query is one hit.
        wait_for(lambda: addresses(server.query("other.example.org")) == ["0.0.0.0"], "the second list is in force")
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


if __name__ == "__main__":
    unittest.main()
