"""The outage matrix's world: a private PostgreSQL that can be broken in every way, resolvers that log into it, and a
load that notices.

Each row runs three resolvers under the same load at the same time: `a` keeps entries in a spool while the database is
away, `b` prints them, `c` logs nothing and shows what the machine itself does to latencies meanwhile.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

from harness import ROOT, Knot, Program, Rampart, free_port, wait_for

DNS_LOAD = os.environ.get("RAMPART_DNS_LOAD", str(ROOT / "build/dev/tests/e2e/dns_load"))
USER = "postgres"
# Queries/s to each of the three resolvers: modest, so that a busy machine with two processors answers them all.
RATE = int(os.environ.get("RAMPART_OUTAGE_RATE", "400"))
REJOIN_S = 5.0
# An answer may take so much longer than the reference of the same run before it counts as felt. The floor is there
# because 1.2 x of 0.1 ms is less than one turn of another program on a shared processor.
P99_FACTOR, P99_FLOOR_US = 1.2, 300.0
# Undisturbed answers take 0.1 to 0.3 ms here. Where the reference itself is beyond this, other programs hold the
# processors, and two percentiles of the same thing differ by more than a fifth; what is left to see is a real wait.
NOISY_US, NOISY_FACTOR = 1000.0, 3.0


def postgres_programs():
    for version in (17, 16, 15, 14):
        path = pathlib.Path(f"/usr/lib/postgresql/{version}/bin")
        if (path / "initdb").exists():
            return path
    raise RuntimeError("PostgreSQL is not installed: tools/setup test")


def children_of(parent):
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            if int(stat.read_text().rpartition(") ")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found


class Namespace:
    """A network namespace with a link to ours, whose packets can be made to vanish. Needs root."""

    def __init__(self):
        self.name = f"rampart-{os.getpid()}"
        # A /30 of 198.18.0.0/15, which RFC 2544 keeps for such benches.
        base = (os.getpid() % 16000) * 4
        octets = f"198.18.{base // 256 % 256}."
        self.ours, self.theirs = octets + str(base % 256 + 1), octets + str(base % 256 + 2)
        link = f"rp{os.getpid() % 100000}"
        self.run("ip", "netns", "add", self.name)
        self.run("ip", "link", "add", link, "type", "veth", "peer", "name", "inside", "netns", self.name)
        self.run("ip", "addr", "add", f"{self.ours}/30", "dev", link)
        self.run("ip", "link", "set", link, "up")
        self.inside("ip", "addr", "add", f"{self.theirs}/30", "dev", "inside")
        self.inside("ip", "link", "set", "inside", "up")
        self.inside("ip", "link", "set", "lo", "up")

    @staticmethod
    def run(*words):
        subprocess.run(words, check=True, capture_output=True, text=True)

    def inside(self, *words):
        self.run("ip", "netns", "exec", self.name, *words)

    def cut(self):
        """From now on every packet is dropped without a word, both ways."""
        self.inside("nft", "add table inet cut; add chain inet cut in { type filter hook input priority 0; policy drop; };"
                           "add chain inet cut out { type filter hook output priority 0; policy drop; }")

    def join(self):
        self.inside("nft", "delete table inet cut")

    def close(self):
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


class Postgres:
    """A PostgreSQL of our own in a private directory and on a private port; psql goes over its unix socket."""

    def __init__(self, directory, namespace=None):
        self.programs = postgres_programs()
        self.namespace = namespace
        self.address = namespace.theirs if namespace else "127.0.0.1"
        self.directory = pathlib.Path(directory) / "postgres"
        self.directory.mkdir(mode=0o755)
        os.chmod(directory, 0o755)
        self.port = free_port()
        self.process = None
        self.prefix = []
        if os.geteuid() == 0:
            shutil.chown(self.directory, USER, USER)
            self.prefix = ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--pdeathsig", "QUIT"]
        subprocess.run([*self.prefix, self.programs / "initdb", "-D", self.directory / "data", "-U", USER,
                        "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"], check=True,
                       capture_output=True, cwd="/")
        self.set_access("trust")
        self.start()
        self.sql("CREATE DATABASE rampart", "postgres")

    @property
    def target(self):
        return f"postgres://{USER}@{self.address}:{self.port}/rampart"

    def start(self):
        words = [*self.prefix, self.programs / "postgres", "-D", self.directory / "data", "-p", str(self.port),
                 "-c", f"listen_addresses={self.address}", "-c", f"unix_socket_directories={self.directory}",
                 "-c", "fsync=off", "-c", "shared_buffers=32MB", "-c", "max_connections=30", "-c", "autovacuum=off"]
        if self.namespace:
            # Not `ip netns exec`: that would also hide file systems mounted later.
            words = ["nsenter", f"--net=/run/netns/{self.namespace.name}", *words]
        end = time.monotonic() + 20
        while True:
            with open(self.directory / "server.log", "ab") as log:
                self.process = subprocess.Popen([str(w) for w in words], stdout=log, stderr=log, cwd="/")
            while self.process.poll() is None:
                with contextlib.suppress(subprocess.CalledProcessError):
                    self.sql("SELECT 1", "postgres")
                    return
                time.sleep(0.02)
            # Orphans of a killed server hold its memory for a moment; then it ends at once, and is tried again.
            if time.monotonic() > end:
                raise RuntimeError("PostgreSQL does not start: " + (self.directory / "server.log").read_text()[-2000:])
            time.sleep(0.05)

    def signal_all(self, number):
        # The postmaster first, so that it neither starts nor cleans up others.
        pids = [self.process.pid, *children_of(self.process.pid)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self):
        self.signal_all(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """An administrator's fast stop."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(20)

    def close(self):
        if self.process and self.process.poll() is None:
            self.signal_all(signal.SIGCONT)
            self.kill()

    def sql(self, text, database="rampart"):
        done = subprocess.run([self.programs / "psql", "-h", self.directory, "-p", str(self.port), "-U", USER, "-d", database,
                               "-XAtqc", text], check=True, capture_output=True, text=True, timeout=30, cwd="/")
        return done.stdout.strip()

    def count(self, text, database="rampart"):
        return int(self.sql(text, database) or 0)

    def set_access(self, method):
        (self.directory / "data/pg_hba.conf").write_text(f"local all all trust\nhost all all all {method}\n")
        if self.process:
            self.sql("SELECT pg_reload_conf()", "postgres")

    def end_sessions(self):
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rampart'", "postgres")


