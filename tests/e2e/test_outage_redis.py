"""Rows of the outage matrix (outage_redis_rows.py), in a test of their own so that the matrix runs in parallel."""
import unittest

import outage_redis_rows
from outage_case import OutageTest


class Outage(OutageTest):
    needs_redis = True

    def test_killed(self):
        self.play(outage_redis_rows.redis_killed)

    def test_stopped(self):
        self.play(outage_redis_rows.redis_stopped)

    def test_restarted(self):
        self.play(outage_redis_rows.redis_restarted)

    def test_slow(self):
        self.play(outage_redis_rows.redis_slow)


if __name__ == "__main__":
    unittest.main()
