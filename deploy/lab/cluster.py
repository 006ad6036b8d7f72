"""The lab's hosts as objects: run a command inside, pull a cable, ask without pause, wait for a condition."""
import json
import math
import os
import pathlib
import shlex
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
HOSTS = HERE.parent / "hosts"
MASTERS = {"m1": "10.77.0.11", "m2": "10.77.0.12", "m3": "10.77.0.13"}
MITOGEN = pathlib.Path("/usr/lib/python3/dist-packages/ansible/plugins/strategy/mitogen_linear.py")
CLIENT, SPARE = "10.77.0.14", "10.77.0.15"
INTERNET = "192.0.2.1"  # what the client, who plays the Internet, says of every name
VIPS = ["10.77.0.100", "10.77.0.101", "10.77.0.102"]


class Failed(Exception):
    """A promise did not hold; the text says which, and what was found."""


class Skipped(Exception):
    """A test that cannot run here; the text says why."""


def check(claim, text):
    """Raises Failed when the claim does not hold."""
    if not claim:
        raise Failed(text)


def wait(condition, seconds, what):
    """Waits for a condition; returns the seconds it took, or raises Failed."""
    begin = time.monotonic()
    while True:
        try:
            if condition():
                return time.monotonic() - begin
            why = ""
        except (Failed, subprocess.SubprocessError, ValueError, KeyError, IndexError) as error:
            why = f" ({error})"
        if time.monotonic() - begin > seconds:
            raise Failed(f"after {seconds} s still not so: {what}{why}")
        time.sleep(0.05)


class Probe:
    """A probe that runs on the client; `finish` ends it and gives what it saw of each target."""

    def __init__(self, lab, kind, targets, names=None, interval=None):
        command = ["python3", "-u", "/root/lab/probe.py", kind, ",".join(targets)]
        if names:
            command += ["--names", ",".join(names)]
        if interval:
            command += ["--interval", str(interval)]
        self.process = lab.start("client", *command)
        check(self.process.stdout.readline().strip() == "ready", f"the {kind} probe did not start")

    def finish(self):
        """Ends the probe; returns {address: report}."""
        text, _ = self.process.communicate(timeout=15)  # closes its input, which ends it
        return json.loads(text.strip().splitlines()[-1])


