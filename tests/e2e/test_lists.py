"""`rampart lists stats|explain|diff|test`: no server runs, downloads come from a web server of the test's own."""
import functools
import http.server
import json
import os
import pathlib
import pty
import subprocess
import threading
import unittest

from harness import BINARY, ROOT, E2eTest, Knot, Rampart, base_config, free_port, wait_for

CONFIG = """
upstreams:
  groups: {{default: [192.0.2.53]}}
blocking:
  denylists:
    ads:
      - {hosts}
      - {adblock}
    kids:
      - |
        # first line
        *.games.example
        /^shop[0-9]+\\./
        198.51.100.0/24
  allowlists:
    ads:
      - |
        good.example.org
  schedules:
    evening: {{weekdays: [mon], start: "20:00", end: "22:00"}}
  listSchedules: {{kids: [evening]}}
  clientGroupsBlock:
    default: [ads]
    192.0.2.0/28: [ads, kids]
    tablet: [kids]
{extra}
"""
HOSTS = "# hosts\n127.0.0.1 localhost\n0.0.0.0 a.example.org b.example.org\n0.0.0.0 good.example.org\n0.0.0.0 shared.example\n"
ADBLOCK = ("[Adblock Plus 2.0]\n||ads.example^\n@@||fine.ads.example^\nx.org##.banner\n||x.org^$third-party\n"
           "||x.org/path\n||shared.example^\n-broken line\n")


