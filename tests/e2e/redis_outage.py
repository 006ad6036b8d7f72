"""The outage matrix of Redis: two groups of instances, of two and of three, each on a Redis of its own that is broken in
every way, and one instance without Redis; all under constant load at the same time.

Each instance's upstream gives names below once.example.org another address, so an answer tells which instance resolved it.
"""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import tempfile
import threading
import time
import unittest

from harness import Knot, addresses, free_port, wait_for
from outage_case import LATENCY_TRIES
from outage_latency import WAIT_FACTOR, WAIT_US, TooSlow
from outage_programs import Load, Namespace
from redis_world import Redis, Sharer, fetch, is_joined, received
from relay import Relay

RATE = int(os.environ.get("RAMPART_OUTAGE_RATE", "200"))  # queries/s to each of six instances
CONVERGE_S = 2.0
CALM_S, DISTURBED_S = 1.0, 1.5
LETTERS = "abc"
UPSTREAM_ADDRESSES = ["192.0.2.101", "192.0.2.102", "192.0.2.103"]


class NotHere(Exception):
    """This machine cannot show this row; says why."""


class Links(Namespace):
    """A namespace in which each instance reaches Redis at an address of its own, so that one can be cut off alone."""

    def __init__(self, count):
        super().__init__()
        self.addresses = [f"198.19.{os.getpid() % 250}.{i + 1}" for i in range(count)]
        link = f"rp{os.getpid() % 100000}"
        for address in self.addresses:
            self.inside("ip", "addr", "add", f"{address}/32", "dev", "inside")
            self.run("ip", "route", "add", f"{address}/32", "dev", link)

    def cut_off(self, addresses):
        """Packets to and from these addresses vanish."""
        which = "{ " + ", ".join(addresses) + " }"
        self.inside("nft", "add table inet cut; "
                           "add chain inet cut in { type filter hook input priority 0; }; "
                           "add chain inet cut out { type filter hook output priority 0; }; "
                           f"add rule inet cut in ip daddr {which} drop; add rule inet cut out ip saddr {which} drop")


