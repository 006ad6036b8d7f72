"""Instances that share answers and the blocking switch over a real Redis, and what happens when Redis misbehaves."""
import base64
import json
import pathlib
import signal
import ssl
import subprocess
import time

import dns.rcode

from harness import E2eTest, Knot, Program, Rampart, addresses, base_config, free_port, wait_for
from redis_world import (BLOCKING_CHANNEL, BLOCKING_KEY, CACHE_CHANNEL, STRANGER, Redis, answer_to, dropped, fetch, is_blocking,
                         metric, received)


class SharedState(E2eTest):
    def setUp(self):
        super().setUp()
        (pathlib.Path(self.directory) / "deny.txt").write_text("ads.example.org\n")
        self.knot = self.start(Knot(self.directory, ["*.example.org. 300 A 192.0.2.1", "ads.example.org. 300 A 192.0.2.66"]))
        self.redis = self.start(Redis(self.directory))

    def config(self, upstream=None, redis=""):
        return base_config(upstream or self.knot.port, f"""
blocking:
  denylists: {{ads: [{self.directory}/deny.txt]}}
  clientGroupsBlock: {{default: [ads]}}
prometheus: {{enable: true}}
redis: {{address: '127.0.0.1:{self.redis.port}' {redis}}}
""").replace("  dns: {dns}", "  dns: {dns}\n  http: {http}")

    def instance(self, **options):
        return self.start(Rampart(self.directory, self.config(**options)))

    def instance_without_upstream(self):
        """Answers only what others have told it: nothing listens at its upstream."""
        return self.instance(upstream=free_port())

    def wait_for_blocking(self, server, wanted, seconds):
        begin = time.monotonic()
        wait_for(lambda: is_blocking(server) == wanted, f"blocking is {wanted}\n{server.log}", seconds)
        return time.monotonic() - begin

    def assert_blocked(self, server, wanted):
        self.assertEqual(addresses(server.query("ads.example.org")) == ["0.0.0.0"], wanted)

    def test_answers_and_the_switch_reach_the_others_and_those_who_come_later(self):
        a, b = self.instance(), self.instance_without_upstream()
        self.assertEqual(b.query("www.example.org").rcode(), dns.rcode.SERVFAIL)
        self.assertEqual(addresses(a.query("www.example.org")), ["192.0.2.1"])
        wait_for(lambda: received(b, "stored") >= 1, "B takes over what A resolved\n" + b.log, 2)
        answer = b.query("WWW.example.org")
        self.assertEqual(addresses(answer), ["192.0.2.1"])
        self.assertLessEqual(answer.answer[0].ttl, 300)
        self.assertEqual(received(a, "stored"), 0, "an echo of its own")
        self.assertEqual(metric(b, "redis_published_total"), 0, "what came from others is not published again")

        self.assert_blocked(b, True)
        fetch(a, "/api/blocking/disable")
        print(f"\ndisabled on B {self.wait_for_blocking(b, False, 2):.2f} s after A", flush=True)
        self.assert_blocked(b, False)

        late = self.instance_without_upstream()
        self.assertFalse(is_blocking(late), "who starts later knows the switch from its first answer on\n" + late.log)
        self.assertEqual(addresses(late.query("www.example.org")), ["192.0.2.1"], "and the stored answers")
        fetch(late, "/api/blocking/enable")
        for other in (a, b):
            self.wait_for_blocking(other, True, 2)
        self.assert_blocked(b, True)

        self.assertEqual(fetch(a, "/api/cache/flush", "POST"), "")
        self.assertEqual(self.redis.command("KEYS", "blocky:cache:*"), b"*0\r\n")

    def test_a_reload_may_move_to_another_redis_with_a_password_and_another_database(self):
        a = self.instance()
        other = self.start(Redis(self.directory, arguments=("--requirepass", "secret"),
                                 login=(("AUTH", "secret"), ("SELECT", 3))))
        a.write(self.config(redis=", password: secret, database: 3").replace(str(self.redis.port), str(other.port)))
        a.signal(signal.SIGHUP)
        wait_for(lambda: metric(a, "redis_connects_total") == 2, "A joins the other Redis\n" + a.log)
        a.query("www.example.org")
        wait_for(lambda: other.command("EXISTS", b"blocky:cache:\0\x01www.example.org") == b":1\r\n", "the answer is there", 3)
        self.assertEqual(self.redis.command("EXISTS", b"blocky:cache:\0\x01www.example.org"), b":0\r\n")

    def test_a_killed_redis_harms_nobody_and_a_change_meanwhile_arrives_after_it_is_back(self):
        a, b = self.instance(), self.instance_without_upstream()
        a.query("www.example.org")
        wait_for(lambda: received(b, "stored") >= 1, "B takes over what A resolved", 2)
        self.redis.process.kill()
        self.redis.process.wait()
        for server in (a, b):
            wait_for(lambda: metric(server, "redis_up") == 0, "the loss is noticed", 3)
        fetch(a, "/api/blocking/disable")
        for i in range(50):
            self.assertEqual(addresses(a.query(f"host{i}.example.org", timeout=1)), ["192.0.2.1"])
            self.assertEqual(addresses(b.query("www.example.org", timeout=1)), ["192.0.2.1"])
            self.assert_blocked(b, True)
        begin = time.monotonic()
        self.redis = self.start(Redis(self.directory, self.redis.port))
        wait_for(lambda: metric(a, "redis_up") == 1 and metric(b, "redis_up") == 1, "both come back", 5)
        joined = time.monotonic() - begin
        late = self.wait_for_blocking(b, False, 2)
        print(f"\nboth joined {joined:.2f} s after Redis was started; the change is on B {late:.2f} s after that", flush=True)
        wait_for(lambda: addresses(b.query("host49.example.org", timeout=1)) == ["192.0.2.1"], "what waited arrives too", 3)
        for server in (a, b):
            self.assertEqual(server.stop(), 0)

    def test_a_stopped_redis_delays_no_answer(self):
        a, b = self.instance(), self.instance_without_upstream()
        a.query("www.example.org")
        wait_for(lambda: received(b, "stored") >= 1, "B takes over what A resolved", 2)
        self.redis.signal(signal.SIGSTOP)
        self.addCleanup(self.redis.signal, signal.SIGCONT)
        slowest, count, noticed = 0.0, 0, False
        end = time.monotonic() + 6
        while not noticed:
            self.assertLess(time.monotonic(), end, "a silent Redis is never noticed")
            for server, name in ((a, f"host{count}.example.org"), (b, "www.example.org")):
                begin = time.monotonic()
                self.assertEqual(addresses(server.query(name, timeout=1)), ["192.0.2.1"])
                slowest = max(slowest, time.monotonic() - begin)
            count += 1
            if count % 20 == 0:
                noticed = metric(a, "redis_up") == 0 and metric(b, "redis_up") == 0
        begin = time.monotonic()
        fetch(a, "/api/blocking/disable")
        self.assertLess(time.monotonic() - begin, 0.5, "the switch waits for Redis")
        print(f"\n{2 * count} queries with Redis stopped, the slowest took {slowest * 1000:.1f} ms", flush=True)
        self.redis.signal(signal.SIGCONT)
        wait_for(lambda: metric(a, "redis_up") == 1 and metric(b, "redis_up") == 1, "both come back", 5)
        self.wait_for_blocking(b, False, 2)

    def publish_entry(self, name, message):
        key = b"\0\x01" + name.encode()
        self.redis.command("SET", b"blocky:cache:" + key, message, "EX", "60")
        entry = {"k": key.decode(), "d": base64.b64encode(message).decode()}
        self.redis.command("PUBLISH", CACHE_CHANNEL, json.dumps({"e": [entry], "c": STRANGER}))

    def test_nonsense_in_redis_is_counted_and_breaks_nothing(self):
        a, b = self.instance(), self.instance()
        nonsense = (b"", b"\xff\0\xfe", b"[" * 100_000, b'{"e":[]}', b'{"e":{"k":1},"c":2}')
        for payload in nonsense:
            self.redis.command("PUBLISH", CACHE_CHANNEL, payload)
            self.redis.command("PUBLISH", BLOCKING_CHANNEL, payload)
        self.redis.command("PUBLISH", CACHE_CHANNEL, '{"e":[{"k":"x"},{"d":"?"}],"c":"u"}')
        wait_for(lambda: dropped(b, "bad_message") == 2 * len(nonsense), "bad messages are counted", 3)
        wait_for(lambda: dropped(b, "bad_entry") == 2, "bad entries are counted", 3)
        self.publish_entry("short.example.org", b"\1\2\3")
        self.publish_entry("other.example.org", answer_to("evil.example.org", ("evil.example.org", "A", "203.0.113.9")))
        self.publish_entry("fail.example.org", answer_to("fail.example.org", rcode=dns.rcode.SERVFAIL))
        for outcome in ("malformed", "wrong_question", "unusable"):
            wait_for(lambda: received(b, outcome) == 1, f"{outcome} is counted", 3)
        for name in ("short", "other", "fail"):
            self.assertEqual(addresses(b.query(name + ".example.org")), ["192.0.2.1"])
        # A lawful answer that leads to a blocked name is blocked, as if an upstream had given it.
        alias = (("alias.example.org", "CNAME", "ads.example.org."), ("ads.example.org", "A", "192.0.2.66"))
        self.publish_entry("alias.example.org", answer_to("alias.example.org", *alias))
        wait_for(lambda: received(b, "stored") == 1, "it is taken over", 3)
        self.assertEqual(addresses(b.query("alias.example.org")), ["0.0.0.0"])

        # Stamped a day ahead: nobody's clock drifts so far.
        ahead = f"{int((time.time() + 86400) * 1000):012x}"
        self.redis.command("PUBLISH", BLOCKING_CHANNEL, json.dumps(
            {"s": {"enabled": False}, "c": f"{ahead[:8]}-{ahead[8:]}-8abc-8abc-0123456789ab"}))
        wait_for(lambda: metric(b, "redis_blocking_rejected_total") == 1, "a change from the future is refused", 3)
        self.assertTrue(is_blocking(b))

        self.redis.command("LPUSH", BLOCKING_KEY, "x")
        self.redis.command("LPUSH", b"blocky:cache:\0\x01list.example.org", "x")
        late = self.instance()
        wait_for(lambda: dropped(late, "bad_entry") >= 1, "a stored value of another type is counted", 3)
        self.assertTrue(is_blocking(late))
        fetch(a, "/api/blocking/disable")
        for other in (b, late):
            self.wait_for_blocking(other, False, 2)
        self.redis.command("DEL", BLOCKING_KEY)
        self.redis.command("LPUSH", BLOCKING_KEY, "x")
        wait_for(lambda: self.redis.command("TYPE", BLOCKING_KEY) == b"+string\r\n", "the stored switch is repaired", 3)
        # Blocky's message has no time of its own: it is a change of this moment.
        self.redis.command("PUBLISH", BLOCKING_CHANNEL, json.dumps({"s": {"enabled": True}, "c": STRANGER}))
        for other in (a, b, late):
            self.wait_for_blocking(other, True, 2)

    def test_a_start_without_redis_fails_only_where_it_is_required(self):
        self.redis.stop()
        strict = self.start(Rampart(self.directory, self.config(redis=", required: true"), wait=False))
        self.assertNotEqual(strict.process.wait(15), 0)
        self.assertRegex(strict.log, r"redis: redis\.required is true, and Redis was away in 4 attempts "
                                     rf"\(redis\.connectionAttempts\): 127\.0\.0\.1:{self.redis.port}: Connection refused")
        server = self.instance()
        self.assertEqual(addresses(server.query("www.example.org")), ["192.0.2.1"])
        self.assertEqual(metric(server, "redis_up"), 0)
        self.assertIn("is away: nothing is shared until it is back", server.log)

    def test_a_full_redis_is_counted_and_harms_no_answer(self):
        a, b = self.instance(), self.instance()
        self.redis.command("CONFIG", "SET", "maxmemory", "1")
        self.assertEqual(addresses(a.query("www.example.org")), ["192.0.2.1"])
        wait_for(lambda: metric(a, "redis_refused_total") >= 1, "the refusal is counted", 3)
        self.assertIn("refuses what we share", a.log)
        self.assertEqual(addresses(b.query("www.example.org")), ["192.0.2.1"])
        self.redis.command("CONFIG", "SET", "maxmemory", "0")
        a.query("next.example.org")
        wait_for(lambda: received(b, "stored") >= 1, "it is used again\n" + a.log, 3)

    def test_tls_checks_the_certificates_name(self):
        cert, key = f"{self.directory}/redis.crt", f"{self.directory}/redis.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "30", "-subj", "/CN=redis.test", "-addext", "subjectAltName=DNS:redis.test", "-out", cert, "-keyout",
                        key], check=True, capture_output=True)
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        self.redis = self.start(Redis(self.directory, tls=trusting, arguments=(
            "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no")))
        tls = f", tls: {{enable: true, caFile: {cert}, serverName: %s}}"
        right = self.instance(redis=tls % "redis.test")
        self.assertEqual(metric(right, "redis_up"), 1, right.log)
        right.query("www.example.org")
        wait_for(lambda: metric(right, "redis_published_total") >= 1, "it publishes", 3)
        wrong = self.instance(redis=tls % "another.test")
        self.assertEqual(metric(wrong, "redis_up"), 0)
        self.assertIn("certificate verify failed", wrong.log)

    def test_sentinels_tell_where_the_master_is(self):
        port = free_port()
        conf = pathlib.Path(self.directory) / "sentinel.conf"
        conf.write_text(f"port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {self.redis.port} 1\n")
        self.start(Program(["redis-sentinel", str(conf)], self.directory, "sentinel"))
        address = f"'127.0.0.1:{self.redis.port}'"
        config = self.config(redis=f", sentinelAddresses: ['127.0.0.1:{free_port()}', '127.0.0.1:{port}']")
        a = self.start(Rampart(self.directory, config.replace(address, "main")))
        wait_for(lambda: metric(a, "redis_up") == 1, "it finds the master past a sentinel that is away\n" + a.log, 5)
        self.assertIn(f"127.0.0.1:{self.redis.port}", a.log)