class Web:
    """Serves a folder on 127.0.0.1."""

    def __init__(self, folder):
        class Quiet(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Lists(E2eTest):
    def setUp(self):
        super().setUp()
        self.write("hosts.txt", HOSTS)
        self.write("adblock.txt", ADBLOCK)
        self.config = self.write("config.yml", CONFIG.format(hosts=self.path("hosts.txt"), adblock=self.path("adblock.txt"), extra=""))

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        pathlib.Path(self.path(name)).write_text(text)
        return self.path(name)

    def run_lists(self, *arguments, code=0, config=True):
        flags = ["--config", self.config] if config else []
        done = subprocess.run([BINARY, "lists", *arguments, *flags], capture_output=True, text=True, timeout=60, cwd=self.directory)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def json_of(self, *arguments, **options):
        return json.loads(self.run_lists(*arguments, "--json", **options).stdout)

    # stats

    def test_stats_count_every_line_and_compare_lists(self):
        hosts, adblock, inline, allow = self.json_of("stats")
        self.assertEqual((hosts["group"], hosts["action"], hosts["place"]), ("ads", "deny", "blocking.denylists.ads[0]"))
        self.assertEqual(hosts["entries"], {"exact": 5, "wildcard": 0, "regex": 0, "address": 0})
        self.assertEqual(hosts["state"], "file")
        self.assertLess(hosts["ageSeconds"], 300)
        self.assertEqual(hosts["bytes"], len(HOSTS))
        # shared.example is on the Adblock list too, good.example.org on the allowlist.
        self.assertEqual((hosts["different"], hosts["unique"]), (5, 3))
        self.assertEqual({row["place"]: row["entries"] for row in hosts["shared"]},
                         {"blocking.denylists.ads[1]": 1, "blocking.allowlists.ads[0]": 1})
        self.assertEqual(adblock["entries"]["wildcard"], 3)
        self.assertEqual(adblock["exceptions"], 1)
        self.assertEqual({k: v for k, v in adblock["skipped"].items() if v}, {"cosmetic": 1, "modifier": 1, "urlPattern": 1})
        self.assertEqual([e["line"] for e in adblock["errors"]], [8])
        for row in (hosts, adblock, inline, allow):  # every line ends somewhere
            rule_lines = row["lines"] - row["blankLines"] - sum(row["skipped"].values()) - row["errorCount"]
            self.assertGreaterEqual(sum(row["entries"].values()), rule_lines)
        self.assertEqual(inline["entries"], {"exact": 0, "wildcard": 1, "regex": 1, "address": 1})
        self.assertEqual((inline["state"], allow["action"]), ("inline", "allow"))
        self.write("hosts.txt", "<broken>\n" * 9)
        refused = self.json_of("stats")[0]
        self.assertEqual(refused["state"], "refused")
        self.assertIn("line 1: ", refused["why"])
        self.write("hosts.txt", HOSTS + "*.org\n")
        refused = self.json_of("stats")[0]
        self.assertEqual(refused["state"], "refused")
        self.assertRegex(refused["why"], "would block .*canaries")
        self.write("hosts.txt", HOSTS)
        text = self.run_lists("stats").stdout
        self.assertIn("hides parts of pages", text)
        self.assertIn("unique     3 (60.0 %)", text)

    def test_stats_download_what_is_missing_and_say_why_a_list_failed(self):
        web = Web(self.directory)
        self.addCleanup(web.stop)
        os.mkdir(self.path("cache"))
        extra = f"  loading: {{downloads: {{cachePath: {self.path('cache')}, attempts: 1, timeout: 2s}}}}\n"
        self.config = self.write("web.yml", CONFIG.format(hosts=web.url + "/hosts.txt", adblock=web.url + "/gone.txt", extra=extra))
        hosts, gone = self.json_of("stats")[:2]
        self.assertEqual((hosts["state"], hosts["different"]), ("fresh", 5))
        self.assertEqual(gone["state"], "failed")
        self.assertIn("404", gone["why"])
        self.assertEqual(os.listdir(self.path("cache")), [], "the server's folder is only read")
        hosts = self.json_of("stats", "--offline")[0]
        self.assertIn("no copy on disk", hosts["why"])

        # A server leaves its copies; the tool works with them, and falls back on them.
        knot = self.start(Knot(self.directory, ["*.example.org. 300 A 192.0.2.1"]))
        server = self.start(Rampart(self.directory, base_config(knot.port, "blocking:\n  denylists: {ads: [%s/hosts.txt]}\n"
                                    "  clientGroupsBlock: {default: [ads]}\n%s" % (web.url, extra))))
        server.stop()
        hosts = self.json_of("stats")[0]
        self.assertEqual((hosts["state"], hosts["different"]), ("from disk", 5))
        os.remove(self.path("hosts.txt"))
        hosts = self.json_of("stats", "--refresh")[0]
        self.assertEqual((hosts["state"], hosts["different"]), ("from disk", 5))
        self.assertIn("404", hosts["why"])
        explained = self.json_of("explain", "a.example.org", "--offline")
        self.assertEqual(explained["rules"][0]["line"], 3)

    def test_progress_only_on_a_terminal(self):
        self.assertEqual(self.run_lists("stats").stderr, "")
        reader, writer = pty.openpty()
        subprocess.run([BINARY, "lists", "stats", "--config", self.config], stdout=subprocess.DEVNULL, stderr=writer, timeout=60)
        os.close(writer)
        shown = b""
        while True:
            try:
                piece = os.read(reader, 65536)
            except OSError:  # the other side of a pseudo-terminal is closed
                break
            if not piece:
                break
            shown += piece
        os.close(reader)
        self.assertIn(b"hosts.txt", shown)

    # explain

    def test_explain_names_list_and_line(self):
        explained = self.json_of("explain", "b.example.org", "--client", "203.0.113.9")
        self.assertEqual(explained["groups"], ["ads"])
        [rule] = explained["rules"]
        self.assertEqual((rule["list"], rule["line"], rule["text"]), (self.path("hosts.txt"), 3, "0.0.0.0 a.example.org b.example.org"))
        self.assertEqual((rule["action"], rule["kind"], rule["rule"]), ("deny", "exact", "b.example.org"))
        self.assertEqual(explained["answer"]["reason"], "BLOCKED (ads: b.example.org)")
        self.assertEqual(explained["answer"]["response"], "A (0.0.0.0)")
        text = self.run_lists("explain", "deep.under.ads.example").stdout
        self.assertIn("adblock.txt, line 2", text)
        self.assertIn("'||ads.example^'", text)

    def test_explain_the_rule_that_allows(self):
        explained = self.json_of("explain", "good.example.org")
        [rule] = explained["rules"]
        self.assertEqual((rule["action"], rule["place"], rule["line"]), ("allow", "blocking.allowlists.ads[0]", 1))
        self.assertIn("would be asked", explained["answer"]["reason"])
        [rule] = self.json_of("explain", "fine.ads.example")["rules"]
        self.assertEqual((rule["action"], rule["line"], rule["text"]), ("allow", 3, "@@||fine.ads.example^"))

    def test_explain_client_and_time(self):
        at = ["--at", "Monday 21:30"]
        inside = self.json_of("explain", "shop12.example", "--client", "192.0.2.5", *at)
        self.assertEqual(inside["groups"], ["ads", "kids"])
        self.assertEqual((inside["rules"][0]["rule"], inside["rules"][0]["line"]), ("/^shop[0-9]+\\./", 3))
        self.assertEqual(self.json_of("explain", "shop12.example", "--client", "192.0.2.5", "--at", "Tuesday 21:30")["rules"], [])
        self.assertEqual(self.json_of("explain", "x.games.example", "--client", "203.0.113.1", *at)["rules"], [])
        named = self.json_of("explain", "x.games.example", "--client", "tablet", *at)
        self.assertEqual((named["groups"], named["clientNames"]), (["kids"], ["tablet"]))
        self.assertEqual(named["rules"][0]["line"], 2)
        self.assertIn("is no moment", self.run_lists("explain", "x", "--at", "Mond 21", code=1).stderr)

    # diff

    def test_diff_of_lists_tells_what_matters(self):
        old = self.write("old.txt", "*.wide.example\nstays.example\ngoes.example\nx.wide.example\n")
        new = self.write("new.txt", "*.wide.example\nstays.example\ncomes.example\n*.tree.example\n")
        [group] = self.json_of("diff", old, new, config=False)["groups"]
        self.assertEqual(group["added"], ["*.tree.example", "comes.example"])
        self.assertEqual(group["removed"], ["goes.example", "x.wide.example"])
        self.assertEqual({(c["name"], c["before"], c["after"]) for c in group["verdictChanges"]},
                         {("comes.example", "no rule", "blocked"), ("goes.example", "blocked", "no rule"),
                          ("tree.example", "no rule", "blocked"), ("*.tree.example", "no rule", "blocked")})
        self.assertEqual(self.run_lists("diff", old, old, config=False).stdout, "no difference\n")
        many = self.write("many.txt", "".join(f"n{i}.example\n" for i in range(50)))
        empty = self.write("empty.txt", "")
        text = self.run_lists("diff", empty, many, config=False).stdout
        self.assertEqual(text.count("+ n"), 20)
        self.assertIn("30 more (--all)", text)
        self.assertEqual(self.run_lists("diff", empty, many, "--all", config=False).stdout.count("+ n"), 50)

    def test_diff_of_configurations(self):
        text = pathlib.Path(self.config).read_text()
        new = self.write("new.yml", text.replace("good.example.org", "better.example.org").replace("tablet: [kids]", "tablet: [ads, kids]")
                         .replace('"20:00"', '"19:00"'))
        diff = self.json_of("diff", self.config, new, config=False)
        [group] = diff["groups"]
        self.assertEqual((group["added"], group["removed"]), (["allow better.example.org"], ["allow good.example.org"]))
        self.assertIn({"name": "good.example.org", "before": "allowed", "after": "blocked"}, group["verdictChanges"])
        self.assertIn("client tablet: was in kids, is in ads, kids", diff["notes"])
        self.assertIn("group kids: another schedule", diff["notes"])
        self.assertIn("compare like with like", self.run_lists("diff", self.config, self.path("hosts.txt"), code=1, config=False).stderr)

    # test

    def test_policy_expectations(self):
        policy = self.write("policy.yml", f"""config: {os.path.basename(self.config)}
expectations:
  - {{name: x.games.example, client: tablet, at: Monday 21:30, expect: blocked, reason: "*.games.example"}}
  - {{name: x.games.example, client: tablet, at: 2026-11-24 21:30, expect: allowed}}
  - {{names: [a.example.org, b.example.org], group: ads, expect: answer, answer: 0.0.0.0}}
  - {{name: a.example.org, group: ads, type: TXT, expect: answer, answer: NXDOMAIN}}
""")
        self.assertIn("4 expectations", self.run_lists("test", policy, config=False).stdout)
        self.assertTrue(self.json_of("test", policy, config=False)["ok"])

    def test_a_broken_expectation_names_line_found_and_expected(self):
        policy = self.write("policy.yml", "expectations:\n  - name: x.games.example\n    client: tablet\n    expect: blocked\n"
                            "  - {name: b.example.org, client: 203.0.113.1, expect: allowed}\n")
        done = self.run_lists("test", policy, code=1)
        first, second = done.stderr.splitlines()
        # Without `at` the expectation holds for the whole week; outside the schedule it does not.
        self.assertRegex(first, r"policy.yml:2: x.games.example for client tablet, Sunday 00:00: expected blocked; found RESOLVED")
        self.assertIn("policy.yml:5: b.example.org for client 203.0.113.1", second)
        self.assertIn("hosts.txt line 3", second)
        faults = self.json_of("test", policy, code=1)["faults"]
        self.assertEqual([f["line"] for f in faults], [2, 5])

    def test_bad_input_is_exit_code_2(self):
        for text, words in [("expectations:\n  - {name: a.example, client: x, expects: blocked}\n", "is `expect` meant?"),
                            ("expectations:\n  - {name: a.example, expect: blocked}\n", "must say who asks"),
                            ("expectations:\n  - {name: a.example, client: x, at: noon, expect: blocked}\n", "is no moment"),
                            ("expectations:\n  - {name: a.example, client: x, expect: maybe}\n", "allowed are blocked, allowed and answer"),
                            ("expectations:\n  - {name: a.example, group: nobody, expect: blocked}\n", "unknown (known: ads, kids)"),
                            ("expectations: []\n", "tests nothing"), ("a: [\n", "policy.yml:")]:
            policy = self.write("policy.yml", text)
            self.assertIn(words, self.run_lists("test", policy, code=2).stderr, text)
        self.assertIn("cannot read", self.run_lists("test", self.path("missing.yml"), code=2).stderr)
        # A list that cannot be read would let every "allowed" pass.
        os.remove(self.path("hosts.txt"))
        policy = self.write("policy.yml", "expectations:\n  - {name: a.example.org, group: ads, expect: allowed}\n")
        self.assertIn("hosts.txt", self.run_lists("test", policy, code=2).stderr)

    def test_the_example_of_the_documentation(self):
        example = str(ROOT / "docs/examples/family-policy.yml")
        self.assertIn("5 expectations", self.run_lists("test", example, config=False).stdout)

    # The server and the documents made from the command line

    def test_the_server_explains_with_line(self):
        knot = self.start(Knot(self.directory, ["*.example.org. 300 A 198.51.100.7", "alias.example.org. 300 CNAME b.example.org."]))
        http_port = free_port()
        blocking = ("blocking:\n  denylists:\n    ads: [%s]\n    addresses:\n      - |\n        # comment\n        198.51.100.0/24\n"
                    "  clientGroupsBlock: {default: [ads, addresses]}\nports: {dns: '{dns}', http: '127.0.0.1:%d'}\n"
                    % (self.path("hosts.txt"), http_port))
        config = base_config(knot.port, blocking)
        config = config.replace("ports:\n  dns: {dns}\n", "", 1)
        server = self.start(Rampart(self.directory, config))

        def explain(name):
            done = subprocess.run([BINARY, "explain", name, "--config", str(server.config_path), "--json"],
                                  capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 0, done.stderr)
            return json.loads(done.stdout)

        wait_for(lambda: explain("b.example.org"), "API")
        [rule] = explain("b.example.org")["rules"]
        self.assertEqual((rule["list"], rule["line"], rule["place"]), (self.path("hosts.txt"), 3, "blocking.denylists.ads[0]"))
        # What only the answer shows: an alias of a listed name, a listed address.
        alias = explain("alias.example.org")
        self.assertEqual((alias["answer"]["responseType"], alias["rules"][0]["rule"]), ("BLOCKED", "b.example.org"))
        [rule] = explain("other.example.org")["rules"]
        self.assertEqual((rule["kind"], rule["rule"], rule["line"]), ("address", "198.51.100.0/24", 2))
        text = subprocess.run([BINARY, "explain", "b.example.org", "--config", str(server.config_path)], capture_output=True, text=True).stdout
        self.assertIn("hosts.txt, line 3", text)

    def test_help_completion_and_manual_know_the_commands(self):
        out = lambda *arguments: subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=10).stdout
        for shell in ("bash", "fish"):
            for word in ("stats", "explain", "diff", "test"):
                self.assertRegex(out("completion", shell), rf"\b{word}\b")
        manual = out("man")
        for section in ("lists stats", "lists explain", "lists diff", "lists test"):
            self.assertIn(".SS " + section, manual)
        self.assertIn("--offline", out("lists", "stats", "--help"))


