"""Rows of the outage matrix (outage_rows.py), in a test of their own so that the matrix runs in parallel."""
import unittest

import outage_rows
from outage_case import OutageTest


class Outage(OutageTest):
    def test_stopped(self):
        self.play(outage_rows.stopped)

    def test_slow(self):
        self.play(outage_rows.slow)

    def test_locked(self):
        self.play(outage_rows.locked)


if __name__ == "__main__":
    unittest.main()
