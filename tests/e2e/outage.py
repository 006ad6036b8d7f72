"""The outage matrix's world, and the course of each of its rows.

Each row runs three resolvers under the same load at the same time: `a` keeps entries in a spool while the database is
away, `b` prints them, `c` logs nothing and shares nothing, and shows what the machine itself does to latencies meanwhile.
"""
import contextlib
import os
import pathlib
import re
import time

from harness import Knot, wait_for
from outage_latency import MODES, Verdict
from outage_programs import Dnsperf, Load, Postgres, Redis, Resolver

# Queries/s to each of the three resolvers: modest, so that a busy machine with two processors answers them all.
RATE = int(os.environ.get("RAMPART_OUTAGE_RATE", "400"))
REJOIN_S = 5.0
CONVERGE_S = 2.0


class World:
    """Upstream, block list, database and Redis; makes rows.

    rate: queries/s to each resolver. dnsperf_rate: what dnsperf sends to each logging resolver on top of that.
    cycles: outages in each row. calm_s, outage_s: length of a window without and, at least, with it.
    poll_s: pause between two looks at the resolvers, which cost processor time.
    priority: words before the commands of PostgreSQL and Redis.
    """

    def __init__(self, directory, namespace=None, *, rate=RATE, dnsperf_rate=0, redis=False, cycles=1, calm_s=1.5, outage_s=1.5,
                 poll_s=0.02, priority=()):
        self.directory = pathlib.Path(directory)
        self.rate, self.dnsperf_rate, self.cycles, self.calm_s, self.outage_s = rate, dnsperf_rate, cycles, calm_s, outage_s
        self.poll_s, self.priority = poll_s, priority
        self.namespace = namespace
        self.list = self.directory / "ads.txt"
        self.list.write_text("*.ads.example.org\n")
        pathlib.Path(f"{self.list}.switch").write_text("switch.example.org\n")
        with contextlib.ExitStack() as stack:
            if namespace:
                stack.callback(namespace.close)
            self.knot = Knot(directory, ["*.cached.example.org. 86400 A 192.0.2.1", "switch.example.org. 86400 A 192.0.2.1"])
            stack.callback(self.knot.stop)
            self.database = Postgres(directory, namespace, priority=priority)
            stack.callback(self.database.close)
            self.redis = Redis(directory, priority=priority) if redis else None
            if redis:
                stack.callback(self.redis.close)
            self.close = stack.pop_all().close


