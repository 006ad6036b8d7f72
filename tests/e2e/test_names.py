"""Names of clients, learned from a real reverse zone, told by the client, or resolved: groups, query log, API, statistics."""
import base64
import json
import socket
import threading
import time

import dns.exception
import dns.message

from harness import addresses, wait_for
from names_case import NamesCase, ReverseCase


class Silence:
    """A server that takes questions, counts them and never answers."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.count = 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                data, _ = self.socket.recvfrom(4096)
            except OSError:
                return
            if not data:
                return
            self.count += 1

    def stop(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join(5)
        self.socket.close()


class NamesInOwnRecords(ReverseCase):
    def test_custom_dns_and_hosts_files_name_clients_before_the_reverse_zone(self):
        self.serve(f"  upstream: 127.0.0.1:{self.reverse.port}", """
customDNS: {mapping: {tablet-kitchen.lan: 127.0.0.7, second.lan: 127.0.0.7}}
hostsFile: {sources: ["127.0.0.5 tablet-hall.lan\\n127.0.0.7 other.lan\\n"]}
""")
        # From the first query on: nothing is looked up.
        for client, names in (("127.0.0.7", ["tablet-kitchen.lan", "second.lan"]), ("127.0.0.5", ["tablet-hall.lan"])):
            with self.subTest(client):
                self.assertTrue(self.is_blocked(client, "tablets.example.org"))
                self.assertEqual(sorted(self.explain(client)["clientNames"]), sorted(names))
                wait_for(lambda: any(names[0] in told for told in self.logged_names(client, "tablets.example.org")),
                         "the name is in the query log")
                self.assertNotIn(client, self.logged_names(client, "tablets.example.org"))
        self.assertEqual(self.metric(r'client_name_lookups_total\{outcome="names"\}'), 0)
        wait_for(lambda: "tablet-hall.lan" in [c["name"] for c in json.loads(self.api("/api/stats")[1])["topClients"]],
                 "name in the statistics")
        # A client without a record is still asked for.
        self.is_blocked("127.0.0.8", "www.example.org")
        wait_for(lambda: self.metric(r'client_name_lookups_total\{outcome="names"\}') == 1, "the reverse zone is asked")


class LearnedNames(ReverseCase):
    def test_a_learned_name_decides_groups_and_shows_everywhere(self):
        self.serve(f"  upstream: 127.0.0.1:{self.reverse.port}")
        self.assertFalse(self.is_blocked("127.0.0.7", "tablets.example.org"), "the first query goes by the address")
        wait_for(lambda: self.is_blocked("127.0.0.7", "tablets.example.org"), "blocked by the group of its name")
        self.assertFalse(self.is_blocked("127.0.0.7", "everyone.example.org"), "default is for those without a group")
        self.assertTrue(self.is_blocked("127.0.0.5", "everyone.example.org"))
        wait_for(lambda: "tablet-7.lan" in self.logged_names("127.0.0.7", "tablets.example.org"), "name in the query log")
        self.assertEqual(self.logged_names("127.0.0.7", "tablets.example.org")[0], "127.0.0.7")
        explained = self.explain("127.0.0.7", "tablets.example.org")
        self.assertEqual(explained["clientNames"], ["tablet-7.lan"])
        self.assertEqual(explained["groups"], ["tablets"])
        wait_for(lambda: "tablet-7.lan" in [c["name"] for c in json.loads(self.api("/api/stats")[1])["topClients"]],
                 "name in the statistics")
        # A static name comes before the reverse zone, which is not even asked.
        before = self.metric(r'client_name_lookups_total\{outcome="names"\}')
        for _ in range(3):
            self.assertTrue(self.is_blocked("127.0.0.9", "everyone.example.org"))
        self.assertEqual(self.explain("127.0.0.9")["clientNames"], ["fixed"])
        self.assertEqual(self.metric(r'client_name_lookups_total\{outcome="names"\}'), before)
        # Nobody asks the ordinary upstream for names of clients.
        self.assertFalse(any("in-addr.arpa" in line for line in self.server.log.splitlines()))

    def test_single_name_order(self):
        self.serve(f"  upstream: 127.0.0.1:{self.reverse.port}\n  singleNameOrder: [3, 2]")
        self.ask("127.0.0.8", "www.example.org")
        picked = []
        wait_for(lambda: picked.append(self.explain("127.0.0.8")["clientNames"]) or "127.0.0.8" not in picked[-1], "a name")
        self.assertEqual(len(picked[-1]), 1)
        self.assertIn(picked[-1][0], ["first.lan", "second.lan"])  # Knot chooses the order of the set
        # No second name: no name at all, so no pattern matches.
        self.ask("127.0.0.7", "www.example.org")
        wait_for(lambda: self.metric(r'client_name_lookups_total\{outcome="names"\}') >= 2, "the second look-up")
        self.assertFalse(self.is_blocked("127.0.0.7", "tablets.example.org"))

class NoNames(NamesCase):
    def test_a_silent_server_delays_nothing_and_is_not_flooded(self):
        silence = Silence()
        self.addCleanup(silence.stop)
        self.serve(f"  upstream: 127.0.0.1:{silence.port}")
        self.assertTrue(self.is_blocked("127.0.0.5", "everyone.example.org"))
        slowest = 0.0
        end = time.monotonic() + 4  # several times the look-ups' own deadline
        asked = 0
        while time.monotonic() < end:
            client = f"127.1.{asked // 250 % 250}.{asked % 250 + 1}"
            began = time.monotonic()
            self.assertTrue(self.is_blocked(client, "everyone.example.org"))
            slowest = max(slowest, time.monotonic() - began)
            asked += 1
            time.sleep(0.002)
        self.assertGreater(asked, 300)
        self.assertLess(slowest, 0.5, "one try of a look-up takes 1 s")
        # 32 at once and two datagrams each, then one after the other.
        self.assertLess(silence.count, 2 * (32 + 8), f"{asked} clients asked")
        self.assertGreater(silence.count, 0)

    def doh(self, path, name, headers=None):
        wire = base64.urlsafe_b64encode(dns.message.make_query(name, "A", id=0).to_wire()).rstrip(b"=").decode()
        status, body = self.api(f"{path}?dns={wire}", headers=headers)
        self.assertEqual(status, 200, body)
        return addresses(dns.message.from_wire(body))

    def test_client_id_of_doh_is_the_first_name(self):
        self.serve()
        self.assertEqual(self.doh("/dns-query", "told.example.org"), ["192.0.2.1"])
        self.assertEqual(self.doh("/dns-query/My%20Phone", "told.example.org"), ["0.0.0.0"])
        self.assertEqual(self.doh("/dns-query", "told.example.org", {"Host": "id-my phone.dns.example"}), ["0.0.0.0"])
        self.assertEqual(self.doh("/dns-query/My%20Phone", "everyone.example.org"), ["192.0.2.1"])
        wait_for(lambda: "My Phone" in self.logged_names("127.0.0.1", "told.example.org"), "client ID in the query log")
        body = json.dumps({"query": "told.example.org", "type": "A"})
        _, answer = self.api("/api/query", "POST", body, {"Host": "id-my phone.dns.example"})
        self.assertEqual(json.loads(answer)["responseType"], "BLOCKED")
        _, answer = self.api("/api/query", "POST", body)
        self.assertNotEqual(json.loads(answer)["responseType"], "BLOCKED")

    def test_drops_of_the_rate_limit_are_in_the_statistics_and_keep_privacy(self):
        self.serve(extra="rateLimit: {enable: true, rate: 1, burst: 5}\nlog: {privacy: true}")

        def dropped():
            try:
                self.ask("127.0.0.30", "secret.example.org", timeout=0.2)
                return False
            except dns.exception.Timeout:
                return True
        self.assertTrue(any(dropped() for _ in range(20)))
        wait_for(lambda: json.loads(self.api("/api/stats")[1])["summary"]["dropped"] >= 1, "drops in the statistics")
        line = next(line for line in self.server.log.splitlines() if "dropped query" in line)
        self.assertIn("client_ip=127.0.0.30", line)
        self.assertIn("******.*******.***", line)
        self.assertNotIn("secret", self.server.log)


if __name__ == "__main__":
    import unittest
    unittest.main()
