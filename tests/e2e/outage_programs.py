"""What plays in an outage: PostgreSQL and Redis that can be broken in every way, links that can be cut or slowed, the
resolvers that must not notice, and the load that would.
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
import tempfile
import time
import urllib.error
import urllib.request

from harness import ROOT, Program, Rampart, free_port, wait_for

DNS_LOAD = os.environ.get("RAMPART_DNS_LOAD", str(ROOT / "build/dev/tests/e2e/dns_load"))
USER = "postgres"


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
    """A PostgreSQL of our own in a private directory and on a private port; psql goes over its unix socket.

    wal_directory: where it keeps its log; then in pieces of 1 MiB, so that a small disk holds them.
    priority: words before each command, such as `nice`: a server on a host of its own would take no processor from us.
    """

    def __init__(self, directory, namespace=None, wal_directory=None, priority=()):
        self.programs = postgres_programs()
        self.namespace = namespace
        self.address = namespace.theirs if namespace else "127.0.0.1"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="postgres-", dir=directory))
        self.directory.chmod(0o755)
        os.chmod(directory, 0o755)
        self.port = free_port()
        self.process = None
        self.priority = self.prefix = list(priority)
        self.settings = []
        wal = []
        if wal_directory:
            wal = ["-X", wal_directory, "--wal-segsize=1"]
            self.settings = ["-c", "min_wal_size=2MB", "-c", "max_wal_size=4MB"]
        if os.geteuid() == 0:
            shutil.chown(self.directory, USER, USER)
            self.prefix = [*self.priority, "setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--pdeathsig", "QUIT"]
        subprocess.run([*self.prefix, self.programs / "initdb", "-D", self.directory / "data", *wal, "-U", USER,
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
                 "-c", "fsync=off", "-c", "shared_buffers=32MB", "-c", "max_connections=30", "-c", "autovacuum=off",
                 *self.settings]
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
                raise RuntimeError("PostgreSQL does not start: " + self.log[-2000:])
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
        done = subprocess.run([*self.priority, self.programs / "psql", "-h", self.directory, "-p", str(self.port), "-U", USER, "-d", database,
                               "-XAtqc", text], check=True, capture_output=True, text=True, timeout=30, cwd="/")
        return done.stdout.strip()

    @property
    def log(self):
        return (self.directory / "server.log").read_text(errors="replace")

    def count(self, text, database="rampart"):
        return int(self.sql(text, database) or 0)

    def set_access(self, method):
        (self.directory / "data/pg_hba.conf").write_text(f"local all all trust\nhost all all all {method}\n")
        if self.process:
            self.sql("SELECT pg_reload_conf()", "postgres")

    def end_sessions(self):
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rampart'", "postgres")


class Redis(Program):
    """A Redis of our own that keeps nothing on disk."""

    def __init__(self, directory, port=None, priority=()):
        self.port = port or free_port()
        super().__init__([*priority, "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                          "--appendonly", "no"], directory, f"redis-{self.port}")
        self.arguments = (directory, self.port, priority)
        wait_for(lambda: socket.create_connection(("127.0.0.1", self.port), 1).close() is None, "redis-server listens")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def again(self):
        """Started anew, empty, on the same port."""
        self.__init__(*self.arguments)

    def close(self):
        self.signal(signal.SIGCONT)
        self.stop()


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

    def __init__(self, targets, rate):
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
  denylists: {{ads: [{list}], switch: [{list}.switch]}}
  clientGroupsBlock: {{default: [ads, switch]}}
queryLog:
  type: {type}
  target: "{target}"
  flushInterval: 200ms
{spool}
{redis}
"""


class Resolver(Rampart):
    """One of the resolvers of a row."""

    def __init__(self, directory, world, target, spool=None, log_type="postgresql"):
        self.world, self.spool, self.log_type = world, spool, log_type
        super().__init__(directory, self.config(target))

    def config(self, target):
        spool = f"  spool: {{path: {self.spool}}}" if self.spool else ""
        shares = self.world.redis and self.log_type != "none"
        redis = f"redis: {{address: '127.0.0.1:{self.world.redis.port}'}}" if shares else ""
        return CONFIG.format(knot=self.world.knot.port, list=self.world.list, type=self.log_type, target=target, spool=spool,
                             redis=redis)

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

    def fetch(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=5) as answer:
            return answer.read()

    def redis(self):
        return self.health()["redis"]

    def printed(self):
        """The question names of the entries on stdout, in order."""
        return re.findall(r"queryLog: query resolved .*?question_name=(\S+)", self.log)
