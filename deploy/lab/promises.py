"""How a promise is registered and judged: the numbered tests' common words.

Bounds are about three times what a quiet machine measures, because others may use the cores; the promises to
clients (a planned switch 100 ms, a dead owner 1 s) are held as they are unless RAMPART_LAB_SLOW is set, which
doubles them and is named in the report.
"""
import os
import time

from cluster import MASTERS, Skipped, VIPS, check

SLOW = 2 if os.environ.get("RAMPART_LAB_SLOW") else 1
TESTS = []
MASTERS_BY_ADDRESS = {address: host for host, address in MASTERS.items()}


def test(number, title, bound, beside=None):
    """Registers a test under its number; `beside` names a longer one that it does not disturb and runs with."""
    def register(function):
        TESTS.append((number, title, bound, beside, function))
        return function
    return register


def silence(probes, what, bound_ms, vip=VIPS[0]):
    """Ends the pair of probes; checks the longest silences, wrong sources and lost queries; returns the figures."""
    dns, http = (probe.finish() for probe in probes)
    seen = dns[vip]
    figures = {f"{what}: DNS silent": f"{seen['silence_ms']:.0f} ms", f"{what}: HTTP silent": f"{http[vip]['silence_ms']:.0f} ms",
               f"{what}: answered by": " > ".join(MASTERS_BY_ADDRESS.get(who, who) for _, who in seen["owners"])}
    check(seen["answered"] > 20, f"{what}: only {seen['answered']} of {seen['sent']} queries were answered")
    check(seen["wrong_source"] == 0, f"{what}: {seen['wrong_source']} answers came from another address than {vip}")
    check(set(seen["codes"]) == {"0"}, f"{what}: response codes {seen['codes']}, only 0 was promised")
    check(seen["wrong_answer"] == 0, f"{what}: {seen['wrong_answer']} answers had another address than expected: {seen['wrong']}")
    check(seen["silence_ms"] <= bound_ms, f"{what}: DNS was silent for {seen['silence_ms']} ms, promised {bound_ms}; gaps {seen['gaps']}")
    check(seen["lost"] == 0, f"{what}: {seen['lost']} queries stayed unanswered after a retry")
    check(http[vip]["silence_ms"] <= max(bound_ms, 500) + 320,
          f"{what}: HTTP was silent for {http[vip]['silence_ms']} ms; gaps {http[vip]['gaps']}")
    return figures


def asked(seconds):
    """Lets the probes ask for a while before or after a failure; the time is the measurement itself."""
    time.sleep(seconds)


def one_owner_after(lab, begin, what, seconds=3):
    """Each VIP has exactly one owner `seconds` after a failure at `begin`: then, not at the first glimpse of it."""
    asked(max(0.0, begin + seconds - time.monotonic()))
    for vip in VIPS:
        owners = lab.owners(vip)
        check(len(owners) == 1, f"{what}: {vip} is held by {owners or 'nobody'} after {seconds} s, exactly one owner was promised")


def needs(lab, key):
    """Skips, and says so, when this build only parses a key of the configuration."""
    for line in lab.run("m1", "rampart validate --config /etc/rampart/rampart.yml 2>&1").splitlines():
        if key in line and ("no effect" in line or "not built" in line or "ignored" in line):
            raise Skipped(f"this build parses {key} and does nothing with it: {line[:160]}")
