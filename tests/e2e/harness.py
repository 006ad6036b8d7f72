"""Real programs for end-to-end tests: our binary, Knot DNS as its upstream, and waiting without sleeping blindly.

Everything listens on loopback, on ports that the kernel chose, and is ended by its own pid.
"""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import dns.message
import dns.query
import dns.rdatatype

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("RAMPART_BINARY", str(ROOT / "build/dev/control/rampart"))
DATA = pathlib.Path(os.environ.get("RAMPART_DATA_DIR", ROOT.parent / "shared/data"))
TIME_FACTOR = float(os.environ.get("RAMPART_TIME_FACTOR", "1"))  # more than 1 under a sanitizer
IS_SANITIZED = TIME_FACTOR > 1

# A finding does not end the program, and nobody looks at the exit code of one that is killed.
SANITIZER_REPORT = re.compile(r"(WARNING|ERROR): \w+Sanitizer|: runtime error: ")


def is_built_with_thread_sanitizer():
    return b"__tsan_init" in pathlib.Path(BINARY).read_bytes()


def free_port():
    """A port that is free for UDP and TCP on 127.0.0.1."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                with contextlib.suppress(OSError):
                    udp.bind(("127.0.0.1", port))
                    return port
    raise RuntimeError("no free port")


def wait_for(condition, what, seconds=15.0, pause=0.02):
    """Polls until condition() is true; its last exception is shown if it never is."""
    seconds *= TIME_FACTOR
    end = time.monotonic() + seconds
    error = None
    while time.monotonic() < end:
        try:
            if condition():
                return
        except Exception as e:  # the condition may fail while a program starts
            error = e
        time.sleep(pause)
    raise AssertionError(f"{what}: not within {seconds} s ({error})")


def query(port, name, rdtype="A", tcp=False, timeout=3.0, address="127.0.0.1", **options):
    message = dns.message.make_query(name, rdtype, **options)
    ask = dns.query.tcp if tcp else dns.query.udp
    return ask(message, address, port=port, timeout=timeout)


def addresses(response):
    return sorted(r.address for rrset in response.answer for r in rrset
                  if rrset.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA))


class Program:
    """A child process with its output in a file; ended by pid."""

    def __init__(self, arguments, directory, name, environment=None):
        self.log_path = pathlib.Path(directory) / f"{name}.log"
        self.launch(arguments, directory, {**os.environ, **(environment or {})})

    def launch(self, arguments, directory, environment):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(arguments, stdout=log, stderr=subprocess.STDOUT, cwd=directory, env=environment)

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def running(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, seconds=10):
        if self.running():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        found = SANITIZER_REPORT.search(self.log)
        if found:
            raise AssertionError(f"{self.process.args[0]}: {self.log[found.start():][:6000]}")
        return self.process.returncode


class Knot(Program):
    """An authoritative server for the root zone with the given records: the whole Internet of a test.

    records: lines of zone text, owners absolute.
    """

    def __init__(self, directory, records, port=None):
        self.port = port or free_port()
        directory = pathlib.Path(directory) / f"knot-{self.port}"
        directory.mkdir(exist_ok=True)
        self.zone_path = directory / "root.zone"
        self.serial = 0
        self.write_zone(records)
        (directory / "knot.conf").write_text(f"""
server:
    rundir: {directory}
    listen: 127.0.0.1@{self.port}
    udp-workers: 1
    tcp-workers: 1
database:
    storage: {directory}
log:
  - target: stderr
    any: warning
zone:
  - domain: .
    file: {directory}/root.zone
    semantic-checks: off
""")
        super().__init__(["knotd", "-c", str(directory / "knot.conf")], directory, "knot")
        wait_for(lambda: query(self.port, ".", "SOA", timeout=0.3).answer, f"knotd ({self.log_path})")

    def write_zone(self, records):
        self.serial += 1
        self.zone_path.write_text(f". 3600 SOA ns.invalid. host.invalid. {self.serial} 3600 600 86400 300\n"
                                  ". 3600 NS ns.invalid.\n" + "\n".join(records) + "\n")

    def replace(self, records):
        """Serves these records instead; returns when it does."""
        self.write_zone(records)
        self.signal(signal.SIGHUP)
        wait_for(lambda: query(self.port, ".", "SOA", timeout=0.3).answer[0][0].serial == self.serial, "knotd's new zone")


class Rampart(Program):
    """Our server with a configuration given as text; `{dns}` and `{http}` in it become its ports."""

    def __init__(self, directory, config, wait=True, arguments=(), port=None):
        for left in (2, 1, 0):
            self.port = port or free_port()
            self.http_port = free_port()
            self.config_path = pathlib.Path(directory) / f"rampart-{self.port}.yml"
            self.write(config)
            super().__init__([BINARY, "serve", "--config", str(self.config_path), *arguments], directory, f"rampart-{self.port}")
            if not wait:
                return
            wait_for(lambda: not self.running() or self.answers(), "rampart does not answer; its log:\n" + self.log)
            if self.running():
                if "{http}" in config:
                    wait_for(self.accepts_http, "rampart does not open its HTTP port; its log:\n" + self.log)
                return
            # Between choosing a port and opening it another test may have taken it.
            if port or not left or "address already in use" not in self.log:
                raise AssertionError(f"rampart ended with {self.process.returncode}:\n{self.log}")

    def write(self, config):
        self.config_path.write_text(config.replace("{dns}", f"127.0.0.1:{self.port}")
                                    .replace("{http}", f"127.0.0.1:{self.http_port}"))

    def answers(self):
        if not self.running():
            raise RuntimeError(f"rampart ended with {self.process.returncode}: {self.log}")
        return query(self.port, "healthcheck.blocky", timeout=0.3).rcode() == 0

    def accepts_http(self):
        with socket.create_connection(("127.0.0.1", self.http_port), timeout=1):
            return True

    def query(self, name, rdtype="A", **options):
        return query(self.port, name, rdtype, **options)


class E2eTest(unittest.TestCase):
    def setUp(self):
        if not os.access(BINARY, os.X_OK):
            self.fail(f"{BINARY} is missing: build it first (tools/test does)")
        self.directory = tempfile.mkdtemp(prefix="rampart-e2e-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def start(self, program):
        self.addCleanup(program.stop)
        return program


def base_config(upstream_port, extra="", log_type="none"):
    return f"""
upstreams:
  groups:
    default:
      - 127.0.0.1:{upstream_port}
ports:
  dns: {{dns}}
queryLog:
  type: {log_type}
{extra}
"""
