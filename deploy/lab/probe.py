#!/usr/bin/env python3
"""Asks without pause and tells how long nobody answered.

    probe.py dns TARGET[,TARGET...] [--interval MS] [--names A,B=ADDRESS]
    probe.py http TARGET[,TARGET...] [--interval MS]

Runs until its standard input closes, then prints one JSON object: for each target the longest silence (the longest time between two
answers, the edges included), who answered when, answers from a wrong address, response codes, and queries lost.
It is a busy client, not a load generator: one thread, the monotonic clock, a query every five milliseconds.

dns sends UDP from an unconnected socket, so that an answer from another address than the asked one is seen. A query
unanswered after one second is sent once more; one that is still unanswered a second later is lost. Names beginning
with `who.` resolve to the address of the host that answers. A name with an address behind it must resolve to that one.
"""
import argparse
import json
import random
import select
import socket
import struct
import sys
import threading
import time

running = True


def until_input_closes():
    """Ends the loops when whoever started us says so, or is gone."""
    global running
    sys.stdin.read()
    running = False


class Target:
    """What is known of one asked address."""

    def __init__(self, address):
        self.address = address
        self.start = self.last = time.monotonic()
        self.silence = 0.0
        self.silence_at = 0.0
        self.gaps = []
        self.owners = []
        self.late = []  # queries that needed their retry: when asked, and the name
        self.counts = {"sent": 0, "answered": 0, "retried": 0, "lost": 0, "wrong_source": 0, "wrong_answer": 0}
        self.codes = {}
        self.wrong = []  # answers that were not the expected ones: when they came, the name, and the address found
        self.latencies = []

    def answered(self, now, owner, code):
        """One answer came."""
        gap = now - self.last
        if gap > 0.05:
            self.gaps.append([round((self.last - self.start) * 1000), round(gap * 1000)])
        if gap > self.silence:
            self.silence, self.silence_at = gap, self.last - self.start
        self.last = now
        self.counts["answered"] += 1
        self.codes[code] = self.codes.get(code, 0) + 1
        if owner and (not self.owners or self.owners[-1][1] != owner):
            self.owners.append([round((now - self.start) * 1000), owner])

    def misled(self, now, name, address):
        """An answer came that is not the expected one."""
        self.counts["wrong_answer"] += 1
        self.wrong.append([round((now - self.start) * 1000), name, address])

    def report(self, now):
        """Everything as plain values; the time since the last answer is a silence too."""
        if now - self.last > self.silence:
            self.silence, self.silence_at = now - self.last, self.last - self.start
        spread = sorted(self.latencies)
        return {"silence_ms": round(self.silence * 1000, 1), "silence_at_ms": round(self.silence_at * 1000),
                "gaps": self.gaps[:40], "owners": self.owners[:40], "late": self.late[:20], "codes": self.codes, "wrong": self.wrong[:20],
                "p50_ms": round(spread[len(spread) // 2] * 1000, 2) if spread else None,
                "p99_ms": round(spread[len(spread) * 99 // 100] * 1000, 2) if spread else None,
                "seconds": round(now - self.start, 2), **self.counts}


def question(ident, name):
    """A query for the A record of a name, recursion desired."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!6H", ident, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)


def first_address(wire):
    """The address of the first A record in an answer, when it ends the message as a simple one does."""
    answers = struct.unpack("!H", wire[6:8])[0]
    at = 12
    while at < len(wire) and wire[at]:
        at += wire[at] + 1
    at += 5
    for _ in range(answers):
        while at < len(wire) and wire[at] and wire[at] < 192:
            at += wire[at] + 1
        at += 2 if at < len(wire) and wire[at] >= 192 else 1
        if at + 10 > len(wire):
            return None
        kind, _, _, length = struct.unpack("!HHIH", wire[at:at + 10])
        at += 10
        if kind == 1 and length == 4 and at + 4 <= len(wire):
            return socket.inet_ntoa(wire[at:at + 4])
        at += length
    return None


def probe_dns(targets, interval, names):
    """The loop for DNS; returns when it ended, without the time spent waiting for stragglers."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    waiting = {}  # ident -> [target, sent first, sent last, name, tries, expected address]
    ident = random.randrange(65536)
    due = ending = sweep = time.monotonic()
    turn = 0
    while True:
        now = time.monotonic()
        if not running and (not waiting or now > ending + 2.1):
            return ending
        if running:
            ending = now
            if now >= due:
                for target in targets:
                    ident = (ident + 1) & 0xFFFF
                    name, _, expected = names[turn % len(names)].partition("=")
                    if name.startswith("*."):
                        name = f"r{random.randrange(1 << 30)}{name[1:]}"
                    turn += 1
                    waiting[ident] = [target, now, now, name, 1, expected]
                    target.counts["sent"] += 1
                    send(sock, question(ident, name), target.address)
                due = max(due + interval, now - interval)
        if now - sweep > 0.02:
            sweep = now
            for key, entry in list(waiting.items()):
                target, _, last, name, tries, _ = entry
                if now - last < 1.0:
                    continue
                if tries == 1:
                    entry[2], entry[4] = now, 2
                    target.counts["retried"] += 1
                    target.late.append([round((entry[1] - target.start) * 1000), name])
                    send(sock, question(key, name), target.address)
                else:
                    target.counts["lost"] += 1
                    del waiting[key]
        select.select([sock], [], [], max(0.0, min(due - time.monotonic(), 0.005)) if running else 0.005)
        while True:
            try:
                wire, source = sock.recvfrom(4096)
            except OSError:
                break
            now = time.monotonic()
            entry = waiting.get(struct.unpack("!H", wire[:2])[0]) if len(wire) >= 12 else None
            if not entry:
                continue
            if source[0] != entry[0].address:
                entry[0].counts["wrong_source"] += 1
                continue
            waiting.pop(struct.unpack("!H", wire[:2])[0])
            found = first_address(wire)
            if entry[5] and found != entry[5]:
                entry[0].misled(now, entry[3], found)
            if not running and now - ending > 0.01:  # a straggler counts as answered, not for silence
                entry[0].counts["answered"] += 1
                continue
            owner = found if entry[3].startswith("who.") else None
            entry[0].latencies.append(now - entry[2])
            entry[0].answered(now, owner, str(wire[3] & 15))


def send(sock, wire, address):
    """Sends; a network that is away is what we are here to see."""
    try:
        sock.sendto(wire, (address, 53))
    except OSError:
        pass


def probe_http(targets, interval):
    """A new connection for each request, at least `interval` apart and at most 300 ms long; one target."""
    target = targets[0]
    while running:
        begin = time.monotonic()
        target.counts["sent"] += 1
        try:
            with socket.create_connection((target.address, 80), timeout=0.3) as sock:
                sock.settimeout(0.3)
                sock.sendall(b"GET /healthz HTTP/1.0\r\nHost: probe\r\n\r\n")
                text = b""
                while chunk := sock.recv(4096):
                    text += chunk
            head, _, body = text.partition(b"\r\n\r\n")
            code = head.split(b" ")[1].decode() if head.startswith(b"HTTP/") else "?"
            if code == "200":
                target.answered(time.monotonic(), body.decode().strip(), code)
        except OSError:
            target.counts["lost"] += 1
        time.sleep(max(0.0, begin + interval - time.monotonic()))
    return time.monotonic()


def main():
    """Reads the arguments, asks until told to stop, reports."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["dns", "http"])
    parser.add_argument("targets")
    parser.add_argument("--interval", type=float, default=5.0)
    parser.add_argument("--names", default="who.home.example")
    args = parser.parse_args()
    threading.Thread(target=until_input_closes, daemon=True).start()
    targets = [Target(address) for address in args.targets.split(",")]
    print("ready", flush=True)
    if args.kind == "dns":
        ended = probe_dns(targets, args.interval / 1000, args.names.split(","))
    else:
        ended = probe_http(targets, args.interval / 1000)
    print(json.dumps({target.address: target.report(ended) for target in targets}))


if __name__ == "__main__":
    main()
