"""How it opens its ports, and how it leaves: addresses that no interface has yet, ports below 1024 without root,
and queries in flight when it is told to stop."""
import itertools
import os
import signal
import socket
import subprocess
import threading
import time
import unittest

import dns.message

from harness import BINARY, E2eTest, Knot, Program, Rampart, addresses, base_config, free_port, query, wait_for
from test_tcp import SlowUpstream, framed, read_message

NOBODY = 65534
NOT_OURS = "192.0.2.77"


class Listen(E2eTest):
    def setUp(self):
        super().setUp()
        self.knot = self.start(Knot(self.directory, ["*.example.org. 300 A 192.0.2.1"]))

    def start_with(self, address, extra=""):
        path = os.path.join(self.directory, "listen.yml")
        with open(path, "w") as f:
            f.write(base_config(self.knot.port).replace("{dns}", f"'{address}'{extra}"))
        return path

    def wait_for_answer(self, program, port, address):
        wait_for(lambda: addresses(query(port, "www.example.org", address=address, timeout=0.5)) == ["192.0.2.1"],
                 f"an answer: {program.log}")

    def test_an_address_that_no_interface_has_needs_free_bind(self):
        refused = self.start(Program([BINARY, "serve", "--config", self.start_with(f"{NOT_OURS}:5399")],
                                     self.directory, "refused"))
        refused.process.wait(15)
        self.assertEqual(refused.process.returncode, 1)
        self.assertIn("freeBind", refused.log)
        path = self.start_with(f"{NOT_OURS}:5399,127.0.0.61:5399", "\n  freeBind: true")
        taken = self.start(Program([BINARY, "serve", "--config", path], self.directory, "taken"))
        self.wait_for_answer(taken, 5399, "127.0.0.61")

    def test_an_ordinary_user_with_one_capability_serves_port_53(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to become somebody else")
        os.chmod(self.directory, 0o755)
        path = self.start_with("127.0.0.62:53")
        server = self.start(Program(
            ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups",
             "--inh-caps", "-all,+net_bind_service", "--ambient-caps", "-all,+net_bind_service",
             BINARY, "serve", "--config", path], self.directory, "capability"))
        self.wait_for_answer(server, 53, "127.0.0.62")
        with open(f"/proc/{server.process.pid}/status") as f:
            status = dict(line.split(":", 1) for line in f)
        self.assertEqual(status["Uid"].split(), [str(NOBODY)] * 4)
        self.assertEqual(int(status["CapEff"], 16), 1 << 10, "CAP_NET_BIND_SERVICE and nothing else")

    def test_healthcheck_is_a_query_over_the_wire(self):
        server = self.start(Rampart(self.directory, base_config(self.knot.port)))
        check = [BINARY, "healthcheck", "-p", str(server.port)]
        self.assertEqual(subprocess.run(check, timeout=20).returncode, 0)
        server.signal(signal.SIGSTOP)  # it has its port, but answers nobody
        try:
            self.assertNotEqual(subprocess.run(check, timeout=20, capture_output=True).returncode, 0)
        finally:
            server.signal(signal.SIGCONT)


class Move(E2eTest):
    """An address that a reload takes away, while queries are in flight all the time."""

    def test_a_removed_address_is_given_back_under_traffic_and_may_return(self):
        upstream = self.start(SlowUpstream(0.5))
        config = base_config(upstream.port).replace("upstreams:", "workers: 1\nupstreams:\n  timeout: 5s")
        server = self.start(Rampart(self.directory, config))
        second = free_port()
        alone = server.config_path.read_text()
        both = alone.replace(f"127.0.0.1:{server.port}", f"127.0.0.1:{server.port},127.0.0.1:{second}")
        stop = threading.Event()
        self.addCleanup(stop.set)

        def keep_busy():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                for number in itertools.count():
                    question = dns.message.make_query(f"slow{number}.example.org", "A").to_wire()
                    client.sendto(question, ("127.0.0.1", server.port))
                    if stop.wait(0.1):
                        return
        threading.Thread(target=keep_busy, daemon=True).start()

        def reload(text):
            server.config_path.write_text(text)
            server.signal(signal.SIGHUP)

        def second_answers():
            return query(second, "www.example.org", timeout=0.3).answer

        def second_is_free():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind(("127.0.0.1", second))  # fails while the server holds it
            return True

        reload(both)
        wait_for(second_answers, "the added address answers")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(10)
            client.sendto(dns.message.make_query("slow.example.org", "A").to_wire(), ("127.0.0.1", second))
            wait_for(lambda: "slow.example.org." in upstream.asked, "the query is in flight")
            reload(alone)
            self.assertEqual(addresses(dns.message.from_wire(client.recv(4096))), ["192.0.2.1"])
        wait_for(second_is_free, "the removed address is given back")
        reload(both)
        wait_for(second_answers, f"the address answers again: {server.log}")


class Leave(E2eTest):
    def serve(self, delay):
        self.upstream = self.start(SlowUpstream(delay))
        config = base_config(self.upstream.port).replace("upstreams:", "upstreams:\n  timeout: 20s")
        return self.start(Rampart(self.directory, config))

    def test_queries_in_flight_are_answered_before_it_ends(self):
        server = self.serve(delay=1.0)
        answers = {}

        def ask(name, tcp):
            answers[name] = addresses(server.query(name, tcp=tcp, timeout=10))
        clients = [threading.Thread(target=ask, args=(f"slow{i}.example.org", i % 2 == 1)) for i in range(10)]
        for client in clients:
            client.start()
        wait_for(lambda: sum(name.startswith("slow") for name in self.upstream.asked) == 10, "all of them wait")
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        self.assertEqual(server.process.wait(10), 0)
        self.assertLess(time.monotonic() - began, 5.5)
        for client in clients:
            client.join()
        self.assertEqual(answers, {f"slow{i}.example.org": ["192.0.2.1"] for i in range(10)})

    def test_it_does_not_wait_longer_than_five_seconds(self):
        server = self.serve(delay=60)
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
            client.sendall(framed("slow.example.org") + framed("quick.example.org", identifier=2))
            self.assertEqual(read_message(client).id, 2)
            began = time.monotonic()
            server.signal(signal.SIGTERM)
            self.assertEqual(server.process.wait(15), 0)
            self.assertGreater(time.monotonic() - began, 4)
            self.assertLess(time.monotonic() - began, 8)


if __name__ == "__main__":
    unittest.main()
