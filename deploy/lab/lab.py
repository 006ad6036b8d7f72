#!/usr/bin/env python3
"""Boots the cluster in network namespaces, brings it up with the playbook, and breaks it on purpose.

    lab.py [--keep] [--binary PATH] [--package PATH] [--report DIR] [--retry] [--only-up] [--attach STATE] [NUMBER...]

Needs root, systemd-nspawn and a built resolver: it packs the .deb from the build folder unless one is named. Without
one of them it says so and ends with exit code 0 and one test skipped (RAMPART_LAB_STRICT makes that a failure).
Everything runs in namespaces of its own and dies with this process. The report is written as Markdown and JSON.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import failures
import images
from cluster import Failed, HERE, Lab, Skipped, wait

TOP = HERE.parent.parent
HARD_LIMIT_SECONDS = int(os.environ.get("RAMPART_LAB_LIMIT", 8 * 60))


class OutOfTime(BaseException):
    """The whole lab took too long; no test may catch it."""


def missing():
    """Why the lab cannot run here, or an empty text."""
    if os.geteuid() != 0:
        return "root is needed for namespaces, bridges and overlays"
    for tool in ("systemd-nspawn", "mmdebstrap", "ansible-playbook", "unshare", "nsenter", "ip", "ssh-keygen"):
        if not shutil.which(tool):
            return f"{tool} is not installed (deploy/lab/setup installs it)"
    test = subprocess.run(["unshare", "-mnpiu", "--fork", "true"], capture_output=True, text=True, check=False)
    if test.returncode:
        return f"this machine allows no namespaces: {test.stderr.strip()}"
    return ""


def find_package(args, work):
    """The .deb to install: the one named, or packed from the newest built binary."""
    if args.package:
        return pathlib.Path(args.package).resolve()
    built = sorted(TOP.glob("build/*/control/rampart"), key=lambda p: p.stat().st_mtime)
    folder = pathlib.Path(args.binary).resolve().parent.parent if args.binary else built[-1].parent.parent if built else None
    if not folder:
        return None
    result = subprocess.run(["cpack", "-G", "DEB", "-B", str(work)], cwd=folder, capture_output=True, text=True, check=False)
    found = list(pathlib.Path(work).glob("rampart_*.deb"))
    if result.returncode or not found:
        raise Failed(f"cpack in {folder} failed: {(result.stdout + result.stderr)[-800:]}")
    return found[0]


def memory(lab):
    """Resident memory of each daemon on one master, in MB."""
    text = lab.run("m1", "ps -eo rss=,comm= | awk '{m[$2]+=$1} END {for (c in m) print c, int(m[c]/1024)}'")
    wanted = ("rampart", "dnsmasq", "keepalived", "haproxy", "nginx", "fail2ban-server", "etcd", "patroni", "postgres",
              "redis-server", "redis-sentinel", "docker-registry", "rsyslogd")
    seen = dict(line.rsplit(" ", 1) for line in text.splitlines())
    return {name: int(mb) for name, mb in seen.items() if any(name.startswith(want[:15]) for want in wanted)}


def write_report(folder, report):
    """Markdown for people, JSON for programs."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    lines = ["# Failure lab", "", f"{report['when']}, {report['seconds']} s in all, {os.cpu_count()} cores, kernel {os.uname().release}; "
             f"base {report['base_seconds']} s, boot {report['boot_seconds']} s, first playbook {report.get('playbook_seconds', '-')} s "
             f"({report.get('playbook_by', '-')})."]
    if failures.SLOW > 1:
        lines.append("RAMPART_LAB_SLOW was set: bounds are doubled.")
    lines += ["", "| # | Failure | Promise | Measured | Result |", "|---|---|---|---|---|"]
    for test in report["tests"]:
        measured = "; ".join(f"{k}: {v}" for k, v in test["figures"].items())
        measured = f"{measured or test['why']}{' (second try; first: ' + test['first'] + ')' if test.get('first') else ''}".replace("\n", " ")
        lines.append(f"| {test['number']} | {test['title']} | {test['bound']} | {measured} | {test['result']} |")
    if report.get("memory_mb"):
        lines += ["", "Resident memory of one master, MB: " + ", ".join(f"{k} {v}" for k, v in sorted(report["memory_mb"].items())) + "."]
    (folder / "report.md").write_text("\n".join(lines) + "\n")


def bring_up(lab, base, report, folder):
    """Boots the hosts and applies the playbook."""
    lab.images = images.Images(lab)
    report["boot_seconds"] = round(lab.up(base), 1)
    lab.internet()
    seconds, recap, output = lab.playbook()
    lab.playbook_seconds = seconds
    report["playbook_seconds"] = round(seconds)
    report["slowest_tasks"] = lab.slowest_tasks
    report["playbook_by"] = "Mitogen" if lab.fast_playbooks else "plain ssh"
    print(f"lab: hosts up in {report['boot_seconds']} s, playbook {seconds:.0f} s ({report['playbook_by']})", flush=True)
    if any(counts["failed"] or counts["unreachable"] for counts in recap.values()) or len(recap) < 4:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "playbook.log").write_text(output)
        raise Failed("the playbook failed: " + output[-2500:])


