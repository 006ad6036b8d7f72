"""Rules for some query types only (`$dnstype`) at the real server, asked with dig: answers, reason, explain, stats, diff."""
import csv
import json
import os
import pathlib
import subprocess
import unittest

from harness import BINARY, E2eTest, Knot, Rampart, base_config, free_port, wait_for

LIST = ("||v4only.example.org^$dnstype=A\n||most.example.org^$dnstype=~A|~TXT\n||alias-target.example.org^$dnstype=AAAA\n"
        "||all.example.org^\n@@||all.example.org^$dnstype=AAAA\n||new.example.org^$dnstype=NEWTYPE\n")
RECORDS = ["*.example.org. 300 A 192.0.2.1", "*.example.org. 300 AAAA 2001:db8::1", "*.example.org. 300 TXT here",
           "alias.example.org. 300 CNAME alias-target.example.org."]


class TypedRules(E2eTest):
    def dig(self, name, rdtype):
        done = subprocess.run(["dig", "@127.0.0.1", "-p", str(self.server.port), name, rdtype, "+short", "+tries=1", "+time=3"],
                              capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout.split()

    def rampart(self, *arguments):
        done = subprocess.run([BINARY, *arguments, "--json"], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def test_one_type_is_blocked_and_the_others_are_not(self):
        text = pathlib.Path(self.directory, "list.txt")
        text.write_text(LIST)
        logs = os.path.join(self.directory, "log")
        os.mkdir(logs)
        http_port = free_port()
        knot = self.start(Knot(self.directory, RECORDS))
        config = base_config(knot.port, f"blocking:\n  denylists: {{ads: [{text}]}}\n  clientGroupsBlock: {{default: [ads]}}\n"
                             f"queryLog: {{type: csv, target: {logs}}}\nports: {{{{dns: '{{dns}}', http: '127.0.0.1:{http_port}'}}}}\n"
                             .replace("{{", "{").replace("}}", "}"))
        config = config.replace("ports:\n  dns: {dns}\n", "", 1).replace("queryLog:\n  type: none\n", "", 1)
        self.server = self.start(Rampart(self.directory, config))

        for round_ in ("from upstream", "from the cache"):
            self.assertEqual(self.dig("v4only.example.org", "A"), ["0.0.0.0"], round_)
            self.assertEqual(self.dig("x.v4only.example.org", "A"), ["0.0.0.0"], round_)
            self.assertEqual(self.dig("v4only.example.org", "AAAA"), ["2001:db8::1"], round_)
            self.assertEqual(self.dig("most.example.org", "A"), ["192.0.2.1"], round_)
            self.assertEqual(self.dig("most.example.org", "TXT"), ['"here"'], round_)
            self.assertEqual(self.dig("most.example.org", "AAAA"), ["::"], round_)
            self.assertEqual(self.dig("all.example.org", "A"), ["0.0.0.0"], round_)
            self.assertEqual(self.dig("all.example.org", "AAAA"), ["2001:db8::1"], round_)
            # An alias counts for queries of the rule's type.
            self.assertEqual(self.dig("alias.example.org", "A"), ["alias-target.example.org.", "192.0.2.1"], round_)
            self.assertEqual(self.dig("alias.example.org", "AAAA"), ["::"], round_)
            self.assertEqual(self.dig("new.example.org", "A"), ["192.0.2.1"], round_)

        def reasons():
            rows = [row for path in pathlib.Path(logs).glob("*.log")
                    for row in csv.reader(path.read_text().splitlines(), delimiter="\t")]
            return {row[4] for row in rows if len(row) > 4}
        wait_for(lambda: "BLOCKED (ads: *.v4only.example.org$dnstype=A)" in reasons(), f"the reason in the query log: {reasons()}")

        path = str(self.server.config_path)
        for command in (["lists", "explain"], ["explain"]):  # offline, and by the running server
            [rule] = self.rampart(*command, "most.example.org", "--type", "AAAA", "--config", path)["rules"]
            self.assertEqual((rule["rule"], rule["line"]), ("*.most.example.org$dnstype=~A|~TXT", 2))
            self.assertEqual(self.rampart(*command, "most.example.org", "--type", "A", "--config", path)["rules"], [])
        [rule] = self.rampart("lists", "explain", "all.example.org", "--type", "AAAA", "--config", path)["rules"]
        self.assertEqual((rule["action"], rule["line"]), ("allow", 5))

        [stats] = self.rampart("lists", "stats", "--config", path)
        self.assertEqual((stats["entries"]["wildcard"], stats["forSomeTypes"], stats["skipped"]["dnstype"]), (5, 4, 1))
        shown = subprocess.run([BINARY, "lists", "stats", "--config", path], capture_output=True, text=True, timeout=30).stdout
        self.assertIn("4 of them for some query types only", shown)
        self.assertIn("holds for query types that are not known", shown)

        new = pathlib.Path(self.directory, "new.txt")
        new.write_text(LIST.replace("$dnstype=A\n", "$dnstype=HTTPS\n"))
        [group] = self.rampart("lists", "diff", str(text), str(new))["groups"]
        self.assertEqual((group["removed"], group["added"]),
                         (["*.v4only.example.org$dnstype=A"], ["*.v4only.example.org$dnstype=HTTPS"]))
        self.assertEqual({(c["name"], c["before"], c["after"]) for c in group["verdictChanges"]},
                         {("v4only.example.org", "blocked", "no rule"), ("*.v4only.example.org", "blocked", "no rule"),
                          ("v4only.example.org HTTPS", "no rule", "blocked"),
                          ("*.v4only.example.org HTTPS", "no rule", "blocked")})


if __name__ == "__main__":
    unittest.main()
