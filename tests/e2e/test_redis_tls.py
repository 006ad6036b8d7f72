"""TLS with client certificates, to Redis and to sentinels; and a Unix socket, a user of one's own."""
import pathlib
import ssl
import unittest

import redis_sentinels
from harness import E2eTest, Knot, wait_for
from redis_outage import RedisOutageTest
from redis_world import Redis, Sharer, fetch, is_joined, make_certificates, metric


class SentinelsOverTls(RedisOutageTest):
    world_options = {"sizes": (2,), "group_type": redis_sentinels.TlsSentinelGroup}

    def test_master_killed(self):
        self.play(redis_sentinels.master_killed)


class Login(E2eTest):
    def setUp(self):
        super().setUp()
        self.denylist = pathlib.Path(self.directory) / "deny.txt"
        self.denylist.write_text("ads.example.org\n")
        self.knot = self.start(Knot(self.directory, ["*.example.org. 300 A 192.0.2.1"]))

    def sharer(self, redis, **options):
        return self.start(Sharer(self.directory, self.knot.port, self.denylist, self.denylist, redis, **options))

    def assert_publishes(self, server, redis):
        self.assertTrue(is_joined(server), server.log)
        server.query("www.example.org")
        wait_for(lambda: metric(server, "redis_published_total") >= 1, "it publishes", 3)
        self.assertEqual(redis.command("EXISTS", b"blocky:cache:\0\x01www.example.org"), b":1\r\n")
        self.assertEqual(metric(server, "redis_refused_total"), 0, server.log)

    def test_a_client_certificate_is_shown_and_missed(self):
        make_certificates(self.directory, "redis", "rampart")
        tls = ssl.create_default_context(cafile=f"{self.directory}/ca.crt")
        tls.check_hostname = False
        tls.load_cert_chain(f"{self.directory}/rampart.crt", f"{self.directory}/rampart.key")
        redis = self.start(Redis(self.directory, tls=tls, arguments=(
            "--tls-cert-file", f"{self.directory}/redis.crt", "--tls-key-file", f"{self.directory}/redis.key",
            "--tls-ca-cert-file", f"{self.directory}/ca.crt", "--tls-auth-clients", "yes")))
        common = f"address: '127.0.0.1:{redis.port}', tls: {{enable: true, serverName: redis.test, caFile: {self.directory}/ca.crt"
        files = f", certFile: {self.directory}/rampart.crt, keyFile: {self.directory}/rampart.key"
        self.assert_publishes(self.sharer(f"{{{common}{files}}}}}"), redis)
        without = self.sharer(f"{{{common}}}}}")
        self.assertFalse(is_joined(without))
        self.assertIn("is away: nothing is shared until it is back", without.log)
        # An attempt may see the connection end before it reads why; the next one reads it.
        wait_for(lambda: "certificate required" in fetch(without, "/readyz"), "the reason is told", 10)

    def test_a_certificate_file_that_cannot_be_read_ends_the_start_with_its_name(self):
        text = f"{{address: '127.0.0.1:1', tls: {{enable: true, certFile: {self.directory}/none.crt, keyFile: {self.directory}/none.key}}}}"
        server = self.sharer(text, wait=False)
        self.assertNotEqual(server.process.wait(15), 0)
        self.assertIn(f"redis.tls.certFile '{self.directory}/none.crt'", server.log)

    def test_a_unix_socket_and_a_user_with_the_least_rights(self):
        path = f"{self.directory}/redis.sock"
        redis = self.start(Redis(self.directory, login=(("AUTH", "admin", "admin"), ("SELECT", 3)), arguments=(
            "--unixsocket", path, *redis_sentinels.user_arguments())))
        login = "username: rampart, password: ours, database: 3"
        self.assert_publishes(self.sharer(f"{{address: {path}, {login}}}"), redis)
        wrong = self.sharer(f"{{address: {path}, username: rampart, password: wrong}}")
        self.assertFalse(is_joined(wrong))
        self.assertIn("AUTH refused: WRONGPASS", wrong.log)
        nobody = self.sharer(f"{{address: {path}}}")
        self.assertFalse(is_joined(nobody))
        self.assertIn("NOAUTH", nobody.log)
        strict = self.sharer(f"{{address: {path}, username: rampart, password: wrong, required: true, connectionAttempts: -1}}", wait=False)
        self.assertNotEqual(strict.process.wait(15), 0)
        self.assertRegex(strict.log, r"redis\.required is true, and Redis was away in 1 attempts .*WRONGPASS")


if __name__ == "__main__":
    unittest.main()
