"""Every command of the command line, right and wrong, as a child process against the running program."""
import json
import os
import pathlib
import re
import signal
import subprocess

import harness
from harness import E2eTest, Knot, Rampart, addresses, base_config, free_port, wait_for


class Cli(E2eTest):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.directory)
        knot = self.start(Knot(self.directory, ["*.example.org. 300 A 192.0.2.1", "ads.example.org. 300 A 192.0.2.1"]))
        (self.folder / "deny.txt").write_text("ads.example.org\n")
        (self.folder / "allow.txt").write_text("good.example.org\n")
        self.server = self.start(Rampart(self.directory, base_config(knot.port, f"""
blocking:
  denylists: {{ads: [{self.folder}/deny.txt], more: ["bad.example.org\\n"]}}
  allowlists: {{ads: [{self.folder}/allow.txt]}}
  clientGroupsBlock: {{default: [ads, more]}}
statistics: {{enable: true}}
log: {{level: warn}}
""").replace("  dns: {dns}", "  dns: {dns}\n  http: {http}")))
        self.knot = knot

    def cli(self, *words, environment=None, config=True):
        given = ["--config", str(self.server.config_path)] if config else []
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("RAMPART_API", "RAMPART_CONFIG", "BLOCKY_", "CONFIG_FILE"))}
        return subprocess.run([harness.BINARY, *words, *given], capture_output=True, text=True, timeout=60,
                              env={**clean, **(environment or {})}, cwd=self.directory)

    def ok(self, *words, **options):
        done = self.cli(*words, **options)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        return done.stdout

    def wrong(self, *words, **options):
        done = self.cli(*words, **options)
        self.assertEqual(done.returncode, 1, done)
        self.assertTrue(done.stderr.startswith("Error: "), done)
        return done.stderr

    def ok_json(self, *words, **options):
        return json.loads(self.ok(*words, "--json", **options))

    def test_version(self):
        lines = self.ok("version").splitlines()
        self.assertEqual(lines[0], "rampart")
        self.assertEqual([line.split(": ")[0] for line in lines[1:]], ["Version", "Build time", "Architecture"])
        self.assertEqual(self.ok_json("version").keys(), {"name", "version", "buildTime", "architecture"})

    def test_validate_says_ok_or_where_the_fault_is(self):
        path = self.server.config_path
        self.assertEqual(self.ok("validate"), f"Validating configuration file: {path}\nConfiguration is valid\n")
        self.assertEqual(self.ok_json("validate"), {"ok": True, "file": str(path), "faults": [], "warnings": []})
        bad = self.folder / "bad.yml"
        bad.write_text("upstreams: {groups: {default: [192.0.2.1]}}\nports:\n  dsn: 53\n")
        done = self.cli("validate", "--config", str(bad), config=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("bad.yml:3:3", done.stderr)
        done = self.cli("validate", "--json", "--config", str(bad), config=False)
        self.assertEqual(done.returncode, 1)
        fault = json.loads(done.stdout)["faults"][0]
        self.assertEqual((fault["line"], fault["column"], fault["key"]), (3, 3, "ports.dsn"))
        # Blocky looks for the file before it looks at the environment; here the environment counts.
        done = self.cli("validate", config=False, environment={"BLOCKY_CONFIG_FILE": str(bad)})
        self.assertEqual(done.returncode, 1)
        self.assertIn("bad.yml", done.stdout)
        self.assertEqual(self.cli("validate", "--config", str(self.folder / "none.yml"), config=False).returncode, 1)

    def test_validate_tries_the_certificate(self):
        def key(name):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                            f"/CN={name}", "-keyout", self.folder / f"{name}.key", "-out", self.folder / f"{name}.crt"],
                           check=True, capture_output=True)
        key("one")
        key("two")

        def validate(certificate, private, ports="{https: 4443}"):
            path = self.folder / "tls.yml"
            path.write_text(f"upstreams: {{groups: {{default: [192.0.2.1]}}}}\nports: {ports}\n"
                            f"certFile: {self.folder}/{certificate}\nkeyFile: {self.folder}/{private}\n")
            done = self.cli("validate", "--config", str(path), config=False)
            return done.returncode, done.stderr.replace(str(self.folder), "")
        self.assertEqual(validate("one.crt", "one.key"), (0, ""))
        for arguments, place in ((("none.crt", "one.key"), "/tls.yml:3:1: certFile: '/none.crt' cannot be used"),
                                 (("one.crt", "none.key"), "/tls.yml:4:1: keyFile: '/none.key' cannot be used"),
                                 (("one.crt", "two.key"), "/tls.yml:4:1: keyFile: '/two.key' cannot be used: .*mismatch")):
            code, said = validate(*arguments)
            self.assertEqual(code, 1)
            self.assertRegex(said, rf"^FAULT {place}.*\nConfiguration is not valid: 1 fault\n$")
        self.assertEqual(validate("none.crt", "none.key", "{dns: 5300}"), (0, ""), "served by nobody, read by nobody")

    def test_healthcheck_follows_the_configuration_and_explicit_flags_win(self):
        self.assertEqual(self.ok("healthcheck"), "OK\n")
        self.assertEqual(self.ok("healthcheck", "--udp"), "OK\n")
        self.assertEqual(self.ok_json("healthcheck"), {"ok": True})
        self.assertEqual(self.ok("healthcheck", "-p", str(self.server.port), "-b", "127.0.0.1", config=False), "OK\n")
        done = self.cli("healthcheck", "--port", str(free_port()))
        self.assertEqual((done.returncode, done.stdout), (1, "NOT OK\n"))
        done = self.cli("healthcheck", "--json", "--port", str(free_port()))
        self.assertEqual((done.returncode, json.loads(done.stdout)["ok"]), (1, False))
        # A configuration that is missing is no reason to fail: the port is given.
        done = self.cli("healthcheck", "-p", str(self.server.port), "-c", str(self.folder / "none.yml"), config=False)
        self.assertEqual((done.returncode, done.stdout), (0, "OK\n"))
        self.assertIn("--bindip", self.wrong("healthcheck", "-b", "nowhere"))
        self.assertIn("--timeout", self.wrong("healthcheck", "--timeout", "5"))

    def test_healthcheck_resolve_needs_the_whole_chain(self):
        self.assertEqual(self.ok("healthcheck", "--resolve", "www.example.org"), "OK\n")
        self.assertEqual(self.ok("healthcheck", "--resolve", "ads.example.org"), "OK\n")  # blocked is answered, too
        self.knot.stop()
        self.assertEqual(self.ok("healthcheck"), "OK\n")
        done = self.cli("healthcheck", "--resolve", "other.example.org", "--timeout", "20s")
        self.assertEqual((done.returncode, done.stdout), (1, "NOT OK\n"))
        self.assertIn("SERVFAIL", done.stderr)
        self.server.stop()
        done = self.cli("healthcheck")
        self.assertEqual((done.returncode, done.stdout), (1, "NOT OK\n"))

    def test_query(self):
        lines = self.ok("query", "www.example.org").splitlines()
        self.assertEqual(lines[0], "Query result for 'www.example.org' (A):")
        self.assertEqual([line.split(":")[0].strip() for line in lines[1:]], ["reason", "response type", "response", "return code"])
        self.assertIn("A (192.0.2.1)", lines[3])
        self.assertIn("BLOCKED (ads: ads.example.org)", self.ok("query", "ads.example.org", "-t", "AAAA"))
        self.assertEqual(self.ok_json("query", "ads.example.org", "--type", "A"),
                         {"reason": "BLOCKED (ads: ads.example.org)", "response": "A (0.0.0.0)", "responseType": "BLOCKED",
                          "returnCode": "NOERROR"})
        self.assertEqual(self.wrong("query", "www.example.org", "-t", "X"), "Error: unknown query type 'X'\n")
        self.assertIn("domain", self.wrong("query"))
        self.assertIn("400", self.wrong("query", "a..b"))

    def test_blocking(self):
        def blocked():
            return addresses(self.server.query("ads.example.org")) == ["0.0.0.0"]
        self.assertEqual(self.ok("blocking", "status"), "blocking enabled\n")
        self.assertEqual(self.ok("blocking", "disable"), "OK\n")
        self.assertFalse(blocked())
        self.assertEqual(self.ok("blocking", "status"), "blocking disabled for groups: ads; default; more\n")
        self.assertEqual(self.ok("block", "on"), "OK\n")
        self.assertTrue(blocked())
        self.assertEqual(self.ok("block", "off", "-d", "5m", "-g", "ads", "--groups", "more"), "OK\n")
        self.assertRegex(self.ok("block", "status"), r"^blocking disabled for groups: 'ads; more', for (300|299|298) seconds\n$")
        status = self.ok_json("blocking", "status")
        self.assertEqual((status["enabled"], status["disabledGroups"]), (False, ["ads", "more"]))
        self.assertEqual(self.ok("blocking", "enable"), "OK\n")
        self.assertEqual(self.ok_json("blocking", "disable", "--duration", "1s", "-g", "ads"), {"ok": True})
        wait_for(lambda: self.ok("blocking", "status") == "blocking enabled\n", "the second is over")
        self.assertEqual(self.wrong("blocking", "disable", "-g", "nope"),
                         "Error: response NOK, 400 Bad Request group 'nope' is unknown (known: ads default more)\n")
        self.assertIn("duration", self.wrong("blocking", "disable", "-d", "5"))
        self.assertIn("negative", self.wrong("blocking", "disable", "--duration=-5m"))
        self.assertEqual(self.ok("blocking", "status"), "blocking enabled\n")  # what was refused has changed nothing
        self.wrong("blocking")

    def test_lists_and_cache(self):
        self.assertEqual(addresses(self.server.query("new.example.org")), ["192.0.2.1"])
        (self.folder / "deny.txt").write_text("ads.example.org\nnew.example.org\n")
        self.assertEqual(self.ok("lists", "refresh"), "OK\n")
        self.assertEqual(addresses(self.server.query("new.example.org")), ["0.0.0.0"])
        self.assertEqual(self.ok("refresh"), "OK\n")
        self.assertEqual(self.ok_json("refresh"), {"ok": True})
        self.server.query("www.example.org")
        self.assertEqual(self.ok_json("query", "www.example.org")["responseType"], "CACHED")
        self.assertEqual(self.ok("cache", "flush"), "OK\n")
        self.assertEqual(self.ok_json("query", "www.example.org")["responseType"], "RESOLVED")
        self.assertEqual(self.ok("cache", "clear"), "OK\n")
        self.assertEqual(self.ok_json("cache", "flush"), {"ok": True})
        (self.folder / "deny.txt").unlink()
        self.assertIn("deny.txt", self.wrong("lists", "refresh"))
        self.wrong("cache")
        self.wrong("lists")

    def test_lists_without_a_server(self):
        self.server.stop()
        self.assertIn("deny.txt", self.ok("lists", "stats"))
        self.assertTrue(self.ok_json("lists", "stats"))
        self.assertIn("deny.txt, line 1", self.ok("lists", "explain", "ads.example.org"))
        self.assertEqual(self.ok_json("lists", "explain", "ads.example.org")["rules"][0]["line"], 1)
        self.assertTrue(self.ok("lists", "diff", str(self.folder / "deny.txt"), str(self.folder / "allow.txt")))
        self.assertTrue(self.ok_json("lists", "diff", str(self.folder / "deny.txt"), str(self.folder / "allow.txt")))
        policy = self.folder / "policy.yml"
        policy.write_text("expect:\n  - {name: ads.example.org, is: blocked}\n")
        done = self.cli("lists", "test", str(policy), "--json")
        self.assertIn(done.returncode, (0, 2), done)  # its own test knows the form of the file; here: it runs and exits
        self.wrong("lists", "explain", "ads.example.org", "-t", "X")

    def test_stats_and_status(self):
        for name in ("www.example.org", "www.example.org", "ads.example.org"):
            self.server.query(name)
        wait_for(lambda: self.ok_json("stats")["summary"]["queries"] == 3, "three queries are counted")
        text = self.ok("stats")
        for title in ("Window", "Summary", "Top Domains", "Top Blocked", "Top Clients", "By Query Type", "By Response Code",
                      "By Response Type", "Cache", "Lists (denylist)", "Lists (allowlist)"):
            self.assertIn(title + "\n", text)
        self.assertRegex(text, r"www\.example\.org +2\n")
        self.assertTrue(self.ok("status").startswith("ready, ok\n"))
        self.assertTrue(self.ok_json("status")["ready"])
        self.knot.stop()
        for i in range(5):
            self.server.query(f"gone{i}.example.org", timeout=20)
        wait_for(lambda: self.cli("status").returncode == 1, "the loss of all upstreams is noticed")
        done = self.cli("status")
        self.assertEqual((done.returncode, done.stdout.splitlines()[0]), (1, "not ready, failed"))
        done = self.cli("status", "--json")
        self.assertEqual((done.returncode, json.loads(done.stdout)["ready"]), (1, False))

    def test_explain(self):
        told = self.ok_json("explain", "ads.example.org", "--client", "192.168.7.7")
        self.assertEqual((told["client"], told["groups"], told["answer"]["responseType"]), ("192.168.7.7", ["ads", "more"], "BLOCKED"))
        self.assertEqual(told["rules"][0]["list"], f"{self.folder}/deny.txt")
        self.assertEqual(told["steps"][-1]["stage"], "blocking")
        text = self.ok("explain", "www.example.org", "-t", "A")
        self.assertRegex(text, r"upstream +answered: RESOLVED \(.*127\.0\.0\.1")
        self.assertRegex(self.ok("explain", "www.example.org"), r"caching +answered: CACHED")
        self.assertRegex(self.ok("explain", "good.example.org"), r"blocking +allowed: ads: good\.example\.org")
        self.assertIn("no IP address", self.wrong("explain", "www.example.org", "--client", "nobody"))
        self.assertIn("unknown query type", self.wrong("explain", "www.example.org", "-t", "X"))
        self.wrong("explain")

    def test_the_address_of_the_api_comes_from_flags_then_environment_then_configuration(self):
        nobody, port = str(free_port()), str(self.server.http_port)
        self.assertEqual(self.ok("blocking", "status", config=False, environment={"RAMPART_API": f"127.0.0.1:{port}"}),
                         "blocking enabled\n")
        self.assertEqual(self.ok("blocking", "status", "--apiHost", "127.0.0.1", "--apiPort", port, config=False,
                                 environment={"RAMPART_API": f"127.0.0.1:{nobody}"}), "blocking enabled\n")
        # In Blocky the configuration wins over the flag.
        self.assertIn(f"can't execute cannot connect to localhost:{nobody}", self.wrong("blocking", "status", "--apiPort", nobody))
        self.assertIn(nobody, self.wrong("blocking", "status", environment={"RAMPART_API": f"127.0.0.1:{nobody}"}))
        self.assertIn("RAMPART_API", self.wrong("blocking", "status", environment={"RAMPART_API": "what:ever:1"}))
        self.assertEqual(self.ok("blocking", "status", config=False, environment={"BLOCKY_CONFIG_FILE": str(self.server.config_path)}),
                         "blocking enabled\n")
        self.wrong("blocking", "status", "--apiPort", "70000")

    def test_documents_come_from_the_same_definitions(self):
        page = self.ok("man")
        formatted = subprocess.run(["groff", "-man", "-Tutf8", "-ww"], input=page, text=True, capture_output=True, timeout=20)
        self.assertEqual((formatted.returncode, formatted.stderr), (0, ""))
        help_text = self.ok("help")
        self.assertEqual(self.ok("--help"), help_text)
        self.assertIn("--duration", self.ok("help", "blocking", "disable"))
        self.assertIn("unknown command", self.wrong("help", "nonsense"))
        for command in re.findall(r"^  ([a-z]+)(?:,[a-z,]+)? ", help_text.split("Subcommands:")[1], re.M):
            self.assertIn(f"\n.SS {command}\n", page)
            self.assertIn(command, self.ok(command, "--help"))
        for shell in ("bash", "zsh", "fish"):
            self.assertIn("healthcheck", self.ok("completion", shell))
        self.assertIn("csh not in {bash,zsh,fish}", self.wrong("completion", "csh"))
        self.wrong("completion")

    def test_bash_completes_commands_flags_and_files(self):
        def completed(*words):
            script = f"""
source <({harness.BINARY} completion bash)
COMP_WORDS=({' '.join(f"'{w}'" for w in words)})
COMP_CWORD={len(words) - 1}
_rampart
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
            done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, timeout=20, cwd=self.directory)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            return done.stdout.split()
        self.assertEqual(completed("rampart", "blocking", "dis"), ["disable"])
        self.assertEqual(completed("rampart", "healthcheck", "--res"), ["--resolve"])
        self.assertEqual(completed("rampart", "block", "off", "--dur"), ["--duration"])
        self.assertIn("validate", completed("rampart", ""))
        self.assertEqual(completed("rampart", "--config", "den"), ["deny.txt"])
        self.assertEqual(completed("rampart", "--config", "deny.txt", "valid"), ["validate"])
        self.assertEqual(completed("rampart", "completion", "z"), ["zsh"])

    def test_unknown_words_are_errors(self):
        for words in (["nonsense"], ["--nonsense"], ["blocking", "nonsense"], ["query", "a", "b"]):
            with self.subTest(words):
                self.wrong(*words)

    def test_serve(self):
        taken = self.start(Rampart(self.directory, self.server.config_path.read_text(), wait=False))
        wait_for(lambda: not taken.running(), "it ends")
        self.assertEqual(taken.process.returncode, 1)
        self.assertRegex(taken.log, r"(?i)Error: can't start server: .*address already in use")
        # No command at all serves, as `serve` does.
        port = free_port()
        other = self.folder / "other.yml"
        other.write_text(self.server.config_path.read_text().replace(f"127.0.0.1:{self.server.port}", f"127.0.0.1:{port}")
                         .replace(f"127.0.0.1:{self.server.http_port}", f"127.0.0.1:{free_port()}").replace("level: warn", "level: info"))
        plain = self.start(harness.Program([harness.BINARY, "-c", str(other)], self.directory, "plain"))
        wait_for(lambda: harness.query(port, "healthcheck.blocky", timeout=0.3).rcode() == 0, "it answers")
        plain.signal(signal.SIGTERM)
        plain.process.wait(15)
        self.assertEqual(plain.process.returncode, 0)
        self.assertIn("Terminating...", plain.log)
        self.assertEqual(self.server.log, "")  # at level warn a healthy server says nothing


if __name__ == "__main__":
    import unittest
    unittest.main()
