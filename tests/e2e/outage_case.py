"""What the tests of the outage matrix share: one world for each class, a line of figures for each row."""
import os
import shutil
import tempfile
import unittest

from outage import Namespace, TooSlow, World
from outage_rows import NotHere


def text_of(report):
    parts = [report.get("account", "")]
    for mode in ("spool", "stdout"):
        figures = report[mode]
        parts.append(f"{mode}: p99 {figures.get('p99_before_us')} us -> {figures.get('p99_during_us')} us "
                     f"(without log {figures.get('p99_control_us')} us)")
    parts.append(f"back after {report['rejoin_s']} s")
    return "; ".join(parts)


# What the outage does to latencies, it does each time; what the machine does, it does now and then.
LATENCY_TRIES = 3


class OutageTest(unittest.TestCase):
    needs_link = False

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="rampart-outage-")
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        namespace = Namespace() if cls.needs_link and os.geteuid() == 0 else None
        cls.world = World(cls.directory, namespace)
        cls.addClassCleanup(cls.world.close)

    def play(self, row):
        for left in reversed(range(LATENCY_TRIES)):
            try:
                print(text_of(row(self.world)), flush=True)
                return
            except NotHere as reason:
                print(f"NOT SHOWN HERE: {reason}", flush=True)
                self.skipTest(str(reason))
            except TooSlow as error:
                print(f"{error}; {left} more tries", flush=True)
                if left == 0:
                    raise
