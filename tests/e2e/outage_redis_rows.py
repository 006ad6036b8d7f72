"""The rows of the outage matrix that break Redis, over which two resolvers share answers and the blocking switch."""
import contextlib
import signal
import time

from harness import addresses, wait_for
from outage import CONVERGE_S, Row
from relay import Relay

SWITCHED = "switch.example.org"


class RedisRow(Row):
    """Every outage sees the switch of one list turned on `a`: local until the return, then on `b` too."""

    is_off = False
    connects = (0, 0)

    def await_writing(self):
        super().await_writing()
        wait_for(lambda: all(r.redis()["state"] == "ok" for r in self.logging), "both share", 5, self.world.poll_s)
        self.connects = [r.redis()["connects"] for r in self.logging]
        self.is_off = not self.is_blocking(0)  # Redis may still know it from the row before

    def await_outage(self):
        wait_for(lambda: not any(r.redis()["state"] == "ok" for r in self.logging), "both resolvers notice", 10, self.world.poll_s)
        self.is_off = not self.is_off
        self.logging[0].fetch("/api/blocking/disable?groups=switch" if self.is_off else "/api/blocking/enable")
        if self.is_blocking(0) == self.is_off or self.is_blocking(1) != self.is_off:
            raise AssertionError("without Redis the switch works on the instance where it is turned, and only there")

    def await_return(self):
        began = time.monotonic()
        back = [None, None]

        def both_are():
            for i, resolver in enumerate(self.logging):
                redis = resolver.redis()
                if back[i] is None and redis["state"] == "ok" and redis["connects"] > self.connects[i]:
                    back[i] = time.monotonic() - began
            return None not in back and self.is_blocking(1) != self.is_off
        wait_for(both_are, "both share again, and the other instance knows of the switch", 15, self.world.poll_s)
        self.returned([back[0], time.monotonic() - began], CONVERGE_S)

    def is_blocking(self, i):
        self.asked += 1
        return addresses(self.logging[i].query(SWITCHED)) == ["0.0.0.0"]


def redis_killed(world):
    """Redis gets SIGKILL, a list is switched meanwhile, and an empty Redis is started."""
    with RedisRow(world) as row:
        return row.play(world.redis.kill, world.redis.again)


def redis_stopped(world):
    """Redis gets SIGSTOP; the kernel goes on accepting for it."""
    with RedisRow(world) as row:
        return row.play(lambda: world.redis.signal(signal.SIGSTOP), lambda: world.redis.signal(signal.SIGCONT))


def redis_restarted(world):
    """An administrator restarts Redis, which forgets all it held."""
    def restart():
        world.redis.stop()
        world.redis.again()
    with RedisRow(world) as row:
        return row.play(restart, lambda: None, falls_back=False)


def redis_slow(world):
    """The link to Redis passes 20 octets each second."""
    redis = world.redis
    relay = Relay(("127.0.0.1", redis.port))
    with contextlib.closing(relay):
        world.redis = relay
        try:
            with RedisRow(world) as row:
                return row.play(lambda: setattr(relay, "bytes_per_second", 20), lambda: setattr(relay, "bytes_per_second", None))
        finally:
            world.redis = redis


REDIS_ROWS = {
    "Redis killed (SIGKILL)": redis_killed,
    "Redis stopped (SIGSTOP)": redis_stopped,
    "Redis restarted, empty": redis_restarted,
    "Redis slow (20 octets/s)": redis_slow,
}
