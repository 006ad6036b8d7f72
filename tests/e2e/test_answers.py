"""What a client sees: answers, blocks and errors, through the tools that people use."""
import os
import socket
import struct
import subprocess
import textwrap

from harness import BINARY, E2eTest, Knot, Program, Rampart, addresses, base_config, free_port, query, wait_for

BLOCKING = """
blocking:
  denylists:
    ads:
      - |
        ads.example.org
        *.tracker.example
  allowlists:
    ads:
      - |
        good.tracker.example
  clientGroupsBlock:
    default:
      - ads
"""

RECORDS = [
    "www.example.org. 300 A 192.0.2.1",
    "www.example.org. 300 AAAA 2001:db8::1",
    "good.tracker.example. 300 A 192.0.2.2",
    "alias.example.org. 300 CNAME evil.tracker.example.",
    "evil.tracker.example. 300 A 192.0.2.3",
    "*.wild.example. 60 A 192.0.2.4",
] + [f"big.example.org. 300 TXT \"{i:03}{'x' * 200}\"" for i in range(40)]


def run(*arguments):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=20).stdout


class Answers(E2eTest):
    def setUp(self):
        super().setUp()
        self.knot = self.start(Knot(self.directory, RECORDS))
        self.server = self.start(Rampart(self.directory, base_config(self.knot.port, BLOCKING)))
        self.port = str(self.server.port)

    def test_dig_gets_answers_and_blocks(self):
        self.assertEqual(run("dig", "+short", "@127.0.0.1", "-p", self.port, "www.example.org").strip(), "192.0.2.1")
        self.assertEqual(run("dig", "+short", "@127.0.0.1", "-p", self.port, "ADS.example.org").strip(), "0.0.0.0")
        self.assertEqual(run("dig", "+short", "@127.0.0.1", "-p", self.port, "x.tracker.example", "AAAA").strip(), "::")
        self.assertIn("NXDOMAIN", run("dig", "@127.0.0.1", "-p", self.port, "nothing.example.org"))

    def test_kdig_and_drill_agree(self):
        self.assertEqual(run("kdig", "+short", "@127.0.0.1", "-p", self.port, "www.example.org").strip(), "192.0.2.1")
        self.assertIn("192.0.2.1", run("drill", "-p", self.port, "www.example.org", "@127.0.0.1"))
        self.assertEqual(run("kdig", "+short", "+tcp", "@127.0.0.1", "-p", self.port, "www.example.org").strip(), "192.0.2.1")

    def test_allowlist_beats_denylist(self):
        self.assertEqual(addresses(self.server.query("good.tracker.example")), ["192.0.2.2"])

    def test_cname_target_is_blocked(self):
        self.assertEqual(addresses(self.server.query("alias.example.org")), ["0.0.0.0"])

    def test_large_answer_is_truncated_and_whole_over_tcp(self):
        small = self.server.query("big.example.org", "TXT")
        self.assertTrue(small.flags & 0x0200)
        whole = self.server.query("big.example.org", "TXT", tcp=True)
        self.assertEqual(sum(len(r) for r in whole.answer), 40)

    def test_tcp_answers_pipelined_queries(self):
        import dns.message
        names = [f"n{i}.wild.example" for i in range(50)]
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=5) as connection:
            wire = b""
            for i, name in enumerate(names):
                message = dns.message.make_query(name, "A")
                message.id = i
                octets = message.to_wire()
                wire += struct.pack("!H", len(octets)) + octets
            connection.sendall(wire)
            stream = connection.makefile("rb")
            seen = set()
            for _ in names:
                (length,) = struct.unpack("!H", stream.read(2))
                seen.add(dns.message.from_wire(stream.read(length)).id)
        self.assertEqual(seen, set(range(50)))

    def test_edns_version_one_is_badvers(self):
        out = run("dig", "+edns=1", "+noednsnegotiation", "@127.0.0.1", "-p", self.port, "www.example.org")
        self.assertIn("BADVERS", out)

    def test_notify_and_update_are_not_implemented(self):
        out = run("dig", "+opcode=notify", "@127.0.0.1", "-p", self.port, "www.example.org")
        self.assertIn("NOTIMP", out)

    def test_getaddrinfo_of_the_c_library(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to bind port 53 and to mount a resolv.conf")
        config = base_config(self.knot.port, BLOCKING).replace("{dns}", "127.0.0.77:53,{dns}")
        self.start(Rampart(self.directory, config))
        resolv = os.path.join(self.directory, "resolv.conf")
        with open(resolv, "w") as f:
            f.write("nameserver 127.0.0.77\n")
        script = textwrap.dedent("""
            import socket
            print(sorted({a[4][0] for a in socket.getaddrinfo('www.example.org', 80)}))
            print(sorted({a[4][0] for a in socket.getaddrinfo('ads.example.org', 80)}))
        """)
        out = subprocess.run(["unshare", "-m", "sh", "-c",
                              f"mount --bind {resolv} $(readlink -f /etc/resolv.conf) && python3 -c \"$0\"", script],
                             capture_output=True, text=True, timeout=30)
        self.assertIn("['192.0.2.1', '2001:db8::1']", out.stdout, out.stderr)
        self.assertIn("'0.0.0.0'", out.stdout)

    def test_answers_come_from_the_address_that_was_asked(self):
        wildcard = base_config(self.knot.port, BLOCKING).replace("{dns}", "{dns_port_only}")
        port = free_port()
        path = os.path.join(self.directory, "any.yml")
        with open(path, "w") as f:
            f.write(wildcard.replace("{dns_port_only}", str(port)))
        program = self.start(Program([BINARY, "serve", "--config", path], self.directory, "any"))
        for address in ("127.0.0.1", "127.0.0.9", "::1"):
            # dnspython refuses an answer from another address than the one asked.
            wait_for(lambda: addresses(query(port, "www.example.org", address=address, timeout=0.5)) == ["192.0.2.1"],
                     f"answer from {address}: {program.log}")


if __name__ == "__main__":
    import unittest
    unittest.main()