class Row:
    """One outage, from the undisturbed start to the exact account. Used as

        with Row(world) as row:
            row.play(break_it, heal_it)
    """

    def __init__(self, world, target=None, begins_broken=False, spool=None, repeats=0, database=None):
        """begins_broken: the database is away before the resolvers start.
        repeats: entries that may be in two places, because the outage itself destroyed the memory of the last commit.
        """
        self.world, self.database, self.begins_broken, self.repeats = world, database or world.database, begins_broken, repeats
        self.target = target or self.database.target
        self.directory = world.directory / f"row-{time.monotonic_ns()}"
        self.directory.mkdir()
        self.spool = spool or self.directory / "spool"
        self.lost_rows = {"a": [], "b": []}  # names in tables that are gone by now
        self.asked = 0  # queries to the logging resolvers beside the load
        self.report = {}
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        if not self.begins_broken:
            self.database.sql("DROP TABLE IF EXISTS log_entries, rampart_spool_replay")
        began = time.monotonic()
        with self.stack:
            self.resolvers = {}
            for name, options in {"a": {"spool": self.spool}, "b": {}, "c": {"log_type": "none"}}.items():
                self.resolvers[name] = Resolver(self.directory, self.world, self.target, **options)
                self.stack.callback(self.resolvers[name].stop)
            self.logging = [self.resolvers["a"], self.resolvers["b"]]
            self.start_seconds = time.monotonic() - began
            wait_for(self.logs, "every resolver tells how it is")
            self.load = Load({name: r.port for name, r in self.resolvers.items()}, self.world.rate)
            self.stack.callback(self.load.stop)
            self.dnsperfs = []
            if self.world.dnsperf_rate:
                self.dnsperfs = [Dnsperf(self.directory, r.port, self.world.dnsperf_rate) for r in self.logging]
                for one in self.dnsperfs:
                    self.stack.callback(one.close)
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def retarget(self, target):
        for resolver in self.logging:
            resolver.retarget(target)

    # --- phases ---

    def logs(self):
        """How the query log of `a` and of `b` is doing. `c` is asked too, so that asking costs all of them the same."""
        return [r.query_log() for r in self.resolvers.values()][:2]

    def wait_for(self, condition, what, seconds=15.0):
        """Until condition() of the logs is true."""
        wait_for(lambda: condition(*self.logs()), what, seconds, self.world.poll_s)

    def await_writing(self):
        self.wait_for(lambda *logs: all(log["state"] == "ok" and log["batches"] > 0 for log in logs), "the database is written to")

    def watch(self, seconds):
        """A lap that is not shorter than that, with the same looking as during an outage."""
        self.load.lap()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.logs()
            time.sleep(min(left, self.world.poll_s))
        return self.load.lap()

    def await_outage(self):
        """Until both resolvers have noticed, and fall back."""
        entries = self.world.rate // 2

        def fallen_back(a, b):
            return a["spooled"] + a["stdoutFallback"], b["stdoutFallback"]
        before = fallen_back(*self.logs())
        self.wait_for(lambda *logs: all(now >= was + entries for now, was in zip(fallen_back(*logs), before)),
                      "both resolvers fall back", 20)

    def await_return(self):
        """Until both write again, nothing waits in the spool, and nothing is printed any more."""
        began = time.monotonic()
        before = [log["batches"] for log in self.logs()]
        back = [None, None]

        def both_are(*logs):
            for i, log in enumerate(logs):
                if back[i] is None and log["state"] == "ok" and log["batches"] > before[i] and log["spoolWaiting"] == 0:
                    back[i] = time.monotonic() - began
            return None not in back
        try:
            self.wait_for(both_are, "rejoin", 3 * REJOIN_S)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.logs()}") from None
        self.returned(back, REJOIN_S)
        logs = self.logs()
        self.wait_for(lambda *now: all(n["batches"] > was["batches"] + 1 for n, was in zip(now, logs)), "more batches")
        if [log["stdoutFallback"] for log in logs] != [log["stdoutFallback"] for log in self.logs()]:
            raise AssertionError("entries are still printed although the database is back")

    def returned(self, back, allowed):
        self.report["back_s"] = [round(max(new, old), 2) for new, old in zip(back, self.report.get("back_s", (0, 0)))]
        if max(back) > allowed:
            raise AssertionError(f"back after {back} s, promised are {allowed} s")

    def play(self, break_it, heal_it, falls_back=True):
        """Calm, outage, return; as often as the world wishes; calm, account; gives the report. A window of the outage
        reaches from breaking to the return."""
        calm, outage = [], []
        for cycle in range(self.world.cycles):
            if self.begins_broken and cycle == 0:
                self.load.lap()
                began = time.monotonic()
            else:
                self.await_writing()
                calm.append(self.watch(self.world.calm_s))
                began = time.monotonic()
                break_it()
            if falls_back:
                self.await_outage()
            time.sleep(max(0.0, self.world.outage_s - (time.monotonic() - began)))  # no percentile of less than that
            heal_it()
            self.await_return()
            outage.append(self.load.lap())
            self.report["outage_s"] = round(time.monotonic() - began, 1)
        calm.append(self.watch(self.world.calm_s))
        self.finish(calm, outage)
        return self.report

    # --- verdicts ---

    def finish(self, calm, outage):
        self.more = [one.end() for one in self.dnsperfs]
        totals = self.load.command("pause")
        self.check_answers(totals)
        self.check_account(totals)
        self.report["latency"] = Verdict(calm, outage)
        # What an administrator is told: the first few lines of the resolver with the spool.
        self.report["said"] = [line for line in self.resolvers["a"].log.splitlines() if re.search(r"ERROR|WARN|is back|joined", line)][:4]

    def check_answers(self, totals):
        self.report["queries"] = sum(t["sent"] for t in totals.values()) + sum(sent for sent, _, _ in self.more)
        self.report["lost"] = sum(t["lost"] + t["wrong"] for t in totals.values()) + sum(lost for _, _, lost in self.more)
        if self.report["lost"] and self.more:
            raise AssertionError(f"queries were lost: {totals}, dnsperf: sent, completed, lost = {self.more}")
        for name, t in totals.items():
            if t["lost"] or t["wrong"] or t["answered"] != t["sent"] or not t["sent"]:
                raise AssertionError(f"{name}: {t}")

    def names_in_table(self, letter, database="rampart"):
        """Blocked names carry the letter of their resolver; cached ones are counted by their share of the load."""
        return self.database.sql(f"SELECT question_name FROM log_entries WHERE question_name LIKE '{letter}0%'", database).split()

    def check_account(self, totals):
        """Every answered query is in exactly one place."""
        for resolver in self.logging:
            before_stop = resolver.query_log()
            drops = {k: v for k, v in before_stop.items() if k.startswith("dropped") and v}
            if drops:
                raise AssertionError(f"entries were dropped: {drops}")
            if resolver.stop() != 0:
                raise AssertionError(f"rampart ended with {resolver.process.returncode}:\n{resolver.log[-2000:]}")
        rows_of_both = self.database.count("SELECT count(*) FROM log_entries") + sum(map(len, self.lost_rows.values()))
        printed_of_both, answered_of_both = 0, self.asked
        for name, mode in MODES.items():
            printed = self.resolvers[name].printed()
            rows = self.names_in_table(name) + [n for n in self.lost_rows[name] if n.startswith(name + "0")]
            blocked = rows + [n.rstrip(".") for n in printed if n.startswith(name + "0")]
            self.report[f"{mode}_printed"] = len(printed)
            # Blocked names are every second query, each with a number of its own.
            wanted = {f"{name}{i:09d}.ads.example.org" for i in range(1, totals[name]["sent"], 2)}
            missing = wanted - set(blocked)
            twice = len(blocked) - len(set(blocked))
            if missing or set(blocked) - wanted or twice > self.repeats:
                raise AssertionError(f"{mode}: {len(missing)} of {len(wanted)} entries are nowhere ({sorted(missing)[:3]}...), "
                                     f"{twice} are in two places")
            printed_of_both += len(printed)
            answered_of_both += totals[name]["answered"]
        # dnsperf does not wait for the answers to its last queries.
        answered_of_both += sum(completed for _, completed, _ in self.more)
        under_way = sum(sent - completed for sent, completed, _ in self.more)
        total = rows_of_both + printed_of_both
        more = f" + {under_way} asked at the end" if under_way else ""
        self.report["account"] = f"{answered_of_both} answered{more} = {rows_of_both} rows + {printed_of_both} printed"
        if not answered_of_both <= total <= answered_of_both + under_way + 2 * self.repeats:
            raise AssertionError("the account is off: " + self.report["account"])
        self.check_order("a")

    def check_order(self, letter):
        if not self.repeats:
            self.report["batches"] = batches_in_order(self.database, letter)


def batches_in_order(database, letter):
    """Transactions are numbered as they come, so batches must hold ever later names. Gives the number of batches."""
    ranges = database.sql(f"SELECT min(question_name), max(question_name) FROM log_entries WHERE question_name LIKE '{letter}0%' "
                          "GROUP BY xmin ORDER BY xmin::text::bigint").splitlines()
    last = ""
    for one in ranges:
        first, end = one.split("|")
        if first <= last:
            raise AssertionError(f"{first} was written after {last}")
        last = end
    return len(ranges)
