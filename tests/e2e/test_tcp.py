"""DNS over TCP as RFC 7766 and RFC 7828 want it: many queries at once, answers in any order, and bounds for clients
that are slow, idle, too many or gone."""
import contextlib
import select
import signal
import socket
import struct
import threading
import time
import unittest

import dns.edns
import dns.message
import dns.rcode
import dns.rrset

from harness import E2eTest, Rampart, base_config, wait_for


class SlowUpstream:
    """Answers names that begin with `slow` after a while, those that begin with `never` not at all, others at once."""

    def __init__(self, delay):
        self.delay = delay
        self.asked = set()  # names, lower-cased
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                wire, client = self.socket.recvfrom(4096)
                first_label = wire[13:13 + wire[12]].decode().lower()
                if first_label.startswith("never"):
                    self.asked.add(first_label)
                    continue
                query = dns.message.from_wire(wire)
                name = query.question[0].name.to_text()
                self.asked.add(name.lower())
                answer = dns.message.make_response(query)
                big = [f"{number:02}{'x' * 200}" for number in range(15)]  # 3 KiB
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *big)
                                     if name.lower().startswith("big") else
                                     dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.1"))
                wait = self.delay if name.lower().startswith("slow") else 0
                threading.Timer(wait, self.send, (answer.to_wire(max_size=65535), client)).start()

    def send(self, wire, client):
        with contextlib.suppress(OSError):
            self.socket.sendto(wire, client)

    def stop(self):
        self.socket.close()


def framed(name, rdtype="A", identifier=1, **options):
    message = dns.message.make_query(name, rdtype, **options)
    message.id = identifier
    wire = message.to_wire()
    return struct.pack("!H", len(wire)) + wire


def read_exactly(connection, count):
    octets = b""
    while len(octets) < count:
        more = connection.recv(count - len(octets))
        if not more:
            raise EOFError(f"closed after {len(octets)} of {count} octets")
        octets += more
    return octets


def read_message(connection):
    (length,) = struct.unpack("!H", read_exactly(connection, 2))
    return dns.message.from_wire(read_exactly(connection, length))


def is_closed(connection, seconds):
    connection.settimeout(seconds)
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


