"""Rows of Redis's outage matrix (redis_rows.py): what is between. In a test of its own so that the matrix runs in parallel."""
import unittest

import redis_rows
from redis_outage import RedisOutageTest


class RedisLink(RedisOutageTest):
    world_options = {"uses_links": True}

    def test_link_cut(self):
        self.play(redis_rows.link_cut)

    def test_partition_followed(self):
        self.play(redis_rows.partition_followed)

    def test_partition_leading(self):
        self.play(redis_rows.partition_leading)


class RedisRelay(RedisOutageTest):
    world_options = {"uses_relays": True}

    def test_never_answering(self):
        self.play(redis_rows.never_answering)

    def test_slow(self):
        self.play(redis_rows.slow)


if __name__ == "__main__":
    unittest.main()
