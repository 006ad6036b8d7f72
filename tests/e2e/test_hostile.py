"""Damaged messages at the real server: whatever comes, it goes on answering, over UDP and over TCP."""
import os
import pathlib
import random
import socket
import struct
import unittest

from harness import E2eTest, Knot, Rampart, addresses, base_config, wait_for

CORPUS = pathlib.Path(__file__).resolve().parents[1] / "data/fuzz"
MESSAGES = 40_000
BLOCKING = """
blocking:
  denylists: {ads: ["ads.example.org\\n*.tracker.example\\n"]}
  clientGroupsBlock: {default: [ads]}
"""


def mutate(message, draw):
    octets = bytearray(message)
    for _ in range(draw.randrange(1, 5)):
        kind = draw.randrange(4)
        at = draw.randrange(len(octets)) if octets else 0
        if kind == 0 and octets:
            octets[at] ^= 1 << draw.randrange(8)
        elif kind == 1 and octets:
            octets[at] = draw.choice((0, 0x3f, 0x40, 0x80, 0xc0, 0xff))
        elif kind == 2:
            del octets[at:]
        else:
            octets[at:at] = draw.randbytes(draw.randrange(1, 40))
    return bytes(octets)


class Hostile(E2eTest):
    def setUp(self):
        super().setUp()
        knot = self.start(Knot(self.directory, ["*.example.org. 300 A 192.0.2.1"]))
        self.server = self.start(Rampart(self.directory, base_config(knot.port, BLOCKING)))
        self.seed = int(os.environ.get("RAMPART_TEST_SEED", random.randrange(1 << 32)))
        print(f"seed {self.seed}")
        self.draw = random.Random(self.seed)
        self.corpus = [path.read_bytes() for folder in ("answer", "query", "message")
                       for path in sorted((CORPUS / folder).glob("*.bin"))]

    def check_that_it_still_answers(self):
        number = self.draw.randrange(1 << 30)
        for tcp in (False, True):
            wait_for(lambda: addresses(self.server.query(f"n{number}.example.org", tcp=tcp)) == ["192.0.2.1"],
                     f"an answer from upstream; seed {self.seed}; {self.server.log[-2000:]}")
            self.assertEqual(addresses(self.server.query("ads.example.org", tcp=tcp)), ["0.0.0.0"])

    def test_over_udp(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", self.server.port))
            for number in range(MESSAGES):
                client.send(mutate(self.draw.choice(self.corpus), self.draw)[:4096])
                if number % 8000 == 0:
                    self.check_that_it_still_answers()
        self.check_that_it_still_answers()

    def test_over_tcp(self):
        for number in range(400):
            with socket.create_connection(("127.0.0.1", self.server.port), timeout=5) as client:
                for _ in range(20):
                    message = mutate(self.draw.choice(self.corpus), self.draw)
                    claimed = len(message) if self.draw.randrange(8) else self.draw.randrange(65536)
                    try:
                        client.sendall(struct.pack("!H", claimed) + message)
                    except ConnectionError:
                        break  # it has heard enough from us
            if number % 100 == 0:
                self.check_that_it_still_answers()
        self.check_that_it_still_answers()


if __name__ == "__main__":
    unittest.main()
