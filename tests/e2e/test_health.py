"""Ready or not: what each part's loss does to /readyz, where it is required and where it is not."""
import json
import os
import unittest

from control_case import ControlCase, fetch
from harness import Knot, addresses, free_port, wait_for
from test_redis import Redis


class Health(ControlCase):
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

    def test_too_much_memory_makes_it_not_ready_where_it_is_required(self):
        for policy, status, state in (("{required: [memory], memoryMax: 1MiB}", 503, "failed"), ("{memoryMax: 1MiB}", 200, "failed"),
                                      ("{required: [memory], memoryMax: 1TiB}", 200, "ok"), ("{required: [memory]}", 200, "ok")):
            with self.subTest(policy):
                server = self.server(f"health: {policy}")
                code, components = self.readyz(server)
                self.assertEqual((code, components["memory"]["state"]), (status, state))

    def test_readyz_names_every_part(self):
        server = self.server()
        report = json.loads(fetch(server.http_port, "/readyz")[2])
        self.assertTrue({"upstreams", "lists", "queryLog", "memory"} <= report["components"].keys(), report)
        self.assertGreater(report["components"]["memory"]["residentBytes"], 1 << 20)


if __name__ == "__main__":
    unittest.main()
