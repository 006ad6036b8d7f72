"""Start, reload and stop: nothing that a client sees may break."""
import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import unittest
import urllib.error
import urllib.request

from harness import (BINARY, TIME_FACTOR, E2eTest, Knot, Program, Rampart, addresses, base_config,
                     is_built_with_thread_sanitizer, wait_for)

LIST = """
blocking:
  denylists: {{ads: [{path}]}}
  clientGroupsBlock: {{default: [ads]}}
"""


class Silent(Rampart):
    """One whose output goes to `output`."""

    def __init__(self, directory, config, output):
        self.output = output
        super().__init__(directory, config)

    def launch(self, arguments, directory, environment):
        with open(self.log_path, "ab") as errors:
            self.process = subprocess.Popen(arguments, stdout=self.output, stderr=errors, cwd=directory, env=environment)
        os.close(self.output)


class Life(E2eTest):
    def setUp(self):
        super().setUp()
        self.knot = self.start(Knot(self.directory, ["*.example.org. 300 A 192.0.2.1"]))
        self.list = os.path.join(self.directory, "list.txt")
        self.write_list("ads.example.org")

    def write_list(self, *names):
        with open(self.list + ".new", "w") as f:
            f.write("".join(name + "\n" for name in names))
        os.rename(self.list + ".new", self.list)

    def config(self, extra=""):
        return base_config(self.knot.port, LIST.format(path=self.list) + extra)

    def server(self, extra="", **options):
        return self.start(Rampart(self.directory, self.config(extra), **options))

    def test_sighup_takes_over_lists_and_configuration(self):
        server = self.server()
        self.assertEqual(addresses(server.query("new.example.org")), ["192.0.2.1"])
        self.write_list("new.example.org")
        server.signal(signal.SIGHUP)
        wait_for(lambda: addresses(server.query("new.example.org")) == ["0.0.0.0"], "new list in force")
        self.assertEqual(addresses(server.query("ads.example.org")), ["192.0.2.1"])

    def test_a_bad_configuration_changes_nothing(self):
        server = self.server()
        server.write("upstreams: [nonsense\n")
        server.signal(signal.SIGHUP)
        wait_for(lambda: "reload failed" in server.log, "the fault is reported")
        self.assertEqual(addresses(server.query("ads.example.org")), ["0.0.0.0"])
        self.assertEqual(addresses(server.query("www.example.org")), ["192.0.2.1"])

    def test_lists_that_would_end_a_start_are_refused_at_a_reload_too(self):
        server = self.server()
        text = server.config_path.read_text()
        server.write(text.replace("default: [ads]", "default: [ads, more]").replace(
            "denylists: {", "loading: {strategy: failOnError}\n  denylists: {more: [/nowhere/list.txt], "))
        server.signal(signal.SIGHUP)
        wait_for(lambda: "reload failed" in server.log, "the refusal is reported")
        self.assertRegex(server.log, "reload failed.*lists of group more have no entry: .*/nowhere/list.txt")
        self.assertNotIn("reloaded", server.log)
        self.assertEqual(addresses(server.query("ads.example.org")), ["0.0.0.0"])
        server.write(text)
        server.signal(signal.SIGHUP)
        wait_for(lambda: "INFO server: reloaded" in server.log, "the next reload succeeds")

    def test_what_a_reload_cannot_change_is_said(self):
        server = self.server()
        text = server.config_path.read_text()
        changed = "workers: 3\nstatistics: {enable: true}\ncache: {memory: 3MiB}\ncaching: {maxItemsCount: 77}\n"
        for reloads, extra, warnings in ((1, changed, 1), (2, changed, 2), (3, "", 2)):
            server.write(text + extra)
            server.signal(signal.SIGHUP)
            wait_for(lambda: server.log.count("INFO server: reloaded") == reloads, "reload")
            for key in ("workers", "statistics.enable", "cache.memory", "caching.maxItemsCount"):
                self.assertEqual(server.log.count(f"WARN server: `{key}` takes effect at the next start"), warnings, key)

    def test_metrics_can_be_switched_on_and_off_at_run_time(self):
        server = self.server("prometheus: {enable: false}\n")
        text = server.config_path.read_text().replace("  dns: ", f"  http: 127.0.0.1:{server.http_port}\n  dns: ")

        def metrics():
            with urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}/metrics", timeout=3) as answer:
                return answer.read().decode()

        def reload(enable):
            before = server.log.count("INFO server: reloaded")
            server.write(text.replace("enable: false", f"enable: {enable}"))
            server.signal(signal.SIGHUP)
            wait_for(lambda: server.log.count("INFO server: reloaded") > before, "reload")
        reload("true")
        server.query("www.example.org")
        wait_for(lambda: re.search(r'(?m)^blocky_query_total\{.*type="A".*\} [1-9]', metrics()), "the query is counted")
        reload("false")
        with self.assertRaises(urllib.error.HTTPError):
            metrics()

    def test_a_list_that_vanished_stays_in_force(self):
        server = self.server()
        os.remove(self.list)
        server.signal(signal.SIGHUP)
        wait_for(lambda: "reloaded" in server.log, "reload")
        self.assertEqual(addresses(server.query("ads.example.org")), ["0.0.0.0"])
        self.assertIn("cannot open source", server.log)

    def test_lines_in_error_are_in_the_log_with_their_numbers(self):
        self.write_list("# comment", "a..b", "ads.example.org", "||^", "x y z")
        server = self.server()
        self.assertEqual(addresses(server.query("ads.example.org")), ["0.0.0.0"])
        for line, text in ((2, "a..b"), (4, "||^"), (5, "x y z")):
            self.assertRegex(server.log, rf"WARN lists: parse error: line {line}: .*'{re.escape(text)}', trying to continue.*source={self.list}")
        self.assertEqual(server.log.count("parse error"), 3)
        self.write_list(*["a..b"] * 1000, "ads.example.org")
        server.write(server.config_path.read_text() + "  loading: {maxErrorsPerSource: -1}\n")
        server.signal(signal.SIGHUP)
        wait_for(lambda: "INFO server: reloaded" in server.log, "reload")
        self.assertEqual(server.log.count("parse error: line"), 3 + 10, "bounded")
        self.assertIn("parse error: 990 more lines, trying to continue", server.log)

    def test_no_query_is_lost_while_reloading_under_load(self):
        server = self.server()
        self.write_list(*(f"ad{i}.example.net" for i in range(20000)), "ads.example.org")
        queries = os.path.join(self.directory, "queries")
        with open(queries, "w") as f:
            f.write("".join(f"host{i}.example.org A\nads.example.org A\n" for i in range(500)))
        load = subprocess.Popen(["dnsperf", "-s", "127.0.0.1", "-p", str(server.port), "-d", queries,
                                 "-l", str(int(6 * TIME_FACTOR)), "-c", "16", "-Q", "5000", "-q", "500", "-t", "2"],
                                stdout=subprocess.PIPE, text=True)
        reloads = 0
        while load.poll() is None:
            before = server.log.count("INFO server: reloaded")
            server.signal(signal.SIGHUP)
            wait_for(lambda: server.log.count("INFO server: reloaded") > before, "reload")
            reloads += 1
        out = load.communicate()[0]
        self.assertEqual(re.search(r"Queries lost:\s+(\d+)", out).group(1), "0", out)
        self.assertGreater(reloads, 10 / TIME_FACTOR)
        print(f"{reloads} reloads, no query lost")

    def test_a_listener_can_be_added_and_removed_at_run_time(self):
        server = self.server()
        from harness import free_port, query
        second = free_port()
        text = server.config_path.read_text()
        server.config_path.write_text(text.replace(f"127.0.0.1:{server.port}", f"127.0.0.1:{server.port},127.0.0.1:{second}"))
        server.signal(signal.SIGHUP)
        wait_for(lambda: query(second, "www.example.org", timeout=0.3).answer, "the added listener answers")
        server.config_path.write_text(text)
        server.signal(signal.SIGHUP)

        def gone():
            try:
                query(second, "www.example.org", timeout=0.3)
            except Exception:
                return True
            return False
        wait_for(gone, "the removed listener is closed")
        self.assertEqual(addresses(server.query("www.example.org")), ["192.0.2.1"])

    def test_a_reload_that_fails_at_its_last_listener_keeps_none_it_opened(self):
        server = self.server()
        from harness import free_port, query
        second = free_port()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            occupied = other.getsockname()[1]
            text = server.config_path.read_text()
            more = text.replace(f"127.0.0.1:{server.port}", f"127.0.0.1:{server.port},127.0.0.1:{second},127.0.0.1:{occupied}")
            server.config_path.write_text(more)
            server.signal(signal.SIGHUP)
            wait_for(lambda: "reload failed" in server.log, "the fault is reported")
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("127.0.0.1", second))  # fails if the server holds it
            self.assertEqual(addresses(server.query("www.example.org")), ["192.0.2.1"])
        server.signal(signal.SIGHUP)
        for port in (second, occupied):
            wait_for(lambda: query(port, "www.example.org", timeout=0.3).answer, "the next reload succeeds")

    def test_threads_have_names(self):
        server = self.start(Rampart(self.directory, base_config(self.knot.port, log_type="console")))
        tasks = pathlib.Path(f"/proc/{server.process.pid}/task")
        names = lambda: {(task / "comm").read_text().strip() for task in tasks.iterdir()}
        wanted = {"worker-0", "log-drain", "log-sink"}
        wait_for(lambda: wanted <= names(), "a name for each thread that works all the time")

    def test_sigterm_ends_cleanly(self):
        server = self.server()
        self.assertEqual(server.stop(), 0)
        self.assertIn("Terminating...", server.log)

    def test_sigterm_ends_a_server_whose_output_nobody_reads(self):
        if is_built_with_thread_sanitizer():
            self.skipTest("ThreadSanitizer flushes stdout before it lets a program end, and nobody reads it here")
        for log_type in ("none", "console"):
            with self.subTest(log_type), contextlib.ExitStack() as open_files:
                reader, writer = os.pipe()
                open_files.callback(os.close, reader)
                os.set_blocking(writer, False)
                with contextlib.suppress(BlockingIOError):  # full before the first line
                    while True:
                        os.write(writer, b"x" * 4096)
                os.set_blocking(writer, True)
                server = self.start(Silent(self.directory, self.config().replace("type: none", f"type: {log_type}"), writer))
                for i in range(100):
                    server.query(f"host{i}.example.org")
                server.signal(signal.SIGTERM)
                self.assertEqual(server.process.wait(15 * TIME_FACTOR), 0)

    def test_occupied_port_is_a_clear_error(self):
        server = self.server()
        second = self.start(Program([BINARY, "serve", "--config", str(server.config_path)], self.directory, "second"))
        # SO_REUSEPORT lets the same user share a port, so the probe must notice the other server by itself.
        second.process.wait(15)
        self.assertEqual(second.process.returncode, 1)
        self.assertIn("address already in use", second.log.lower())

    def test_unreadable_configuration_names_the_file(self):
        program = self.start(Program([BINARY, "serve", "--config", "/nonexistent.yml"], self.directory, "none"))
        program.process.wait(15)
        self.assertEqual(program.process.returncode, 1)
        self.assertIn("/nonexistent.yml", program.log)

    def test_systemd_is_told(self):
        path = os.path.join(self.directory, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            notify.settimeout(10)
            os.environ["NOTIFY_SOCKET"] = path
            try:
                server = self.server()
            finally:
                del os.environ["NOTIFY_SOCKET"]
            self.assertEqual(notify.recv(100), b"READY=1")
            server.signal(signal.SIGTERM)
            self.assertEqual(notify.recv(100), b"STOPPING=1")


if __name__ == "__main__":
    unittest.main()
