"""Whether an outage was felt: percentiles of windows with and without it, beside those of a resolver without log or Redis.

The resolver without a log ("control") feels only what the machine does: other programs on its processors, and what a
dying and starting server costs them. So a window counts as disturbed by the machine where the control is, and the
outage is to blame only for what the control does not show.
"""
import statistics

CONTROL = "c"
MODES = {"a": "spool", "b": "stdout"}

# The promise.
FACTOR = 1.2
# One wake-up of a processor that sleeps, or one turn of another program on it, is as much as all of an undisturbed
# answer's 0.1 ms; the 99th percentile of the few thousand answers of a single outage turns on a handful of them. The
# bench, which has many windows, does without this.
FLOOR_US = 100.0
# Beyond this the control itself was disturbed, and nothing can be said about the others.
NOISY_FACTOR, NOISY_US = 1.5, 600.0
# What no machine does to an answer for long, but a worker that waits for a database, a disk or a lock would.
WAIT_FACTOR, WAIT_US = 3.0, 20_000.0


class TooSlow(AssertionError):
    """Answers took longer during an outage than they may."""


def p99(laps, name):
    return [lap[name]["p99_us"] for lap in laps]


class Verdict:
    """Of the windows of one row: `calm` and `outage` are laps of the load, each with the figures of every resolver."""

    def __init__(self, calm, outage):
        self.calm = {name: statistics.median(p99(calm, name)) for name in calm[0]}
        self.outage = {name: statistics.median(p99(outage, name)) for name in outage[0]}
        control = p99(calm + outage, CONTROL)
        self.is_noisy = max(control) > max(NOISY_US, NOISY_FACTOR * min(control)) or max(control) > 2 * NOISY_FACTOR * min(control)

    def reference(self, name):
        return max(self.calm[name], self.outage[CONTROL])

    def ratio(self, name):
        return self.outage[name] / self.reference(name)

    def text(self, name):
        return (f"p99 with {MODES[name]}: {self.outage[name]:.0f} us during the outage, {self.calm[name]:.0f} us without; "
                f"{self.outage[CONTROL]:.0f} us at the resolver without a log meanwhile")

    def felt(self, floor_us=0.0):
        """The resolvers that broke the promise."""
        return [name for name in MODES if self.outage[name] > max(FACTOR * self.reference(name), self.reference(name) + floor_us)]

    def check(self, floor_us):
        felt = self.felt(floor_us)
        if felt:
            raise TooSlow("; ".join(map(self.text, felt)))

    def check_no_wait(self):
        """The bound of tests, which share the machine with anything."""
        for name in MODES:
            reference = self.reference(name)
            if self.outage[name] > max(WAIT_FACTOR * reference, reference + WAIT_US):
                raise TooSlow(self.text(name))
