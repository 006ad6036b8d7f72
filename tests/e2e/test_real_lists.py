"""A real block list against real popular names, answer by answer: what is listed is blocked, everything else is
answered as the upstream has it, and no query of a replay is lost."""
import re
import subprocess
import unittest

from harness import DATA, E2eTest, Knot, Rampart, addresses, base_config


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


if __name__ == "__main__":
    unittest.main()
