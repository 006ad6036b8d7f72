"""The spool survives whatever happens to the process that replays it."""
import contextlib
import signal
import unittest

from harness import wait_for
from outage import batches_in_order
from outage_case import OutageTest
from outage_programs import Load, Resolver
from relay import Relay

KILLS = 5


class Replay(OutageTest):
    def setUp(self):
        self.database = self.world.database
        self.database.sql("DROP TABLE IF EXISTS log_entries, rampart_spool_replay")

    def test_kills_in_the_middle_of_a_replay_neither_lose_nor_double_an_entry(self):
        relay = Relay((self.database.address, self.database.port))
        self.addCleanup(relay.close)
        target = f"postgres://postgres@127.0.0.1:{relay.port}/rampart"
        resolver = Resolver(self.directory, self.world, target, spool=f"{self.directory}/spool")
        self.addCleanup(resolver.stop)
        with contextlib.closing(LoadForAWhile(resolver)) as load:
            wait_for(resolver.is_writing, "the database is written to")
            self.database.kill()
            wait_for(lambda: resolver.query_log()["spooled"] > 6000, "a spool of many batches", 20)
            totals = load.end()
        self.assertEqual(totals["lost"] + totals["wrong"], 0, totals)
        # What a killed process may lose is what has not left it; so all of it leaves first.
        wait_for(lambda: (lambda log: log["spoolWaiting"] + log["written"] == totals["answered"])(resolver.query_log()),
                 "everything is in spool or table")
        relay.bytes_per_second = 400_000  # or the replay would be over before it can be killed
        self.database.start()
        for _ in range(KILLS):
            before = self.rows()
            wait_for(lambda: self.rows() > before, "the replay goes on")
            resolver.process.send_signal(signal.SIGKILL)
            resolver.process.wait()
            self.assertLess(self.rows(), totals["answered"], "the replay was over before the kill")
            resolver.again()
        relay.bytes_per_second = None
        wait_for(lambda: resolver.query_log()["spoolWaiting"] == 0, "the spool is empty")
        self.assertEqual(resolver.stop(), 0)
        names = self.database.sql("SELECT question_name FROM log_entries WHERE question_name LIKE 'a0%'").split()
        self.assertEqual(len(names), len(set(names)), "entries are in the table twice")
        self.assertEqual(set(names), {f"a{i:09d}.ads.example.org" for i in range(1, totals["sent"], 2)})
        self.assertEqual(self.rows(), totals["answered"])
        self.assertEqual(resolver.printed(), [])
        batches = batches_in_order(self.database, "a")
        print(f"{KILLS} kills in a replay of {totals['answered']} entries, {batches} batches: none lost, none doubled, in order")

    def rows(self):
        return self.database.count("SELECT count(*) FROM log_entries") if \
            self.database.sql("SELECT to_regclass('log_entries')") else 0


class LoadForAWhile:
    def __init__(self, resolver):
        self.load = Load({"a": resolver.port}, rate=2000)

    def end(self):
        return self.load.command("pause")["a"]

    def close(self):
        self.load.stop()


if __name__ == "__main__":
    unittest.main()