def run_test(lab, case, folder, retry):
    """Runs one test; a failure is recorded and every host's journal dumped. A second chance is named in the report."""
    number, title, bound, _, function = case
    begin = time.monotonic()
    entry = {"number": number, "title": title, "bound": bound, "figures": {}, "why": ""}
    for attempt in (1, 2):
        try:
            entry["figures"], entry["result"], entry["why"] = function(lab), "ok", ""
        except Skipped as reason:
            entry["result"], entry["why"] = "SKIPPED", str(reason)
        except (Failed, subprocess.SubprocessError, OSError, ValueError, KeyError, IndexError, StopIteration) as error:
            entry["result"], entry["why"] = "FAILED", f"{error}" if isinstance(error, Failed) else traceback.format_exc(limit=4)
            lab.dump(folder / f"dump-{number:02d}")
            lab.repair()
        if entry["result"] != "FAILED" or not retry or lab.dead:
            break
        if attempt == 1:
            entry["first"] = entry["why"]
            print(f"again   {number:2d} {title}: {entry['why'][:300]}", flush=True)
    entry["seconds"] = round(time.monotonic() - begin, 1)
    return entry


def run_tests(lab, wanted, report, folder, retry):
    """Runs the numbered tests in order; those that disturb nobody run beside a longer one."""
    chosen = [case for case in failures.TESTS if not wanted or case[0] in wanted]
    leaders = {case[0] for case in chosen}

    def done(entry):
        report["tests"].append(entry)
        shown = "; ".join(f"{k}: {v}" for k, v in entry["figures"].items()) or entry["why"]
        print(f"{entry['result']:7} {entry['number']:2d} {entry['title']} ({entry['seconds']} s)\n           {shown}", flush=True)

    with concurrent.futures.ThreadPoolExecutor(1) as aside:
        for case in chosen:
            if case[3] in leaders:
                continue
            beside = [aside.submit(run_test, lab, other, folder, retry) for other in chosen if other[3] == case[0]]
            done(run_test(lab, case, folder, retry))
            for other in beside:
                done(other.result())
    report["tests"].sort(key=lambda entry: entry["number"])


def main():
    """Everything, with an alarm behind it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("numbers", nargs="*", type=int)
    parser.add_argument("--binary")
    parser.add_argument("--package")
    parser.add_argument("--report", default=str(TOP / "build" / "lab"))
    parser.add_argument("--keep", action="store_true", help="leave the hosts running and say how to end them")
    parser.add_argument("--attach", metavar="STATE", help="use the hosts that an earlier --keep left; they stay")
    parser.add_argument("--retry", action="store_true", help="give a failed test one more chance, and name it")
    parser.add_argument("--only-up", action="store_true", help="boot and configure, break nothing")
    args = parser.parse_args()

    why = missing()
    work = pathlib.Path(tempfile.mkdtemp(prefix="rampart-lab-"))
    try:
        package = None if why else find_package(args, work)
    except Failed as error:
        print(f"lab: {error}")
        return 1
    if not why and not package:
        why = "no built resolver: build the target rampart, or name a package with --package"
    if why:
        print(f"SKIPPED the lab: {why}")
        print("lab: 0 passed, 0 failed, 1 skipped")
        return 1 if os.environ.get("RAMPART_LAB_STRICT") else 0

    def out_of_time(*_):
        raise OutOfTime(f"the hard limit of {HARD_LIMIT_SECONDS} s is reached")

    folder = pathlib.Path(args.report)
    report = {"when": time.strftime("%Y-%m-%d %H:%M"), "tests": [], "base_seconds": 0, "boot_seconds": 0}
    print("lab: the base file system", flush=True)
    begin = time.monotonic()
    base = subprocess.run([str(HERE / "base")], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    report["base_seconds"] = round(time.monotonic() - begin)
    lab = Lab(args.attach or work, package)
    start = time.monotonic()
    signal.signal(signal.SIGALRM, out_of_time)
    signal.signal(signal.SIGTERM, out_of_time)
    signal.alarm(HARD_LIMIT_SECONDS)
    lab.deadline = time.monotonic() + HARD_LIMIT_SECONDS
    fatal = ""
    try:
        if args.attach:
            if {16, 20} & set(args.numbers):
                lab.images = images.Images(lab)
        else:
            bring_up(lab, base, report, folder)
        lab.settled(20)
        wait(lambda: all(lab.query(vip, "www.example.org")[0] == "NOERROR" for vip in
                         ("10.77.0.100", "10.77.0.101", "10.77.0.102")), 10, "DNS answers at all VIPs")
        report["memory_mb"] = memory(lab)
        if not args.only_up:
            run_tests(lab, set(args.numbers), report, folder, args.retry)
    except (Failed, OutOfTime) as error:
        fatal = str(error)
        print(f"FAILED  {fatal}")
        if (lab.state / "ready").exists():
            signal.alarm(60)
            lab.dump(folder / "dump")
    finally:
        signal.alarm(0)
        report["seconds"] = round(time.monotonic() - start)
        if lab.images:
            lab.images.stop()
        write_report(folder, report)
        if args.keep or args.attach:
            if args.attach:
                shutil.rmtree(work, ignore_errors=True)
            print(f"lab: kept; look inside with {HERE}/lab.sh in {lab.state} m1 bash; end it with {HERE}/lab.sh down {lab.state}")
        else:
            lab.down()
            shutil.rmtree(work, ignore_errors=True)
    results = [test["result"] for test in report["tests"]]
    failed = results.count("FAILED") + bool(fatal)
    print(f"lab: report in {folder}/report.md, {report['seconds']} s")
    print(f"lab: {results.count('ok')} passed, {failed} failed, {results.count('SKIPPED')} skipped")
    return 1 if failed or (os.environ.get("RAMPART_LAB_STRICT") and "SKIPPED" in results) else 0


if __name__ == "__main__":
    sys.exit(main())
