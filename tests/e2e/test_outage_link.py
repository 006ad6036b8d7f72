"""Rows of the outage matrix (outage_rows.py), in a test of their own so that the matrix runs in parallel."""
import unittest

import outage_rows
from outage_case import OutageTest


class Outage(OutageTest):
    needs_link = True

    def test_never_answering(self):
        self.play(outage_rows.never_answering)

    def test_wrong_target(self):
        self.play(outage_rows.wrong_target)

    def test_link_cut(self):
        self.play(outage_rows.link_cut)


if __name__ == "__main__":
    unittest.main()
