"""Rows of the outage matrix (outage_rows.py), in a test of their own so that the matrix runs in parallel."""
import unittest

import outage_rows
from outage_case import OutageTest


class Outage(OutageTest):
    def test_disk_full(self):
        self.play(outage_rows.disk_full)

    def test_wal_disk_full(self):
        self.play(outage_rows.wal_disk_full)

    def test_spool_disk_full(self):
        self.play(outage_rows.spool_disk_full)

    def test_flapping(self):
        self.play(outage_rows.flapping)


if __name__ == "__main__":
    unittest.main()
