"""Where queries are recorded: every target of the whole program, with Blocky's files, fields and tables, and what it says of
targets it does not have."""
import glob
import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import urllib.request

from harness import BINARY, E2eTest, Knot, Rampart, base_config, free_port, wait_for
from outage_programs import Postgres

COLUMNS = ("client_ip", "client_name", "reason", "response_type", "question_type", "question_name", "effective_tldp", "answer",
           "response_code")
RESOLVED = ("127.0.0.1", "127.0.0.1", "RESOLVED", "A", "www.example.co.uk", "example.co.uk", "A (192.0.2.1)", "NOERROR")


class QueryLog(E2eTest):
    def setUp(self):
        super().setUp()
        self.knot = self.start(Knot(self.directory, ["www.example.co.uk. 300 A 192.0.2.1", "*.example.org. 300 A 192.0.2.1"]))

    def resolver(self, kind, target="", more="", log=""):
        text = base_config(self.knot.port, log, kind).replace(f"  type: {kind}", f"  type: {kind}\n  target: '{target}'\n{more}")
        return self.start(Rampart(self.directory, text.replace("  dns: {dns}", "  dns: {dns}\n  http: {http}")))

    def test_csv_has_blockys_name_order_and_form(self):
        target = pathlib.Path(self.directory, "csv")
        target.mkdir()
        server = self.resolver("csv", target)
        server.query("WWW.Example.co.UK")
        self.assertEqual(server.stop(), 0)
        names = os.listdir(target)
        self.assertEqual([n[10:] for n in names], ["_ALL.log"])
        fields = (target / names[0]).read_text().rstrip("\n").split("\t")
        self.assertEqual(len(fields), 11)
        began, client, client_names, duration, reason, name, answer, code, kind, qtype, instance = fields
        self.assertRegex(began, r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")
        self.assertEqual(began[:10], names[0][:10])
        self.assertEqual((client, client_names), ("127.0.0.1", "127.0.0.1"))
        self.assertRegex(duration, r"^\d+$")
        self.assertEqual(reason, f"RESOLVED (tcp+udp:127.0.0.1:{self.knot.port})")
        self.assertEqual((name, answer, code, kind, qtype), ("WWW.Example.co.UK.", "A (192.0.2.1)", "NOERROR", "RESOLVED", "A"))
        self.assertTrue(instance)

    def test_csv_client_writes_a_file_for_each_client(self):
        target = pathlib.Path(self.directory, "csv")
        target.mkdir()
        server = self.resolver("csv-client", target, log="clientLookup:\n  clients: {my laptop: [127.0.0.1]}")
        server.query("www.example.org")
        self.assertEqual(server.stop(), 0)
        self.assertEqual([n[10:] for n in os.listdir(target)], ["_my_laptop.log"])

    def test_sqlite_has_every_query_after_a_clean_stop_however_long_the_interval(self):
        path = f"{self.directory}/logs/queries.db"
        server = self.resolver("sqlite", path, "  flushInterval: 1h")
        for i in range(200):
            server.query(f"host{i}.example.org")
        server.query("WWW.Example.co.UK")
        self.assertEqual(server.stop(), 0)
        database = sqlite3.connect(path)
        self.addCleanup(database.close)
        self.assertEqual(database.execute("SELECT count(*), count(DISTINCT question_name) FROM log_entries").fetchone(), (201, 201))
        self.assertEqual([row[1] for row in database.execute("PRAGMA table_info(log_entries)")],
                         ["request_ts", "client_ip", "client_name", "duration_ms", "reason", "response_type", "question_type",
                          "question_name", "effective_tldp", "answer", "response_code", "hostname"])
        row = database.execute(f"SELECT {', '.join(COLUMNS)} FROM log_entries WHERE question_name LIKE 'www%'").fetchone()
        self.assertEqual((*row[:2], *row[3:]), RESOLVED)

    def test_postgresql_has_every_query_after_a_clean_stop_however_long_the_interval(self):
        database = Postgres(self.directory)
        self.addCleanup(database.close)
        server = self.resolver("postgresql", database.target, "  flushInterval: 1h")
        for i in range(200):
            server.query(f"host{i}.example.org")
        server.query("WWW.Example.co.UK")
        self.assertEqual(server.stop(), 0)
        self.assertEqual(database.sql("SELECT count(*), count(DISTINCT question_name) FROM log_entries"), "201|201")
        row = database.sql(f"SELECT {', '.join(COLUMNS)} FROM log_entries WHERE question_name LIKE 'www%'").split("|")
        self.assertEqual((*row[:2], *row[3:]), RESOLVED)

    def test_the_size_of_a_batch_ends_it_before_the_interval(self):
        database = Postgres(self.directory)
        self.addCleanup(database.close)
        server = self.resolver("postgresql", database.target, "  flushInterval: 1h")
        queries = pathlib.Path(self.directory, "queries")
        queries.write_text("".join(f"{'x' * 60}{i % 10}.{'y' * 60}.{'z' * 60}.example.org A\n" for i in range(1000)))
        subprocess.run(["dnsperf", "-s", "127.0.0.1", "-p", str(server.port), "-d", queries, "-n", "10", "-Q", "5000"], check=True,
                       capture_output=True)
        wait_for(lambda: database.count("SELECT count(*) FROM log_entries") > 1000, "a batch of 1 MiB is written")

    def test_none_records_nothing(self):
        server = self.resolver("none")
        server.query("www.example.org")
        self.assertEqual(server.stop(), 0)
        self.assertNotIn("query resolved", server.log)

    def test_fields_ignore_and_privacy_decide_what_is_recorded(self):
        target = pathlib.Path(self.directory, "csv")
        target.mkdir()
        server = self.resolver("csv", target, "  fields: [clientIP, question, responseAnswer]\n"
                               "  ignore: {sudn: true, domains: [exact.example.org, '*.wild.example.org', '/^re[0-9]/']}",
                               "log: {privacy: true}")
        for name in ("exact.example.org", "a.wild.example.org", "wild.example.org", "re7.example.org", "x.invalid", "Kept7.example.org"):
            server.query(name)
        self.assertEqual(server.stop(), 0)
        lines = pathlib.Path(glob.glob(f"{target}/*")[0]).read_text().splitlines()
        self.assertEqual(len(lines), 1, lines)
        _, client, client_names, duration, reason, name, answer, code, kind, qtype, _ = lines[0].split("\t")
        self.assertEqual((client, client_names, duration, reason, code, kind), ("127.0.0.1", "none", "0", "", "", ""))
        self.assertEqual((name, answer, qtype), ("*****.*******.***.", "* (***.*.*.*)", "A"))

    def test_types_that_are_not_built_in_go_to_the_console_with_one_warning(self):
        for kind in ("mysql", "dnstap"):
            target = "user@tcp(127.0.0.1)/db"
            server = self.resolver(kind, target)
            said = rf"WARN config: \S*:\d+:\d+: queryLog\.type: '{kind}' is not built into this version.* postgresql"
            self.assertEqual(len(re.findall(said, server.log)), 1, server.log)
            server.query(f"{kind}.example.org")
            server.signal(signal.SIGHUP)
            wait_for(lambda: "INFO server: reloaded" in server.log, "reload")
            server.query(f"{kind}2.example.org")
            checked = subprocess.run([BINARY, "validate", "--config", server.config_path], capture_output=True, text=True,
                                     timeout=20, check=False)
            self.assertEqual(checked.returncode, 0)
            self.assertRegex(checked.stderr, said.replace("WARN config:", "WARN"))
            self.assertEqual(server.stop(), 0)
            self.assertEqual(len(re.findall(said, server.log)), 2, "one for each load of the configuration")
            for name in (kind, f"{kind}2"):
                self.assertRegex(server.log, rf"query resolved.*question_name={name}\.example\.org")

    def test_status_tells_of_every_part_what_it_does_since_when_and_why(self):
        server = self.resolver("postgresql", f"postgres://nobody@127.0.0.1:{free_port()}/none",
                               f"  spool: {{path: {self.directory}/spool}}", f"redis: {{address: '127.0.0.1:{free_port()}'}}")
        for i in range(20):
            server.query(f"host{i}.example.org")

        def document():
            with urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}/readyz", timeout=3) as answer:
                return json.load(answer)
        wait_for(lambda: document()["components"]["spool"]["waiting"] == 20, "the spool has all")
        self.assertEqual((document()["ready"], document()["status"]), (True, "degraded"))
        parts = document()["components"]
        for name, state, counts in (("queryLog", "degraded", {"spooled": 20, "written": 0, "dropped": 0}),
                                    ("spool", "degraded", {"waiting": 20}), ("rings", "ok", {"pushed": 20, "droppedFull": 0}),
                                    ("redis", "degraded", {"connects": 0, "published": 0})):
            self.assertEqual(parts[name]["state"], state, parts)
            self.assertEqual({key: parts[name][key] for key in counts}, counts)
        for name in ("queryLog", "redis"):
            self.assertIn("refused", parts[name]["lastError"])
            self.assertGreater(parts[name]["failures"], 0)
            self.assertRegex(parts[name]["since"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        done = subprocess.run([BINARY, "status", "--apiHost", "127.0.0.1", "--apiPort", str(server.http_port)], capture_output=True,
                              text=True, timeout=10, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for word in ("queryLog", "spool", "rings", "redis"):
            self.assertRegex(done.stdout, rf"(?m)^ +{word} +(degraded|ok)")
        self.assertEqual(len(re.findall(r"last error.*: .*refused", done.stdout)), 2, done.stdout)


if __name__ == "__main__":
    import unittest
    unittest.main()