class Tcp(E2eTest):
    def serve(self, tcp="", extra="", delay=0.5, timeout="2s"):
        self.upstream = self.start(SlowUpstream(delay))
        config = base_config(self.upstream.port, f"tcp: {{{tcp}}}\n{extra}")
        config = config.replace("upstreams:\n", f"upstreams:\n  timeout: {timeout}\n")
        self.server = self.start(Rampart(self.directory, config))

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.server.port), timeout=10)
        self.addCleanup(connection.close)
        return connection

    def test_answers_come_as_they_become_ready(self):
        self.serve()
        connection = self.connect()
        connection.sendall(framed("slow.example.org", identifier=1) + framed("quick.example.org", identifier=2))
        self.assertEqual([read_message(connection).id, read_message(connection).id], [2, 1])

    def test_a_message_may_come_in_pieces(self):
        self.serve()
        connection = self.connect()
        for octet in framed("pieces.example.org"):
            connection.sendall(bytes([octet]))
        self.assertEqual(len(read_message(connection).answer), 1)

    def test_a_client_that_has_said_all_still_gets_its_answer(self):
        self.serve()
        connection = self.connect()
        connection.sendall(framed("slow.example.org"))
        connection.shutdown(socket.SHUT_WR)
        self.assertEqual(len(read_message(connection).answer), 1)
        self.assertTrue(is_closed(connection, 5), "and nothing more is waited for")

    def test_the_idle_are_sent_away(self):
        self.serve("idleTimeout: 300ms")
        silent, half, busy = self.connect(), self.connect(), self.connect()
        half.sendall(framed("half.example.org")[:7])  # begins, and never goes on
        for _ in range(6):  # who asks stays
            busy.sendall(framed("busy.example.org"))
            self.assertEqual(len(read_message(busy).answer), 1)
            time.sleep(0.1)
        self.assertTrue(is_closed(silent, 5))
        self.assertTrue(is_closed(half, 5))

    def test_waiting_for_an_upstream_is_not_idle(self):
        self.serve("idleTimeout: 200ms", delay=0.8)
        connection = self.connect()
        connection.sendall(framed("slow.example.org"))
        self.assertEqual(len(read_message(connection).answer), 1)

    def test_no_connection_is_for_ever(self):
        self.serve("totalTimeout: 700ms")
        connection = self.connect()
        began = time.monotonic()
        with self.assertRaises((EOFError, ConnectionError)):
            while time.monotonic() - began < 10:
                connection.sendall(framed("busy.example.org"))
                read_message(connection)
        self.assertGreater(time.monotonic() - began, 0.6)

    def test_connections_are_limited_in_all(self):
        self.serve("maxConnections: 4")
        kept = [self.connect() for _ in range(4)]
        for connection in kept:
            connection.sendall(framed("kept.example.org"))
            self.assertEqual(len(read_message(connection).answer), 1)
        self.assertTrue(is_closed(self.connect(), 5))
        kept[0].close()

        def admitted():
            connection = self.connect()
            connection.sendall(framed("next.example.org"))
            return read_message(connection).answer
        wait_for(admitted, "a place became free")

    def test_connections_are_limited_for_each_client(self):
        self.serve("maxConnectionsPerClient: 2")
        kept = [self.connect() for _ in range(2)]
        for connection in kept:
            connection.sendall(framed("kept.example.org"))
            self.assertEqual(len(read_message(connection).answer), 1)
        self.assertTrue(is_closed(self.connect(), 5))
        other = socket.create_connection(("127.0.0.1", self.server.port), 10, source_address=("127.0.0.2", 0))
        self.addCleanup(other.close)
        other.sendall(framed("other.example.org"))
        self.assertEqual(len(read_message(other).answer), 1)

    def test_who_does_not_read_is_cut_off(self):
        self.serve(extra="caching: {minTime: 1m}")
        self.fill_cache()
        connection = self.connect()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(20)
        with self.assertRaises((ConnectionError, TimeoutError)) as cut:
            for _ in range(100000):  # 300 MB of answers, if anybody took them
                connection.sendall(framed("big.example.org", "TXT"))
        self.assertIsInstance(cut.exception, ConnectionError, "the server still takes queries")
        self.assertEqual(len(self.server.query("www.example.org").answer), 1)

    def fill_cache(self):
        (records,) = self.server.query("big.example.org", "TXT", tcp=True).answer
        self.assertEqual(len(records), 15)

    def test_many_large_answers_at_once_are_no_reason_to_be_cut_off(self):
        self.serve(extra="caching: {minTime: 1m}")
        self.fill_cache()
        connection = self.connect()
        connection.sendall(b"".join(framed("big.example.org", "TXT", identifier=i) for i in range(2000)))  # 6 MB
        self.assertEqual([read_message(connection).id for _ in range(2000)], list(range(2000)))

    def test_more_queries_than_may_wait_are_read_later_and_none_is_lost(self):
        self.serve("maxPipelined: 8", delay=0.05)
        connection = self.connect()
        connection.sendall(b"".join(framed(f"slow{i}.example.org", identifier=i) for i in range(100)))
        self.assertEqual({read_message(connection).id for _ in range(100)}, set(range(100)))

    def test_garbage_ends_the_connection_and_nothing_else(self):
        self.serve()
        connection = self.connect()
        response = bytearray(framed("www.example.org"))
        response[4] |= 0x80  # QR: who sends responses is no client
        connection.sendall(bytes(response))
        self.assertTrue(is_closed(connection, 5))
        self.assertEqual(len(self.server.query("www.example.org", tcp=True).answer), 1)

    def fill_upstream_slots(self):
        """Until the worker has no more (8192 questions in flight); from many clients, as few of them may not take all.
        They are held for six seconds each."""
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(600)]
            for number, client in enumerate(clients):
                client.bind((f"127.0.{3 + number // 200}.{1 + number % 200}", 0))
            queries = [framed(f"never{number}.example.org")[2:] for number in range(8192 + 512)]
            for number, query in enumerate(queries):
                clients[number % len(clients)].sendto(query, ("127.0.0.1", self.server.port))
                if number % 256 == 255:  # as fast as the server takes them
                    behind = f"never{min(number, 8100) - 255}"
                    wait_for(lambda: behind in self.upstream.asked, f"{behind} arrives", pause=0.002)
            wait_for(lambda: select.select(clients, [], [], 0)[0], "somebody is refused")

    def test_no_room_for_a_question_is_an_answer_as_any_other(self):
        """The forwarder then answers before it returns: between the queries of one segment, while others wait."""
        for joined in (1, 100):
            with self.subTest(joined=joined):
                self.serve(extra="workers: 1", timeout="6s")
                self.fill_upstream_slots()
                connection = self.connect()
                joining = [framed(f"never{8000 + number}.example.org", identifier=number) for number in range(joined)]
                fresh = [framed(f"fresh{number}.example.org", identifier=1000 + number) for number in range(20)]
                connection.sendall(b"".join(joining + fresh))
                answers = [read_message(connection) for _ in range(joined + 20)]
                self.assertEqual(sorted(a.id for a in answers), [*range(joined), *range(1000, 1020)])
                refused = [a for a in answers if a.id >= 1000 and a.rcode() == dns.rcode.SERVFAIL]
                self.assertTrue(refused, "there was room after all: the test has not tried what it is for")
                self.assertTrue(self.server.running())

    def test_who_stops_answers_what_it_has_and_reads_no_more(self):
        self.serve()
        busy, idle = self.connect(), self.connect()
        idle.sendall(framed("idle.example.org"))
        self.assertEqual(len(read_message(idle).answer), 1)
        busy.sendall(framed("slow.example.org", identifier=1))
        wait_for(lambda: "slow.example.org." in self.upstream.asked, "the query waits for its answer")
        self.server.signal(signal.SIGTERM)
        self.assertTrue(is_closed(idle, 5))
        with contextlib.suppress(ConnectionError):
            busy.sendall(framed("later.example.org", identifier=2))
        busy.settimeout(10)
        answer = read_message(busy)
        self.assertEqual((answer.id, len(answer.answer)), (1, 1))
        self.assertTrue(is_closed(busy, 2), "and nothing behind it")
        self.assertEqual(self.server.process.wait(4), 0)
        self.assertNotIn("later.example.org.", self.upstream.asked)

    def keepalive(self, message):
        return [option for option in message.options if option.otype == 11]

    def test_keepalive_tells_the_idle_timeout_to_who_asks(self):
        self.serve("idleTimeout: 7s")
        ask = {"use_edns": 0, "options": [dns.edns.GenericOption(11, b"")]}
        connection = self.connect()
        for name in ("quick.example.org", "quick.example.org", "slow.example.org"):  # forwarded, cached, late
            connection.sendall(framed(name, **ask))
            (option,) = self.keepalive(read_message(connection))
            self.assertEqual(option.to_wire(), struct.pack("!H", 70))
        connection.sendall(framed("quick.example.org", use_edns=0))
        self.assertEqual(self.keepalive(read_message(connection)), [])
        over_udp = self.server.query("quick.example.org", **ask)
        self.assertEqual(self.keepalive(over_udp), [], "RFC 7828 3.2.1: never over UDP")


if __name__ == "__main__":
    unittest.main()