class Group:
    """Instances on one Redis."""

    def __init__(self, world, size):
        self.world, self.size = world, size
        self.directory = world.directory / f"group{size}"
        self.directory.mkdir()
        self.links = world.take_links(size)
        self.port = free_port()
        self.redis = None
        self.start_redis()
        if self.links:
            targets = [(address, self.port) for address in self.links]
        else:
            targets = [("127.0.0.1", self.port)] * size
        self.relays = []
        if world.uses_relays:
            self.relays = [Relay(target, slows_answers=True) for target in targets]
            targets = [("127.0.0.1", relay.port) for relay in self.relays]
        self.servers, self.count, self.started = [], 0, time.monotonic()
        for i, (address, port) in enumerate(targets):
            if world.begins_broken and i == 0:
                self.redis.stop()
            self.servers.append(world.start(Sharer(self.directory, world.knots[i].port, world.denylist, world.extra,
                                                   f"{{address: '{address}:{port}'}}")))
        self.start_seconds = time.monotonic() - self.started
        self.waiting = None  # a name that the first one resolves during the outage
        if not world.begins_broken:
            self.await_joined(10)

    def start_redis(self):
        kwargs = {}
        if self.links:
            kwargs = {"address": self.links[0], "bind": ["0.0.0.0"], "netns": self.world.namespace.name}
        self.redis = self.world.start(Redis(self.directory, self.port, ("--protected-mode", "no"), **kwargs))

    def stop_redis(self, number=signal.SIGKILL):
        self.redis.signal(number)
        self.redis.process.wait(10)

    def name(self):
        self.count += 1
        return f"n{self.count}-{time.monotonic_ns()}.once.example.org"

    def await_joined(self, seconds):
        wait_for(lambda: all(is_joined(s) for s in self.servers), f"{self.size} instances join Redis", seconds)

    def await_loss(self, servers=None, seconds=6):
        """What follows is local, for all or for these."""
        wait_for(lambda: not any(is_joined(s) for s in servers or self.servers), "the loss is noticed", seconds)

    # --- answers ---

    def resolver_of(self, server, name):
        """The letter of the instance whose upstream gave the answer."""
        found = addresses(server.query(name, timeout=1))
        if len(found) != 1 or found[0] not in UPSTREAM_ADDRESSES:
            raise AssertionError(f"{name} has {found}")
        return LETTERS[UPSTREAM_ADDRESSES.index(found[0])]

    def assert_local(self, servers=None):
        """Each of them answers by itself, and hears nothing of the others."""
        names = [self.name() for _ in range(5)]
        self.waiting = self.name()
        self.servers[0].query(self.waiting)
        for server in servers or self.servers:
            for name in names:
                who, me = self.resolver_of(server, name), LETTERS[self.servers.index(server)]
                if who != me:
                    raise AssertionError(f"{name} at {me} is from {who}, though nothing is shared")

    def shares(self, giver, taker):
        """One fresh answer of the giver reaches the taker."""
        name = self.name()
        self.servers[giver].query(name, timeout=1)
        before = time.monotonic()
        seen = received(self.servers[taker], "stored")
        while time.monotonic() < before + 0.35:  # a batch leaves each 100 ms
            time.sleep(0.05)
            if received(self.servers[taker], "stored") > seen:
                break
        return self.resolver_of(self.servers[taker], name) == LETTERS[giver]

    # --- the switch ---

    def switch(self, which, blocks):
        """Only the group `extra` is switched, so that the load's blocked names stay blocked."""
        time.sleep(0.002)  # the order of changes is known to the millisecond
        fetch(self.servers[which], "/api/blocking/enable" if blocks else "/api/blocking/disable?groups=extra")

    def blocks_extra(self, server):
        found = addresses(server.query("x.extra.example.org", timeout=1))
        if found not in (["0.0.0.0"], ["192.0.2.7"]):
            raise AssertionError(f"x.extra.example.org has {found}")
        return found == ["0.0.0.0"]

    def agree(self, blocks):
        return all(self.blocks_extra(s) == blocks for s in self.servers)

    def flip(self, *which):
        """Switches on each of these in turn, so that the last change is the newest; gives what it left. None of the others
        may have it: what there is to see is that nothing is shared."""
        blocks = not self.blocks_extra(self.servers[which[0]])
        for one in which:
            self.switch(one, blocks)
        for i, server in enumerate(self.servers):
            if self.blocks_extra(server) != (blocks if i in which else not blocks):
                raise AssertionError(f"instance {LETTERS[i]} after {which} were switched: {self.blocks_extra(server)}")
        return blocks

    def publishes(self):
        """PUBLISH commands since this Redis was started."""
        found = re.search(rb"cmdstat_publish:calls=(\d+)", self.redis.command("INFO", "commandstats"))
        return int(found[1]) if found else 0

    def await_converged(self, blocks, healed_at, bound=CONVERGE_S):
        """All share again and all have the newest switch; gives the seconds since the healing."""
        done = set()
        pairs = [(0, i) for i in range(1, self.size)] + [(self.size - 1, 0)]
        while True:
            if self.agree(blocks):
                for pair in pairs:
                    if pair not in done and self.shares(*pair):
                        done.add(pair)
                if len(done) == len(pairs) and self.agree(blocks):
                    break
            late = time.monotonic() - healed_at
            if late > 3 * bound:
                states = [self.blocks_extra(s) for s in self.servers]
                raise AssertionError(f"{self.size} instances have not converged {late:.1f} s after the healing: blocking "
                                     f"{states}, wanted {blocks}; sharing {sorted(done)} of {pairs}\n{self.servers[0].log[-800:]}")
            time.sleep(0.02)
        took = time.monotonic() - healed_at
        if self.waiting:
            for server in self.servers[1:]:
                if self.resolver_of(server, self.waiting) != LETTERS[0]:
                    raise AssertionError("what was resolved during the outage is not shared after it")
            self.waiting = None
        if took > bound:
            raise TooSlow(f"{self.size} instances converged {took:.2f} s after the healing, promised are {bound} s")
        return took


