"""Rows of the outage matrix (outage_rows.py), in a test of their own so that the matrix runs in parallel."""
import unittest

import outage_rows
from outage_case import OutageTest


class Outage(OutageTest):
    def test_killed(self):
        self.play(outage_rows.killed)

    def test_down_at_start(self):
        self.play(outage_rows.down_at_start)

    def test_restarted(self):
        self.play(outage_rows.restarted)

    def test_dropped(self):
        self.play(outage_rows.dropped)

    def test_refusing(self):
        self.play(outage_rows.refusing)


if __name__ == "__main__":
    unittest.main()
