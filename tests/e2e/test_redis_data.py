"""Rows of Redis's outage matrix (redis_rows.py): Redis is there but not as it should be; and that nothing echoes."""
import time
import unittest

import redis_rows
from harness import wait_for
from redis_outage import RedisOutageTest
from redis_world import Listener, metric, received


class RedisData(RedisOutageTest):
    def test_flapping(self):
        self.play(redis_rows.flapping)

    def test_full(self):
        self.play(redis_rows.full)

    def test_wrong_type(self):
        self.play(redis_rows.wrong_type)

    def test_flushed(self):
        self.play(redis_rows.flushed)

    def test_each_answer_and_each_switch_is_published_once(self):
        group = self.world.groups[-1]  # of three
        listener = Listener(group.redis)
        self.addCleanup(listener.close)
        names = {i: [group.name() for _ in range(40)] for i in range(group.size)}
        before = [received(s, "stored") for s in group.servers]
        for i, server in enumerate(group.servers):
            for name in names[i]:
                server.query(name)
        for i in range(6):
            group.switch(i % group.size, i % 2 == 1)
        wait_for(lambda: all(received(s, "stored") >= n + 80 for s, n in zip(group.servers, before)), "each has what both others resolved", 5)
        wait_for(lambda: group.agree(True), "all agree", 3)
        quiet_from = group.publishes()
        time.sleep(1.5)  # an echo would come within two batches, a repair within a heartbeat
        self.assertEqual(group.publishes(), quiet_from, "something goes on being published")
        heard = listener.answers()
        self.assertEqual(sorted(heard), sorted(name for each in names.values() for name in each))
        self.assertEqual(len(listener.switches()), 6)

    def test_a_healed_redis_hears_each_change_once(self):
        group = self.world.groups[-1]
        group.switch(0, False)
        wait_for(lambda: group.agree(False), "all have the allowed name in their caches", 3)
        group.stop_redis()
        group.await_loss()
        for i in range(group.size):
            group.switch(i, True)
            group.switch(i, False)
        resolved = 20
        for _ in range(resolved):
            group.servers[0].query(group.name())
        published = sum(metric(s, "redis_published_total") for s in group.servers)
        group.start_redis()
        wait_for(lambda: group.agree(False) and sum(metric(s, "redis_published_total") for s in group.servers) >= published + resolved,
                 "all is shared", 5)
        time.sleep(1.5)  # as above
        # One switch from each, as none had heard of a newer one; one batch from each, with what it had just resolved.
        self.assertLessEqual(group.publishes(), 2 * group.size)
        self.assertLessEqual(sum(metric(s, "redis_published_total") for s in group.servers), published + resolved + group.size)


if __name__ == "__main__":
    unittest.main()
