"""Names of clients and addresses of host names that change, or whose server goes."""
import time

from harness import wait_for
from names_case import NAMES, REVERSE, NamesCase, ReverseCase


class LearnedNamesChange(ReverseCase):
    def test_a_name_that_changes_counts_after_its_ttl(self):
        self.serve(f"  upstream: 127.0.0.1:{self.reverse.port}")
        wait_for(lambda: self.is_blocked("127.0.0.7", "tablets.example.org"), "blocked by the group of its name")
        self.reverse.replace([line.replace("Tablet-7", "laptop") for line in REVERSE])
        began = time.monotonic()
        self.assertTrue(self.is_blocked("127.0.0.7", "tablets.example.org"), "the TTL has not passed")
        wait_for(lambda: not self.is_blocked("127.0.0.7", "tablets.example.org"), "the new name", 20)
        self.assertGreater(time.monotonic() - began, 5)
        self.assertEqual(self.explain("127.0.0.7")["clientNames"], ["laptop.lan"])

    def test_a_server_that_goes_leaves_the_last_good_names(self):
        self.serve(f"  upstream: 127.0.0.1:{self.reverse.port}")
        wait_for(lambda: self.is_blocked("127.0.0.7", "tablets.example.org"), "blocked by the group of its name")
        self.reverse.stop()

        def failed():
            self.assertTrue(self.is_blocked("127.0.0.7", "tablets.example.org"))
            return self.metric(r'client_name_lookups_total\{outcome="failed"\}') >= 1
        wait_for(failed, "a look-up that failed", 25)
        self.assertTrue(self.is_blocked("127.0.0.7", "tablets.example.org"))


class HostsChange(NamesCase):
    def test_host_names_are_identifiers_of_the_clients_at_their_addresses(self):
        self.serve()
        wait_for(lambda: self.is_blocked("127.0.0.20", "host.example.org"), "the address of pc.example.org")
        self.assertFalse(self.is_blocked("127.0.0.21", "host.example.org"))
        self.assertEqual(self.explain("127.0.0.20")["groups"], ["host"])
        self.upstream.replace([line.replace("127.0.0.20", "127.0.0.21") for line in NAMES])
        wait_for(lambda: self.is_blocked("127.0.0.21", "host.example.org"), "the new address", 25)
        self.assertFalse(self.is_blocked("127.0.0.20", "host.example.org"))
        # As long as nobody answers, the last good address holds.
        self.upstream.stop()
        self.assertTrue(self.is_blocked("127.0.0.21", "host.example.org"))


if __name__ == "__main__":
    import unittest
    unittest.main()
