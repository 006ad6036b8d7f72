"""Rows of Redis's outage matrix (redis_rows.py): Redis is away. In a test of its own so that the matrix runs in parallel."""
import unittest

import redis_rows
from redis_outage import RedisOutageTest


class RedisGone(RedisOutageTest):
    def test_killed(self):
        self.play(redis_rows.killed)

    def test_stopped(self):
        self.play(redis_rows.stopped)

    def test_refusing(self):
        self.play(redis_rows.refusing)

    def test_restarted(self):
        self.play(redis_rows.restarted)


class RedisDownAtStart(RedisOutageTest):
    world_options = {"begins_broken": True}

    def test_down_at_start(self):
        self.play(redis_rows.down_at_start)


if __name__ == "__main__":
    unittest.main()
