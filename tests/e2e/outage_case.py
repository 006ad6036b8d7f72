"""What the tests of the outage matrix share: one world for each class, a line of figures for each row."""
import os
import shutil
import tempfile
import unittest

from outage import World
from outage_latency import MODES, TooSlow
from outage_programs import Namespace
from outage_rows import NotHere


def text_of(report):
    parts = [report["account"], *map(report["latency"].text, MODES), f"back after {report['back_s']} s"]
    return "; ".join(parts)


# What the outage does to latencies, it does each time; what the machine does, it does now and then.
LATENCY_TRIES = 3


class OutageTest(unittest.TestCase):
    needs_link = False
    needs_redis = False

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="rampart-outage-")
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        namespace = Namespace() if cls.needs_link and os.geteuid() == 0 else None
        cls.world = World(cls.directory, namespace, redis=cls.needs_redis)
        cls.addClassCleanup(cls.world.close)

    def play(self, row):
        """A worker that waits for a database or a disk is seen here; 1.2 x of a p99 is measured by bench/load/outage."""
        for left in reversed(range(LATENCY_TRIES)):
            try:
                report = row(self.world)
                print(text_of(report), flush=True)
                return report["latency"].check_no_wait()
            except NotHere as reason:
                print(f"NOT SHOWN HERE: {reason}", flush=True)
                self.skipTest(str(reason))
            except TooSlow as error:
                print(f"{error}; {left} more tries", flush=True)
                if left == 0:
                    raise
