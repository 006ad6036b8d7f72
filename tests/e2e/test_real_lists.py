"""A real block list against real popular names, answer by answer: what is listed is blocked, everything else is
answered as the upstream has it, and no query of a replay is lost."""
import json
import re
import subprocess
import unittest

from harness import BINARY, DATA, ROOT, E2eTest, Knot, Rampart, addresses, base_config


def zstd(name):
    return subprocess.run(["zstd", "-dcq", str(DATA / name)], capture_output=True, check=True, text=True).stdout


def address_of(number):
    return f"198.{18 + (number >> 16)}.{(number >> 8) & 255}.{number & 255}"


@unittest.skipUnless((DATA / "stevenblack-hosts.txt.zst").exists(), f"no lists in {DATA}")
class RealLists(E2eTest):
    def test_popular_names_against_a_real_list(self):
        names = sorted({line.strip().lower() for line in zstd("opendns-top-10k.txt.zst").splitlines()
                        if re.fullmatch(r"[a-zA-Z0-9.-]+", line.strip())})
        # An independent reading of the hosts file: second column, exact names.
        listed = {fields[1].lower() for fields in (line.split("#")[0].split() for line in zstd("stevenblack-hosts.txt.zst").splitlines())
                  if len(fields) >= 2}
        expected = {name: address_of(i) for i, name in enumerate(names)}
        knot = self.start(Knot(self.directory, [f"{name}. 300 A {address}" for name, address in expected.items()]))
        blocking = f"""
blocking:
  denylists: {{ads: [{DATA}/stevenblack-hosts.txt.zst]}}
  clientGroupsBlock: {{default: [ads]}}
specialUseDomains: {{enable: false}}
"""
        server = self.start(Rampart(self.directory, base_config(knot.port, blocking)))

        queries = f"{self.directory}/queries"
        with open(queries, "w") as f:
            f.write("".join(f"{name} A\n" for name in names))
        for _ in range(2):  # first from the upstream, then from the cache
            out = subprocess.run(["dnsperf", "-s", "127.0.0.1", "-p", str(server.port), "-d", queries, "-n", "1",
                                  "-c", "16", "-q", "100"], capture_output=True, text=True, timeout=120).stdout
            self.assertEqual(re.search(r"Queries lost:\s+(\d+)", out).group(1), "0", out)
            self.assertRegex(out, rf"Queries completed:\s+{len(names)} \(100.00%\)")

        import dns.message
        import socket
        blocked = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.connect(("127.0.0.1", server.port))
            for name in names:
                message = dns.message.make_query(name, "A")
                s.send(message.to_wire())
                got = addresses(dns.message.from_wire(s.recv(4096)))
                want = ["0.0.0.0"] if name in listed else [expected[name]]
                self.assertEqual(got, want, name)
                blocked += name in listed
        print(f"{len(names)} names, {blocked} on the list, all as expected")
        self.assertGreater(blocked, 50)


# What each list is; the table of docs/list-formats.md has a row for each.
FORMS = {"stevenblack-hosts": "hosts", "hagezi-light-wildcard": "wildcard", "oisd-small-wildcard": "wildcard", "oisd-small-abp": "adblock",
         "mmotti-regex-blocky": "regex", "mmotti-regex-pihole": "regex", "anudeepnd-allow": "plain", "anudeepnd-allow-optional": "plain",
         "blocklistproject-malware-ip": "address", "opendns-top-10k": "plain"}


@unittest.skipUnless(any((DATA / f"{name}.txt.zst").exists() for name in FORMS), f"no lists in {DATA}")
class Counts(E2eTest):
    def test_every_line_of_every_list_as_an_independent_script_counts_it(self):
        present = {name: form for name, form in FORMS.items() if (DATA / f"{name}.txt.zst").exists()}
        config = f"{self.directory}/config.yml"
        with open(config, "w") as f:
            f.write("upstreams: {groups: {default: [192.0.2.53]}}\nblocking:\n  loading: {maxErrorsPerSource: -1}\n"
                    "  admission: {enable: false}\n  denylists:\n    all:\n"
                    + "".join(f"      - {DATA}/{name}.txt.zst\n" for name in present) + "  clientGroupsBlock: {default: [all]}\n")
        ours = json.loads(subprocess.run([BINARY, "lists", "stats", "--json", "--config", config], capture_output=True, check=True,
                                         text=True, timeout=120).stdout)
        self.assertEqual(len(ours), len(present))
        table = (ROOT / "docs/list-formats.md").read_text()
        for row, (name, form) in zip(ours, present.items()):
            theirs = json.loads(subprocess.run([ROOT / "tools/count-list", "--json", form, DATA / f"{name}.txt.zst"], capture_output=True,
                                               check=True, text=True, timeout=120).stdout)
            with self.subTest(name):
                skipped = sum(row["skipped"].values())
                self.assertEqual(row["lines"], theirs["lines"])
                self.assertEqual(row["blankLines"], theirs["blank"])
                self.assertEqual(sum(row["entries"].values()), theirs["entries"])
                self.assertEqual(row["different"], theirs["different"])
                # Whatever gave no entry has a cause: a skip with its word, or an error with its line.
                self.assertEqual(skipped + row["errorCount"], theirs["left"])
                self.assertEqual(len(row["errors"]), min(row["errorCount"], 10))
                counts = [str(n) for n in (theirs["lines"], theirs["blank"], theirs["entries"], theirs["different"], skipped, row["errorCount"])]
                self.assertRegex(table, r"\| " + r" *(?:\([^)|]*\) *)?\| ".join(map(re.escape, counts)) + r" \|")
                print(f"{name}: {theirs['entries']} entries, {theirs['left']} without a rule, as counted independently")


if __name__ == "__main__":
    unittest.main()