class RedisWorld:
    """Upstreams, lists, both groups, the instance without Redis and the load."""

    def __init__(self, directory, uses_links=False, uses_relays=False, begins_broken=False, sizes=(2, 3), group_type=None):
        self.directory = pathlib.Path(directory)
        self.stack = contextlib.ExitStack()
        self.uses_relays, self.begins_broken = uses_relays, begins_broken
        with self.stack:
            self.denylist, self.extra = self.directory / "ads.txt", self.directory / "extra.txt"
            self.denylist.write_text("*.ads.example.org\n")
            self.extra.write_text("x.extra.example.org\n")
            self.namespace = None
            if uses_links:
                if os.geteuid() != 0:
                    raise NotHere("cutting a link needs root and network namespaces")
                self.namespace = Links(sum(sizes))
                self.stack.callback(self.namespace.close)
                self.free_addresses = list(self.namespace.addresses)
            self.knots = [self.start(Knot(directory, ["*.cached.example.org. 86400 A 192.0.2.1", f"*.once.example.org. 300 A {a}",
                                                      "x.extra.example.org. 300 A 192.0.2.7"])) for a in UPSTREAM_ADDRESSES]
            self.control = self.start(Sharer(directory, self.knots[0].port, self.denylist, self.extra))
            self.groups = [(group_type or Group)(self, size) for size in sizes]
            targets = {f"{LETTERS[i]}{g.size}-": s.port for g in self.groups for i, s in enumerate(g.servers)}
            self.load = Load({**targets, "z": self.control.port}, RATE)
            self.stack.callback(self.load.stop)
            self.calm = self.watch(CALM_S)
            self.stack = self.stack.pop_all()

    def start(self, program):
        self.stack.callback(program.stop)
        return program

    def take_links(self, count):
        if not self.namespace:
            return []
        taken, self.free_addresses = self.free_addresses[:count], self.free_addresses[count:]
        return taken

    def close(self):
        for group in self.groups:
            for relay in group.relays:
                relay.close()
            with contextlib.suppress(OSError):
                group.redis.signal(signal.SIGCONT)
        self.stack.close()

    def watch(self, seconds):
        self.load.lap()
        time.sleep(seconds)  # the length of a measurement
        return self.load.lap()

    def each(self, function):
        """For both groups at once: one must not wait for the other's outage to end."""
        results, errors = [None] * len(self.groups), []

        def run(index, group):
            try:
                results[index] = function(group)
            except BaseException as error:  # shown by the caller
                errors.append(error)
        threads = [threading.Thread(target=run, args=item) for item in enumerate(self.groups)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        return results

    def play(self, break_it, during, heal_it):
        """Calm was measured at the world's beginning. `during` waits until the outage is felt, looks at it, and gives what the
        switch must be on all instances at the end."""
        self.load.lap()
        began = time.monotonic()
        outage = {}

        def one(group):
            if break_it:
                break_it(group)
            blocks = during(group)
            outage[group.size] = time.monotonic() - began
            rest = DISTURBED_S - outage[group.size]
            if rest > 0:
                time.sleep(rest)  # no percentile of less than that
            heal_it(group)  # returns when Redis can be had: what a program needs to start is not the sharing's doing
            return group.await_converged(blocks, time.monotonic())
        took = self.each(one)
        disturbed = self.load.lap()
        report = self.check(disturbed)
        report["converged_s"] = {g.size: round(t, 2) for g, t in zip(self.groups, took)}
        report["outage_s"] = round(time.monotonic() - began, 1)
        return report

    def check(self, disturbed):
        reference = max(self.calm["z"]["p99_us"], disturbed["z"]["p99_us"])
        worst = 0.0
        for name, t in disturbed.items():
            if t["lost"] or t["wrong"]:
                raise AssertionError(f"{name}: {t}")
            if name == "z":
                continue
            worst = max(worst, t["p99_us"])
            felt_without = max(reference, self.calm[name]["p99_us"])
            allowed = max(WAIT_FACTOR * felt_without, felt_without + WAIT_US)  # a worker that waits for Redis is beyond it
            if t["p99_us"] > allowed:
                raise TooSlow(f"p99 of {name}: {t['p99_us']} us during the outage; {self.calm[name]['p99_us']} us before, "
                              f"{disturbed['z']['p99_us']} us without Redis meanwhile; allowed are {allowed:.0f} us")
        return {"queries": sum(t["answered"] for t in disturbed.values()), "lost": 0, "p99_before_us": max(
            t["p99_us"] for n, t in self.calm.items() if n != "z"), "p99_during_us": worst, "p99_control_us": disturbed["z"]["p99_us"]}


def text_of(report):
    return (f"{report['queries']} queries, {report['lost']} lost; p99 {report['p99_before_us']} us -> {report['p99_during_us']} us "
            f"(without Redis {report['p99_control_us']} us); converged after {report['converged_s']} s")


class RedisOutageTest(unittest.TestCase):
    """One world for each class."""
    world_options = {}

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="rampart-redis-")
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        try:
            cls.world = RedisWorld(cls.directory, **cls.world_options)
        except NotHere as reason:
            print(f"NOT SHOWN HERE: {reason}", flush=True)
            raise unittest.SkipTest(str(reason)) from None
        cls.addClassCleanup(cls.world.close)

    def play(self, row):
        for left in reversed(range(LATENCY_TRIES)):
            try:
                print(text_of(row(self.world)), flush=True)
                return
            except TooSlow as error:
                print(f"{error}; {left} more tries", flush=True)
                if left == 0:
                    raise
