"""A balancer before DNS over TCP: PROXY headers name the client, and whoever sends none, or a bad one, is cut off."""
import socket
import struct
import urllib.request

import dns.message

from harness import E2eTest, Knot, Rampart, addresses, base_config, query, wait_for


def read_message(tcp):
    def exactly(count):
        got = b""
        while len(got) < count:
            piece = tcp.recv(count - len(got))
            if not piece:
                raise ConnectionError("closed")
            got += piece
        return got
    return dns.message.from_wire(exactly(struct.unpack("!H", exactly(2))[0]))


def framed(name):
    wire = dns.message.make_query(name, "A").to_wire()
    return struct.pack("!H", len(wire)) + wire


def version_2(source, family=socket.AF_INET, command=0x21):
    addresses_of = socket.inet_pton(family, source) + socket.inet_pton(family, "::1" if family == socket.AF_INET6 else "127.0.0.1")
    body = addresses_of + struct.pack("!HH", 4711, 53)
    kind = 0x21 if family == socket.AF_INET6 else 0x11
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", command, kind, len(body)) + body


class ProxyProtocol(E2eTest):
    def setUp(self):
        super().setUp()
        self.knot = self.start(Knot(self.directory, ["*.example.org. 300 A 192.0.2.1"]))

    def server(self, extra="", tcp=""):
        config = base_config(self.knot.port, f"""
blocking:
  denylists: {{ads: ["ads.example.org\\n"]}}
  clientGroupsBlock: {{203.0.113.7: [ads], "2001:db8::7": [ads]}}
prometheus: {{enable: true}}
tcp: {{{tcp}idleTimeout: 2s}}
{extra}
""").replace("  dns: {dns}", "  dns: {dns}\n  http: {http}\n  proxyProtocol: [dns]")
        server = self.start(Rampart(self.directory, config))
        server.source = config
        return server

    def connect(self, server, *pieces):
        tcp = socket.create_connection(("127.0.0.1", server.port), 5)
        self.addCleanup(tcp.close)
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            tcp.sendall(piece)
        return tcp

    def metric(self, server, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}/metrics", timeout=5) as response:
            return next(float(line.split()[1]) for line in response.read().decode().splitlines() if line.startswith(f"rampart_{name} "))

    def test_the_header_says_who_asks(self):
        server = self.server()
        for header, blocked in ((b"PROXY TCP4 203.0.113.7 127.0.0.1 4711 53\r\n", True),
                                (b"PROXY TCP4 203.0.113.8 127.0.0.1 4711 53\r\n", False),
                                (b"PROXY UNKNOWN\r\n", False),
                                (version_2("203.0.113.7"), True),
                                (version_2("2001:db8::7", socket.AF_INET6), True),
                                (version_2("203.0.113.7", command=0x20), False)):  # LOCAL: the balancer itself
            with self.subTest(header):
                # One octet at a time, then with the query behind it in one piece, and a second query on the connection.
                for pieces in ([bytes([octet]) for octet in header] + [framed("ads.example.org")], [header + framed("ads.example.org")]):
                    tcp = self.connect(server, *pieces)
                    self.assertEqual(addresses(read_message(tcp)), ["0.0.0.0"] if blocked else ["192.0.2.1"])
                    tcp.sendall(framed("www.example.org"))
                    self.assertEqual(addresses(read_message(tcp)), ["192.0.2.1"])
        self.assertEqual(addresses(query(server.port, "www.example.org")), ["192.0.2.1"])  # UDP has no such header

    def test_without_a_valid_header_the_connection_ends(self):
        server = self.server()
        wrong = [framed("www.example.org"), b"PROXY TCP4 nonsense 127.0.0.1 1 2\r\n", b"PROXY TCP4 " + b"1" * 200,
                 b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0", version_2("203.0.113.7")[:14] + b"\xff\xff"]
        for octets in wrong:
            with self.subTest(octets):
                tcp = self.connect(server, octets)
                with self.assertRaises(OSError):
                    read_message(tcp)
        self.assertEqual(self.metric(server, "tcp_proxy_errors_total"), len(wrong))
        silent = self.connect(server, b"PROXY TCP4 203.0.1")  # and nothing more: the idle time ends it
        silent.settimeout(10)
        self.assertEqual(silent.recv(1), b"")

    def test_only_trusted_proxies_are_believed_where_they_are_named(self):
        server = self.server("trustedProxies: [192.0.2.0/24]")
        with self.assertRaises(OSError):
            read_message(self.connect(server, b"PROXY TCP4 203.0.113.7 127.0.0.1 4711 53\r\n", framed("www.example.org")))
        self.assertEqual(self.metric(server, "tcp_proxy_errors_total"), 1)
        server.write(server.source.replace("trustedProxies: [192.0.2.0/24]", "trustedProxies: [127.0.0.0/8]"))
        server.signal(1)

        def answers():
            tcp = self.connect(server, b"PROXY TCP4 203.0.113.7 127.0.0.1 4711 53\r\n", framed("ads.example.org"))
            return addresses(read_message(tcp)) == ["0.0.0.0"]
        wait_for(answers, "the reload is in force")

    def test_connections_are_counted_for_the_client_behind_the_proxy(self):
        server = self.server("workers: 1", "maxConnectionsPerClient: 2, ")

        def of(client):
            return self.connect(server, f"PROXY TCP4 {client} 127.0.0.1 4711 53\r\n".encode(), framed("www.example.org"))
        held = [of("203.0.113.1"), of("203.0.113.1"), of("203.0.113.2"), of("203.0.113.3")]
        for tcp in held:
            self.assertEqual(addresses(read_message(tcp)), ["192.0.2.1"])
        with self.assertRaises(OSError):
            read_message(of("203.0.113.1"))
        held[0].close()

        def has_room():
            try:
                return addresses(read_message(of("203.0.113.1"))) == ["192.0.2.1"]
            except OSError:
                return False
        wait_for(has_room, "the closed connection made room")

    def test_connections_whose_header_has_not_come_are_limited_too(self):
        server = self.server("workers: 1", "maxConnections: 2, ")
        silent = [self.connect(server), self.connect(server)]
        header_and_query = b"PROXY TCP4 203.0.113.1 127.0.0.1 4711 53\r\n" + framed("www.example.org")
        with self.assertRaises(OSError):
            read_message(self.connect(server, header_and_query))
        self.assertEqual(self.metric(server, "tcp_connections_rejected_total"), 1)
        for tcp in silent:
            tcp.sendall(header_and_query)
            self.assertEqual(addresses(read_message(tcp)), ["192.0.2.1"])


if __name__ == "__main__":
    import unittest
    unittest.main()
