"""What the tests of client names share: a server, what it blocks for whom, and clients, which are addresses of
127.0.0.0/8 from which the test asks."""
import http.client
import json
import re

import dns.message
import dns.query

from harness import E2eTest, Knot, Rampart, addresses

NAMES = """*.example.org. 300 A 192.0.2.1
pc.example.org. 10 A 127.0.0.20""".split("\n")

# The shortest TTL that is honoured is 10 s.
REVERSE = """7.0.0.127.in-addr.arpa. 10 PTR Tablet-7.lan.
8.0.0.127.in-addr.arpa. 300 PTR first.lan.
8.0.0.127.in-addr.arpa. 300 PTR second.lan.
9.0.0.127.in-addr.arpa. 300 PTR tablet-9.lan.""".split("\n")


def config(upstream, lookup="", extra=""):
    return f"""
upstreams: {{groups: {{default: ['127.0.0.1:{upstream}']}}}}
ports: {{dns: '{{dns}}', http: '{{http}}'}}
queryLog: {{type: console, flushInterval: 100ms}}
statistics: {{enable: true}}
prometheus: {{enable: true}}
clientLookup:
  clients: {{fixed: [127.0.0.9]}}
{lookup}
blocking:
  blockType: zeroIP
  denylists:
    everyone: ['x.txt']
    tablets: ['tablets.txt']
    host: ['host.txt']
    told: ['told.txt']
  clientGroupsBlock:
    default: [everyone]
    tablet-*: [tablets]
    fixed: [everyone]
    pc.example.org: [host]
    'my phone': [told]
{extra}
"""


class NamesCase(E2eTest):
    def setUp(self):
        super().setUp()
        self.upstream = self.start(Knot(self.directory, NAMES))

    def serve(self, lookup="", extra=""):
        for name, words in {"x": "everyone.example.org", "tablets": "tablets.example.org", "host": "host.example.org",
                            "told": "told.example.org"}.items():
            with open(f"{self.directory}/{name}.txt", "w", encoding="ascii") as file:
                file.write(words + "\n")
        self.server = self.start(Rampart(self.directory, config(self.upstream.port, lookup, extra)))

    def ask(self, client, name, timeout=3.0):
        message = dns.message.make_query(name, "A")
        return dns.query.udp(message, "127.0.0.1", port=self.server.port, timeout=timeout, source=client)

    def is_blocked(self, client, name):
        return addresses(self.ask(client, name)) == ["0.0.0.0"]

    def api(self, target, method="GET", body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.http_port, timeout=10)
        try:
            connection.request(method, target, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def explain(self, client, name="www.example.org"):
        status, body = self.api(f"/api/explain?name={name}&client={client}")
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def metric(self, pattern):
        _, body = self.api("/metrics")
        found = re.search(pattern + r" (\d+)", body.decode())
        self.assertIsNotNone(found, pattern)
        return int(found.group(1))

    def logged_names(self, client, name):
        """Client names in the console lines of the query log about this client and name."""
        lines = [line for line in self.server.log.splitlines()
                 if "query resolved" in line and f"client_ip={client}  " in line and name in line]
        return [re.search(r"client_names=(.*?)  \w+=", line).group(1) for line in lines]


class ReverseCase(NamesCase):
    def setUp(self):
        super().setUp()
        self.reverse = self.start(Knot(self.directory, REVERSE))
