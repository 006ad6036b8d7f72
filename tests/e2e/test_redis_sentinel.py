"""Three sentinels, the loss of the master, and the least rights that we need."""
import unittest

import redis_sentinels
from redis_outage import RedisOutageTest


class Sentinel(RedisOutageTest):
    world_options = {"sizes": (3,), "group_type": redis_sentinels.SentinelGroup}

    def test_1_master_killed(self):
        self.play(redis_sentinels.master_killed)

    def test_2_master_stopped(self):
        self.play(redis_sentinels.master_stopped)


if __name__ == "__main__":
    unittest.main()