class Relay:
    """Passes TCP on to a server, not faster than `bytes_per_second` towards the server (None: at once).

    A relay without server accepts and never says a word.
    """

    def __init__(self, server=None):
        self.to = server and (server.address, server.port)
        self.bytes_per_second = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(client)
            if self.to is None:
                continue
            try:
                server = socket.create_connection(self.to)
            except OSError:
                client.close()
                continue
            self.open.append(server)
            threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source, sink, is_slow):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                while is_slow and data and (rate := self.bytes_per_second):
                    piece = max(1, rate // 20)
                    sink.sendall(data[:piece])
                    data = data[piece:]
                    time.sleep(0.05)  # the rate of the slow link
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()
        for one in self.open:
            one.close()


class Dnsperf:
    """A second load, by a program that others trust, on names that are cached."""

    def __init__(self, directory, port, rate):
        queries = pathlib.Path(directory) / "dnsperf.queries"
        queries.write_text("".join(f"c{i}.cached.example.org A\n" for i in range(50)))
        self.process = subprocess.Popen(["dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", queries, "-Q", str(rate), "-c", "4",
                                         "-l", "600", "-t", "2"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def end(self):
        """Queries sent, completed and lost."""
        self.process.send_signal(signal.SIGINT)
        out = self.process.communicate(timeout=10)[0]
        found = [re.search(rf"Queries {word}:\s+(\d+)", out) for word in ("sent", "completed", "lost")]
        if None in found:
            raise RuntimeError(f"dnsperf says: {out[-1000:]}")
        return [int(f.group(1)) for f in found]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class Load:
    """The running dns_load; every command gives the counts of all resolvers by name."""

    def __init__(self, targets, rate=RATE):
        self.process = subprocess.Popen([DNS_LOAD, str(rate), *(f"{name}:{port}" for name, port in targets.items())],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def command(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def lap(self):
        return self.command("lap")

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(10)
        self.process.stdout.close()


CONFIG = """
upstreams:
  groups: {{default: [127.0.0.1:{knot}]}}
ports: {{dns: "{{dns}}", http: "{{http}}"}}
workers: 1
blocking:
  denylists: {{ads: [{list}]}}
  clientGroupsBlock: {{default: [ads]}}
queryLog:
  type: {type}
  target: "{target}"
  flushInterval: 200ms
{spool}
"""


class Resolver(Rampart):
    """One of the resolvers of a row."""

    def __init__(self, directory, world, target, spool=None, log_type="postgresql"):
        self.world, self.spool, self.log_type = world, spool, log_type
        super().__init__(directory, self.config(target))

    def config(self, target):
        spool = f"  spool: {{path: {self.spool}}}" if self.spool else ""
        return CONFIG.format(knot=self.world.knot.port, list=self.world.list, type=self.log_type, target=target, spool=spool)

    def retarget(self, target):
        self.write(self.config(target))
        self.signal(signal.SIGHUP)

    def again(self):
        """The same resolver, started anew after its process has ended."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.process.args, stdout=log, stderr=subprocess.STDOUT, cwd=self.log_path.parent)
        wait_for(self.answers, "rampart answers again")

    def health(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/readyz", timeout=3) as answer:
                return json.load(answer)["components"]
        except urllib.error.HTTPError as answer:
            return json.load(answer)["components"]

    def query_log(self):
        return self.health()["queryLog"]

    def is_writing(self):
        log = self.query_log()
        return log["state"] == "ok" and log["batches"] > 0

    def printed(self):
        """The question names of the entries on stdout, in order."""
        return re.findall(r"queryLog: query resolved .*?question_name=(\S+)", self.log)


class TooSlow(AssertionError):
    """Answers took longer during an outage than they may. On a machine shared with builds once is no proof."""


def limit_us(reference):
    if reference > NOISY_US:
        return NOISY_FACTOR * reference
    return max(P99_FACTOR * reference, reference + P99_FLOOR_US)


class World:
    """Upstream, block list and database; makes rows."""

    def __init__(self, directory, namespace=None, dnsperf_rate=0):
        """dnsperf_rate: queries/s that dnsperf sends to each logging resolver, too."""
        self.directory = pathlib.Path(directory)
        self.dnsperf_rate = dnsperf_rate
        self.knot = Knot(directory, ["*.cached.example.org. 86400 A 192.0.2.1"])
        self.list = self.directory / "ads.txt"
        self.list.write_text("*.ads.example.org\n")
        self.namespace = namespace
        try:
            self.database = Postgres(directory, namespace)
        except BaseException:
            self.knot.stop()
            raise

    def close(self):
        self.knot.stop()
        self.database.close()
        if self.namespace:
            self.namespace.close()


class Row:
    """One outage, from the undisturbed start to the exact account. Used as

        with Row(world) as row:
            row.play(break_it, heal_it)
    """

    def __init__(self, world, target=None, begins_broken=False, spool=None, repeats=0):
        """begins_broken: the database is away before the resolvers start.
        repeats: entries that may be in two places, because the outage itself destroyed the memory of the last commit.
        """
        self.world, self.database, self.begins_broken, self.repeats = world, world.database, begins_broken, repeats
        self.target = target or self.database.target
        self.directory = world.directory / f"row-{time.monotonic_ns()}"
        self.directory.mkdir()
        self.spool = spool or self.directory / "spool"
        self.lost_rows = {"a": [], "b": []}  # names in tables that are gone by now
        self.report = {"spool": {}, "stdout": {}}
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
            self.load = Load({name: r.port for name, r in self.resolvers.items()})
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

    # --- phases ---

    def watch(self, seconds):
        """A lap that is not shorter than that."""
        self.load.lap()
        time.sleep(seconds)  # the length of a measurement
        return self.load.lap()

    def fallen_back(self):
        a, b = (r.query_log() for r in self.logging)
        return a["spooled"] + a["stdoutFallback"], b["stdoutFallback"]

    def await_fallback(self, entries=RATE // 2, seconds=20):
        before = self.fallen_back()
        wait_for(lambda: all(now >= was + entries for now, was in zip(self.fallen_back(), before)),
                 "both resolvers fall back", seconds)

    def await_rejoin(self):
        """Until both write again, nothing waits in the spool, and nothing is printed any more."""
        began = time.monotonic()
        before = [r.query_log()["batches"] for r in self.logging]
        back = [None, None]

        def both_are():
            for i, resolver in enumerate(self.logging):
                log = resolver.query_log()
                if back[i] is None and log["state"] == "ok" and log["batches"] > before[i] and log["spoolWaiting"] == 0:
                    back[i] = time.monotonic() - began
            return None not in back
        try:
            wait_for(both_are, "rejoin", 3 * REJOIN_S)
        except AssertionError as error:
            raise AssertionError(f"{error}: {[r.query_log() for r in self.logging]}") from None
        self.report["rejoin_s"] = {"spool": round(back[0], 2), "stdout": round(back[1], 2)}
        if max(back) > REJOIN_S:
            raise AssertionError(f"rejoined after {back} s, promised are {REJOIN_S} s")
        printed = [r.query_log()["stdoutFallback"] for r in self.logging]
        batches = [r.query_log()["batches"] for r in self.logging]
        wait_for(lambda: all(r.query_log()["batches"] > n + 1 for r, n in zip(self.logging, batches)), "more batches")
        if printed != [r.query_log()["stdoutFallback"] for r in self.logging]:
            raise AssertionError("entries are still printed although the database is back")

    def play(self, break_it, heal_it, disturbed_s=1.5):
        """Calm, outage, return, account; gives the report. Laps of the outage reach from breaking to the return."""
        if self.begins_broken:
            self.load.lap()
            began = time.monotonic()
        else:
            wait_for(lambda: all(r.is_writing() for r in self.logging), "the database is written to")
            calm = self.watch(2.0)
            began = time.monotonic()
            break_it()
        self.await_fallback()
        time.sleep(max(0.0, disturbed_s - (time.monotonic() - began)))  # no percentile of less than that
        heal_it()
        self.await_rejoin()
        disturbed = self.load.lap()
        self.report["outage_s"] = round(time.monotonic() - began, 1)
        if self.begins_broken:
            calm = self.watch(2.0)
        self.finish(calm, disturbed)
        return self.report

    # --- verdicts ---

    def finish(self, calm, disturbed):
        self.more = [one.end() for one in self.dnsperfs]
        totals = self.load.command("pause")
        self.check_answers(totals)
        self.check_latency(calm, disturbed)
        self.check_account(totals)

    def check_answers(self, totals):
        self.report["queries"] = sum(t["sent"] for t in totals.values()) + sum(sent for sent, _, _ in self.more)
        self.report["lost"] = sum(t["lost"] + t["wrong"] for t in totals.values()) + sum(lost for _, _, lost in self.more)
        if self.report["lost"] and self.more:
            raise AssertionError(f"queries were lost: {totals}, dnsperf: sent, completed, lost = {self.more}")
        for name, t in totals.items():
            if t["lost"] or t["wrong"] or t["answered"] != t["sent"] or not t["sent"]:
                raise AssertionError(f"{name}: {t}")

    def check_latency(self, calm, disturbed):
        for name, mode in (("a", "spool"), ("b", "stdout")):
            before, during = calm[name]["p99_us"], disturbed[name]["p99_us"]
            control = disturbed["c"]["p99_us"]
            self.report[mode].update(p99_before_us=before, p99_during_us=during, p99_control_us=control)
            allowed = limit_us(max(before, control))
            if during > allowed:
                raise TooSlow(f"p99 with {mode}: {during} us during the outage; {before} us before, {control} us at "
                              f"the resolver without a log meanwhile; allowed are {allowed:.0f} us")

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
        printed_of_both = answered_of_both = 0
        for name, mode in (("a", "spool"), ("b", "stdout")):
            printed = self.resolvers[name].printed()
            rows = self.names_in_table(name) + [n for n in self.lost_rows[name] if n.startswith(name + "0")]
            blocked = rows + [n.rstrip(".") for n in printed if n.startswith(name + "0")]
            self.report[mode].update(answered=totals[name]["answered"], printed=len(printed))
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