class Lab:
    """All hosts. Everything that is started here ends with `down`."""

    def __init__(self, state, package):
        self.state, self.package = pathlib.Path(state), package
        self.dark, self.dead = set(), set()
        self.processes = []
        self.deadline = math.inf
        self.playbook_seconds = 0.0
        self.slowest_tasks = []
        self.fast_playbooks = MITOGEN.exists() and not os.environ.get("RAMPART_LAB_PLAIN")
        self.images = None

    def _script(self, *words):
        return [str(HERE / "lab.sh"), *words]

    def remaining(self):
        """Seconds until the hard limit ends everything."""
        return self.deadline - time.monotonic()

    def up(self, base):
        """Boots the hosts; returns the seconds it took."""
        begin = time.monotonic()
        result = subprocess.run(self._script("up", base, str(self.state), *MASTERS, "client", "spare"),
                                capture_output=True, text=True, timeout=90, check=False)
        if result.returncode or not (self.state / "ready").exists():
            log = (self.state / "log").read_text() if (self.state / "log").exists() else ""
            raise Failed(f"the hosts did not boot: {result.stdout}{result.stderr}{log}")
        return time.monotonic() - begin

    def down(self):
        """Ends everything that was started."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
        if (self.state / "top").exists():
            subprocess.run(self._script("down", str(self.state)), timeout=60, check=False)

    def run(self, host, command, timeout=60, ok=True):
        """Runs a shell command on a host and returns its output; with ok=False a failure is an answer too."""
        result = subprocess.run(self._script("in", str(self.state), host, "sh", "-c", command), capture_output=True,
                                text=True, timeout=timeout, stdin=subprocess.DEVNULL, check=False)
        if ok and result.returncode:
            raise Failed(f"{host}: `{command}` ended with {result.returncode}: {(result.stdout + result.stderr).strip()[-800:]}")
        return result.stdout.strip() if ok else (result.returncode, (result.stdout + result.stderr).strip())

    def start(self, host, *command):
        """Starts a command on a host; its output is a pipe."""
        process = subprocess.Popen(self._script("in", str(self.state), host, *command), stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, stdin=subprocess.PIPE, text=True)
        self.processes.append(process)
        return process

    def write(self, host, path, text, mode="644"):
        """Puts a file on a host."""
        subprocess.run(self._script("in", str(self.state), host, "sh", "-c",
                                    f"mkdir -p $(dirname {path}) && cat > {path} && chmod {mode} {path}"),
                       input=text, text=True, timeout=20, check=True)

    def copy(self, host, source, path):
        """Copies a file of this machine to a host."""
        with open(source, "rb") as file:
            subprocess.run(self._script("in", str(self.state), host, "sh", "-c", f"cat > {path}"), stdin=file,
                           timeout=60, check=True)

    def internet(self, address=INTERNET):
        """The client plays the Internet: every name has this address, for five seconds."""
        self.run("client", "systemctl stop internet 2>/dev/null; systemd-run -q --unit=internet /usr/sbin/dnsmasq -k --no-resolv --no-hosts "
                 f"--listen-address={CLIENT} --bind-interfaces --address=/#/{address} --local-ttl=5 --cache-size=0")

    def link(self, host, up):
        """Plugs a host's cable in or out."""
        subprocess.run(self._script("link", str(self.state), host, "up" if up else "down"), timeout=10, check=True)
        (self.dark.discard if up else self.dark.add)(host)

    def kill(self, host):
        """Pulls a host's plug; it does not come back."""
        self.dark.add(host)
        self.dead.add(host)
        subprocess.run(self._script("kill", str(self.state), host), timeout=10, check=True)

    def image(self, kind):
        """A container image of this run, `scratch` or `debian`; Skipped or Failed when it could not be built."""
        if not self.images:
            raise Skipped("no image was built in this run")
        return self.images.get(kind)

    def playbook(self, *words, book="site.yml", inventory="lab", timeout=400):
        """Applies a playbook to an inventory; returns (seconds, {host: {ok, changed, failed, unreachable}}, output)."""
        begin = time.monotonic()
        # Mitogen keeps one Python on each host instead of sending a new one for each task: the same roles and modules in a
        # quarter of the time. RAMPART_LAB_PLAIN goes without it.
        fast = {"ANSIBLE_STRATEGY": "mitogen_linear"} if self.fast_playbooks else {}
        environment = {**os.environ, **fast, "ANSIBLE_HOST_KEY_CHECKING": "False", "ANSIBLE_CONFIG": str(HOSTS / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1",
                       "ANSIBLE_LOCAL_TEMP": str(self.state / "ansible"), "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.state / "cp")}
        process = subprocess.Popen(
            self._script("net", str(self.state), "timeout", str(timeout), "ansible-playbook", "-i", str(HOSTS / "inventory" / inventory / "hosts.yml"),
                         "--private-key", str(self.state / "id"), "-e", f"resolver_package={self.package}",
                         *words, str(HOSTS / book)),
            cwd=HOSTS, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
        self.processes.append(process)
        output, tasks, last = "", [], begin
        for line in process.stdout:
            output += line
            if line.startswith(("TASK [", "RUNNING HANDLER [", "PLAY ")):
                now = time.monotonic()
                tasks.append([line.strip(" *\n"), now])
                if len(tasks) > 1:
                    tasks[-2][1] = round(now - last, 1)
                last = now
        process.wait()
        self.slowest_tasks = sorted(tasks[:-1], key=lambda task: -task[1])[:8]
        recap = {}
        for line in output.partition("PLAY RECAP")[2].splitlines()[1:]:
            host, _, counts = line.partition(":")
            if counts:
                recap[host.strip()] = {k: int(v) for k, v in (pair.split("=") for pair in counts.split())}
        return time.monotonic() - begin, recap, output

    def owners(self, vip, masters=MASTERS):
        """The masters that are connected and hold an address."""
        return [host for host in masters if host not in self.dark
                and f" {vip}/" in self.run(host, "ip -4 -o addr show dev eth0")]

    def owner(self, vip):
        """The one master that holds an address; Failed when there is none or more than one."""
        owners = self.owners(vip)
        check(len(owners) == 1, f"{vip} is held by {owners or 'nobody'}, exactly one owner was promised")
        return owners[0]

    def settled(self, seconds=15):
        """Waits until every VIP is where it belongs; returns the seconds it took."""
        return wait(lambda: [self.owners(vip) for vip in VIPS] == [[host] for host in MASTERS], seconds,
                    "each VIP on its own master")

    def repair(self):
        """Brings everything back that a broken test may have left stopped, masked or unplugged."""
        for host in sorted(self.dark):
            if (self.state / f"{host}.pid").exists() and host not in self.dead:
                self.link(host, True)
        for host in MASTERS:
            if host not in self.dead:
                units = "etcd patroni redis-server redis-sentinel docker-registry dnsmasq haproxy nginx fail2ban rampart keepalived"
                self.run(host, f"for u in {units}; do systemctl unmask -q --runtime $u; systemctl is-enabled -q $u && "
                         "systemctl start --no-block $u; done; true", ok=False)
        try:
            self.settled(30)
        except Failed:
            pass  # the next test says what is wrong

    def probe(self, kind, targets, names=None, interval=None):
        """Starts to ask from the client."""
        return Probe(self, kind, targets, names, interval)

    def probe_vips(self, targets=None):
        """The usual pair of probes: DNS to all VIPs at 200 queries a second in all, HTTP to the first one."""
        targets = targets or [VIPS[0]]
        return (self.probe("dns", targets, ["who.home.example", f"www.example.org={INTERNET}", "who.home.example", "ads.example.org=0.0.0.0"]),
                self.probe("http", targets[:1], interval=20))

    def query(self, address, name, host="client", kind="A", options="+tries=1 +time=2"):
        """One lookup by dig: (status, answers)."""
        code, text = self.run(host, f"dig {options} -p 53 @{address} {shlex.quote(name)} {kind}", ok=False)
        status = text.partition("status: ")[2].partition(",")[0] if code == 0 else "SILENT"
        answers = [line.split()[4] for line in text.splitlines() if line and not line.startswith(";") and len(line.split()) >= 5]
        return status, answers

    def dump(self, folder):
        """Everything that explains a failure: journals, addresses, firewall of each host."""
        folder.mkdir(parents=True, exist_ok=True)
        for host in [*MASTERS, "client", "spare"]:
            for name, command in (("journal", "journalctl -b --no-pager -o short-precise"), ("addresses", "ip -4 addr; ss -lntup"),
                                  ("firewall", "nft list ruleset"), ("units", "systemctl --failed --no-pager")):
                try:
                    (folder / f"{host}.{name}").write_text(self.run(host, command, timeout=20, ok=False)[1])
                except (subprocess.SubprocessError, OSError) as error:
                    (folder / f"{host}.{name}").write_text(f"not to be had: {error}\n")
