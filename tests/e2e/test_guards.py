"""Rate limit and rebinding protection of the real server."""
import dns.exception

from harness import E2eTest, Knot, Rampart, addresses, base_config

GUARDS = """
rateLimit:
  enable: true
  rate: 1
  burst: 10
rebindingProtection:
  enable: true
  allowedDomains:
    - home.example.org
ede:
  enable: true
"""

RECORDS = [
    "evil.example.org. 300 A 192.168.1.1",
    "nas.home.example.org. 300 A 192.168.1.2",
]


class Guards(E2eTest):
    def setUp(self):
        super().setUp()
        self.knot = self.start(Knot(self.directory, RECORDS))
        self.server = self.start(Rampart(self.directory, base_config(self.knot.port, GUARDS)))

    def test_private_address_is_taken_away_unless_allowed(self):
        for _ in range(2):  # fresh, then cached
            reply = self.server.query("evil.example.org", use_edns=0)
            self.assertEqual(addresses(reply), [])
            self.assertEqual(reply.rcode(), 0)
            self.assertIn(15, [option.code for option in reply.options if option.otype == 15])
        self.assertEqual(addresses(self.server.query("nas.home.example.org")), ["192.168.1.2"])

    def test_a_client_over_its_rate_gets_silence(self):
        def answered():
            try:
                self.server.query("nas.home.example.org", timeout=0.3)
                return True
            except dns.exception.Timeout:
                return False
        self.assertFalse(all(answered() for _ in range(40)))
        self.assertIn("dropped query", self.server.log)
        self.assertTrue(self.server.answers(), "probes are not limited")


if __name__ == "__main__":
    import unittest
    unittest.main()