class Samples(E2eTest):
    def test_every_sample_configuration_is_valid(self):
        samples = sorted((ROOT / "blocklists/samples").glob("*.yml"))
        self.assertGreaterEqual(len(samples), 10)
        for sample in samples:
            done = subprocess.run([BINARY, "validate", "--config", str(sample)], capture_output=True, text=True, timeout=10)
            self.assertEqual(done.returncode, 0, f"{sample.name}: {done.stderr}")
            self.assertEqual(done.stderr, "", sample.name)
            self.assertIn("https://", sample.read_text())
            stats = subprocess.run([BINARY, "lists", "stats", "--offline", "--json", "--config", str(sample)],
                                   capture_output=True, text=True, timeout=10)
            self.assertGreaterEqual(len(json.loads(stats.stdout)), 1, sample.name)

    def test_the_url_checker_tells_lists_from_what_is_none(self):
        web = Web(self.directory)
        self.addCleanup(web.stop)
        folder = pathlib.Path(self.directory)
        (folder / "good.txt").write_text("# a list\na.example.org\n")
        (folder / "page.txt").write_text("<!DOCTYPE html><p>moved")
        (folder / "empty.txt").write_text("")
        names = ("good.txt", "page.txt", "empty.txt", "missing.txt")
        config = folder / "lists.yml"
        config.write_text("".join(f"- {web.url}/{name}  # https://comment.example/\n" for name in names))
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        run = lambda: subprocess.run([ROOT / "tools/check-list-urls", "--timeout", "5", str(config)], capture_output=True, text=True,
                                     timeout=60, env=environment)
        done = run()
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        said = dict(zip(names, (line.split(": ", 1)[1] for line in done.stdout.splitlines())))
        self.assertIn("begins with '# a list'", said["good.txt"])
        self.assertEqual((said["page.txt"], said["empty.txt"], said["missing.txt"]), ("an HTML page", "empty", "HTTP status 404"))
        self.assertIn("4 URLs, 1 good", done.stdout)
        config.write_text(f"- {web.url}/good.txt\n")
        self.assertEqual(run().returncode, 0)
        config.write_text(f"- http://127.0.0.1:{free_port()}/good.txt\n")
        self.assertEqual(run().returncode, 2)


if __name__ == "__main__":
    unittest.main()
