"""List hosts over HTTPS that are good, broken, hostile or gone: clients are filtered all the while."""
import os
import re
import signal
import socket
import threading
import time
import unittest

from harness import TIME_FACTOR, addresses, query, wait_for
from list_host_case import DOWNLOAD_TIMEOUT, GOOD, HOST, ListHostCase, make_certificate


class ListHosts(ListHostCase):
    def test_broken_and_hostile_versions_leave_the_last_good_one_in_force(self):
        self.trust_the_authority()
        server = self.server()
        self.assertTrue(self.blocked(server), server.log)
        self.assertFalse(self.blocked(server, "www.example.org"))
        host = self.host
        cases = [
            ("HTML page", "html", host.body("<!DOCTYPE html><p>Log in")),
            ("would block pool.ntp.org", "canary", host.body(GOOD + "*.ntp.org\n")),
            (f"would block {HOST}", "canary", host.body(GOOD + f"{HOST}\n")),
            ("shrunk from 200 to 1 entries", "shrunk", host.body("www.example.org\n")),
            ("grown from 200 to 9000 entries", "grown", host.body("".join(f"m{i}.example.org\n" for i in range(9000)))),
            ("too many parse errors", "errors", host.body("bad..name\n" * 10000)),
            ("shrunk from 200 to 0 entries", "shrunk", host.body("*\n/\n://\n")),
            ("has no entry, but 2 lines in error", "errors", host.body(".\nbad..name\n*\n")),
            ("has no entry, but 1 lines in error; line 1: longer than 64 KiB", "errors", host.bomb),
            ("transfer closed with", None, host.half),
            ("timed out", None, host.hang),
            ("timed out", None, host.trickle),
            ("more than 10 redirects", None, host.loop),
        ]
        for message, cause, answer in cases:
            with self.subTest(message):
                host.answer = answer
                seen = len(server.log)
                began = time.monotonic()
                status, body = self.get("/api/lists/refresh", "POST")
                self.assertLess(time.monotonic() - began, 5 * TIME_FACTOR)
                wait_for(lambda: message in server.log[seen:], f"'{message}' in the log", 5)
                self.assertTrue(self.blocked(server))
                self.assertFalse(self.blocked(server, "www.example.org"))
                if cause:
                    self.assertNotEqual(status, 200)
                    self.assertIn(message, body)
                    self.assertRegex(self.get("/metrics")[1], rf'rampart_lists_refused_total{{reason="{cause}"}} [1-9]')
        states = [f for f in os.listdir(self.directory + "/cache") if f.endswith(".state")]
        with open(os.path.join(self.directory, "cache", states[0])) as f:
            self.assertRegex(f.read(), r"Entries: 200\nAdmitted: .*\nRefused: .*has no entry, but 1 lines")
        host.answer = host.body(GOOD + "new.example.org\n")
        self.assertEqual(self.get("/api/lists/refresh", "POST")[0], 200)
        self.assertTrue(self.blocked(server, "new.example.org"))

    def test_the_wrong_certificate_brings_no_list(self):
        self.trust_the_authority()
        wrong_host = self.list_host(make_certificate(self.directory, "wrong", "other.example.test", self.authority))
        own = self.list_host(make_certificate(self.directory, "own", HOST,
                                              make_certificate(self.directory, "stranger", "stranger")))
        for host, message in ((wrong_host, "no alternative certificate subject name matches"), (own, "unable to get local issuer")):
            server = self.server(host=host, cache=False)
            self.assertFalse(self.blocked(server))
            self.assertIn(message, server.log)
            self.assertEqual(host.requests, [])
            server.stop()

    def test_a_restart_filters_from_its_first_answer_though_the_list_host_is_gone(self):
        self.trust_the_authority()
        server = self.server()
        self.assertTrue(self.blocked(server))
        server.stop()
        for strategy in ("blocking", "failOnError", "fast"):
            with self.subTest(strategy):
                self.host.answer = self.host.hang
                began = time.monotonic()
                server = self.server(f"strategy: {strategy}", wait=False)
                first = None
                while first is None:
                    self.assertTrue(server.running() and time.monotonic() - began < 15, server.log)
                    try:
                        first = query(server.port, "n7.ads.example.org", timeout=0.2)
                    except Exception:
                        time.sleep(0.01)
                self.assertEqual(addresses(first), ["0.0.0.0"])
                wait_for(lambda: "using cached copy" in server.log, "the download is tried all the same")
                self.assertTrue(self.blocked(server))
                server.stop()

    def test_strategies_differ_without_a_copy(self):
        self.trust_the_authority()
        held = threading.Event()
        self.addCleanup(held.set)

        def late(handler):
            held.wait(10)
            self.host.good(handler)
        self.host.answer = late
        fast = self.server("strategy: fast", cache=False)
        self.assertFalse(self.blocked(fast), "it answers before its lists are there")
        held.set()
        wait_for(lambda: self.blocked(fast, f"n{int(time.monotonic() * 100) % 200}.ads.example.org"), "the list in force")
        fast.stop()

        self.host.answer = lambda handler: handler.send_error(404)
        blocking = self.server("strategy: blocking", cache=False)
        self.assertFalse(self.blocked(blocking))
        self.assertIn("HTTP status 404", blocking.log)
        blocking.stop()
        failing = self.server("strategy: failOnError", cache=False, wait=False)
        self.assertEqual(failing.process.wait(15), 1)
        self.assertIn("lists of group ads have no entry", failing.log)

    def test_a_refresh_that_outlasts_its_period_holds_up_nothing(self):
        self.trust_the_authority()
        config = "refreshPeriod: 1s"
        server = self.server(config)
        text = server.config_path.read_text().replace(DOWNLOAD_TIMEOUT, "60s")
        server.config_path.write_text(text)
        server.signal(signal.SIGHUP)
        wait_for(lambda: "reloaded" in server.log, "reload")
        before = len(self.host.requests)
        self.host.answer = self.host.hang
        wait_for(lambda: len(self.host.requests) > before, "a refresh is under way")
        self.assertEqual(self.get("/api/blocking/disable?duration=1s", timeout=2)[0], 200)
        self.assertFalse(self.blocked(server))
        # The control thread ends it: it would not, were it waiting for the refresh.
        wait_for(lambda: '"enabled":true' in self.get("/api/blocking/status", timeout=2)[1].replace(" ", ""), "enabled again", 5)
        self.assertTrue(self.blocked(server))
        self.assertEqual(self.get("/readyz", timeout=2)[0], 200)
        self.assertEqual(self.get("/metrics", timeout=2)[0], 200)
        self.assertEqual(len(self.host.requests), before + 1, "one refresh at a time")
        began = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.assertLess(time.monotonic() - began, 5)

    def hang_in_the_next_load(self, server):
        """The configuration's downloads may take a minute from here on, and the list host takes it."""
        server.config_path.write_text(server.config_path.read_text().replace(DOWNLOAD_TIMEOUT, "60s"))
        before = len(self.host.requests)
        self.host.answer = self.host.hang
        return before

    def check_that_the_server_goes_on(self, server):
        self.assertEqual(self.get("/api/blocking/disable?duration=1s", timeout=2)[0], 200)
        self.assertFalse(self.blocked(server))
        wait_for(lambda: '"enabled":true' in self.get("/api/blocking/status", timeout=2)[1].replace(" ", ""), "enabled again", 5)
        self.assertTrue(self.blocked(server))
        states = server.log.count("server: state")
        server.signal(signal.SIGUSR1)
        wait_for(lambda: server.log.count("server: state") > states, "it reads signals", 5)
        self.assertEqual(self.get("/readyz", timeout=2)[0], 200)

    def check_that_it_ends_soon(self, server):
        began = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.assertLess(time.monotonic() - began, 5)

    def test_a_reload_that_waits_for_a_list_host_holds_up_nothing_and_the_next_one_follows(self):
        self.trust_the_authority()
        server = self.server()
        before = self.hang_in_the_next_load(server)
        for _ in range(3):
            server.signal(signal.SIGHUP)
            wait_for(lambda: len(self.host.requests) > before, "the reload is under way")
            self.check_that_the_server_goes_on(server)
        self.assertEqual(len(self.host.requests), before + 1, "one load at a time")
        self.host.answer = self.host.good
        self.host.ended.set()
        wait_for(lambda: server.log.count("server: reloaded") == 2, "one more for all that were asked for meanwhile")
        self.check_that_it_ends_soon(server)
        self.assertEqual(server.log.count("server: reloading"), 2)

    def test_a_reload_that_waits_for_a_refresh_holds_up_nothing(self):
        self.trust_the_authority()
        server = self.server("refreshPeriod: 1s", timeout="60s")
        before = self.hang_in_the_next_load(server)
        wait_for(lambda: len(self.host.requests) > before, "a refresh is under way")
        server.signal(signal.SIGHUP)
        self.check_that_the_server_goes_on(server)
        self.assertNotIn("server: reloaded", server.log)
        self.check_that_it_ends_soon(server)

    def test_a_server_ends_soon_although_its_reload_hangs(self):
        self.trust_the_authority()
        server = self.server()
        before = self.hang_in_the_next_load(server)
        server.signal(signal.SIGHUP)
        wait_for(lambda: len(self.host.requests) > before, "the reload is under way")
        self.check_that_it_ends_soon(server)

    def test_a_configuration_that_is_refused_leaves_no_trace(self):
        self.trust_the_authority()
        server = self.server(cache=False)
        self.assertTrue(self.blocked(server), server.log)
        good = server.config_path.read_text()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            occupied = other.getsockname()[1]
            server.config_path.write_text(
                re.sub(r"denylists: .*", lambda _: 'denylists: {ads: ["other.example.org\\n"]}', good)
                .replace(f"127.0.0.1:{server.port}", f"127.0.0.1:{server.port},127.0.0.1:{occupied}")
                + "log: {level: error, format: json}\n")
            server.signal(signal.SIGHUP)
            wait_for(lambda: "reload failed" in server.log, "the fault is reported")
        self.assertIn("other.exampl", server.log, "the other lists were loaded")
        self.host.answer = lambda handler: handler.send_error(404)
        self.assertNotEqual(self.get("/api/lists/refresh", "POST")[0], 200)
        self.assertTrue(self.blocked(server), "the last good version is not lost")
        self.assertEqual(self.get("/api/blocking/disable")[0], 200)
        wait_for(lambda: " INFO blocking: disabled" in server.log, "log level and form are those of before")

    def test_refreshes_come_by_themselves_and_with_jitter(self):
        self.trust_the_authority()
        server = self.server("refreshPeriod: 2s")
        before = len(self.host.requests)
        began = time.monotonic()
        wait_for(lambda: len(self.host.requests) >= before + 2, "two refreshes", 10)
        self.assertGreater(time.monotonic() - began, 1.5)
        server.stop()

    def test_a_reload_changes_the_period_of_refreshes(self):
        self.trust_the_authority()
        server = self.server("refreshPeriod: 0")
        server.config_path.write_text(server.config_path.read_text().replace("refreshPeriod: 0", "refreshPeriod: 1s"))
        server.signal(signal.SIGHUP)
        wait_for(lambda: len(self.host.requests) >= 4, "start, reload, and refreshes", 10)


if __name__ == "__main__":
    unittest.main()
