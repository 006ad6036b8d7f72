"""The rows of the outage matrix of Redis: each a function that takes a world, breaks both groups' Redis, and gives the report
of the row. In each the instances answer by themselves meanwhile, are switched, and agree afterwards."""
import signal
import time

from harness import wait_for
from redis_world import BLOCKING_KEY, dropped, metric


def local(group):
    """Nothing is shared; the first instance is switched, then the last one: back, so that the first has to follow."""
    group.await_loss()
    group.assert_local()
    blocks = group.flip(0)
    group.switch(group.size - 1, blocks)
    group.switch(group.size - 1, not blocks)
    return not blocks


def local_newest_first(group):
    """As above, but the last one is switched earlier, and has to follow the first."""
    group.await_loss()
    group.assert_local()
    group.flip(group.size - 1)
    blocks = not group.blocks_extra(group.servers[0])
    group.switch(group.size - 1, not blocks)
    group.switch(0, blocks)
    return blocks


def down_at_start(world):
    """Redis is started after the instances."""
    for group in world.groups:
        assert group.start_seconds < 5 * group.size, f"{group.size} instances took {group.start_seconds} s to start"
    return world.play(None, local, lambda group: group.start_redis())


def killed(world):
    """Redis gets SIGKILL, and comes back empty."""
    return world.play(lambda group: group.stop_redis(), local_newest_first, lambda group: group.start_redis())


def stopped(world):
    """Redis gets SIGSTOP; the kernel goes on accepting for it."""
    return world.play(lambda group: group.redis.signal(signal.SIGSTOP), local, lambda group: group.redis.signal(signal.SIGCONT))


def never_answering(world):
    """Connections are accepted, and nobody ever says a word."""
    def silence(group):
        for relay in group.relays:
            relay.is_silent = True
            relay.end_connections()

    def speak(group):
        for relay in group.relays:
            relay.is_silent = False
    return world.play(silence, local, speak)


def refusing(world):
    """Redis wants a password that nobody has told us, and ends our sessions."""
    def refuse(group):
        group.redis.command("CONFIG", "SET", "requirepass", "secret")
        group.redis.login = (("AUTH", "secret"),)
        for kind in ("normal", "pubsub"):
            group.redis.command("CLIENT", "KILL", "TYPE", kind)

    def admit(group):
        group.redis.command("CONFIG", "SET", "requirepass", "")
        group.redis.login = ()
    return world.play(refuse, local_newest_first, admit)


def restarted(world):
    """An administrator restarts Redis, which keeps nothing: those who come later learn the switch all the same."""
    def restart(group):
        group.stop_redis(signal.SIGTERM)
        blocks = not group.blocks_extra(group.servers[0])
        group.switch(0, blocks)
        return blocks
    report = world.play(None, restart, lambda group: group.start_redis())
    for group in world.groups:
        wait_for(lambda: group.redis.command("GET", BLOCKING_KEY).startswith(b"$"), "the switch is stored again", 2)
    return report


def link_cut(world):
    """Every packet between the instances and Redis is dropped, without RST."""
    cut_off = []

    def cut(group):
        cut_off.append(group)
        if len(cut_off) == len(world.groups):
            world.namespace.cut()

    def join(group):
        cut_off.remove(group)
        if not cut_off:
            world.namespace.join()
        else:
            wait_for(lambda: not cut_off, "the other group's turn", 30)
    return world.play(cut, local, join)


def partition(world, newest_is_cut_off):
    """One instance is cut off, the others go on sharing; both sides are switched, and the newest change wins."""
    cut_off = []

    def cut(group):
        cut_off.append(group)
        if len(cut_off) == len(world.groups):
            world.namespace.cut_off([g.links[-1] for g in world.groups])

    def during(group):
        last, others = group.size - 1, group.servers[:-1]
        group.await_loss([group.servers[last]])
        group.assert_local([group.servers[last]])
        group.waiting = None
        blocks = not group.blocks_extra(group.servers[0])
        if not newest_is_cut_off:
            group.switch(last, blocks)
            group.switch(last, not blocks)
        group.switch(0, blocks)
        wait_for(lambda: all(group.blocks_extra(s) == blocks for s in others), "the others follow", 2)
        if len(others) > 1:
            wait_for(lambda: group.shares(0, 1), "the others go on sharing", 2)
        assert group.blocks_extra(group.servers[last]) != blocks, "the one that is cut off follows"
        if newest_is_cut_off:
            group.switch(last, blocks)
            group.switch(last, not blocks)
            return not blocks
        return blocks

    def join(group):
        cut_off.remove(group)
        if not cut_off:
            world.namespace.join()
        else:
            wait_for(lambda: not cut_off, "the other group's turn", 30)
    return world.play(cut, during, join)


def partition_followed(world):
    """One instance is cut off, the others go on sharing; the newest change is theirs."""
    return partition(world, newest_is_cut_off=False)


def partition_leading(world):
    """One instance is cut off, the others go on sharing; the newest change is that of the one."""
    return partition(world, newest_is_cut_off=True)


def slow(world):
    """The links pass 20 octets each second."""
    def set_rate(group, rate):
        for relay in group.relays:
            relay.bytes_per_second = rate
    return world.play(lambda group: set_rate(group, 20), local, lambda group: set_rate(group, None))


def flapping(world, times=3):
    """Redis is killed and started in turn, half a second each, three times."""
    def flap(group):
        for _ in range(times):
            group.stop_redis()
            time.sleep(0.5)  # the rhythm of the flapping
            group.start_redis()
            time.sleep(0.5)
        group.stop_redis()
    return world.play(flap, local_newest_first, lambda group: group.start_redis())


def full(world):
    """No octet may be added (maxmemory, noeviction): answers stay local, the switch still gets through."""
    def fill(group):
        group.redis.command("CONFIG", "SET", "maxmemory", "1")

    def during(group):
        before = [metric(s, "redis_refused_total") for s in group.servers]
        group.assert_local()
        group.waiting = None  # Redis has refused it
        wait_for(lambda: all(metric(s, "redis_refused_total") > n for s, n in zip(group.servers, before)), "refusals are counted", 3)
        blocks = not group.blocks_extra(group.servers[0])
        group.switch(0, blocks)
        wait_for(lambda: group.agree(blocks), "the switch gets through", 2)
        return blocks
    return world.play(fill, during, lambda group: group.redis.command("CONFIG", "SET", "maxmemory", "0"))


def wrong_type(world):
    """Somebody has put lists where our values belong."""
    def spoil(group):
        spoilt = group.name()
        group.redis.command("LPUSH", b"blocky:cache:\0\x01" + spoilt.encode(), "x")
        group.redis.command("DEL", BLOCKING_KEY)
        group.redis.command("LPUSH", BLOCKING_KEY, "x")
        group.spoilt = spoilt

    def during(group):
        wait_for(lambda: group.redis.command("TYPE", BLOCKING_KEY) == b"+string\r\n", "the stored switch is repaired", 2)
        before = metric(group.servers[1], "redis_connects_total")
        group.servers[0].query(group.spoilt)
        wait_for(lambda: group.redis.command("TYPE", b"blocky:cache:\0\x01" + group.spoilt.encode()) == b"+string\r\n",
                 "the answer has replaced the list", 2)
        assert metric(group.servers[1], "redis_connects_total") == before
        assert dropped(group.servers[1], "bad_message") == 0
        blocks = not group.blocks_extra(group.servers[0])
        group.switch(0, blocks)
        return blocks
    for group in world.groups:  # so that there is a stored switch to be spoilt
        group.switch(0, True)
        wait_for(lambda: group.agree(True) and group.redis.command("TYPE", BLOCKING_KEY) == b"+string\r\n", "it is stored", 3)
    return world.play(spoil, during, lambda group: None)


def flushed(world):
    """FLUSHALL: answers that the instances hold stay, and the switch is stored again."""
    def during(group):
        blocks = group.blocks_extra(group.servers[0])
        held = group.servers[0].query("c1.cached.example.org")
        assert held.answer, held
        wait_for(lambda: group.redis.command("EXISTS", BLOCKING_KEY) == b":1\r\n", "the switch is stored again", 2)
        return blocks
    for group in world.groups:
        group.switch(1, False)
        wait_for(lambda: group.agree(False) and group.redis.command("EXISTS", BLOCKING_KEY) == b":1\r\n", "all are switched", 3)
    return world.play(lambda group: group.redis.command("FLUSHALL"), during, lambda group: None)


# What a world must have for a row: see RedisWorld.
PLAIN = {"killed (SIGKILL)": killed, "stopped (SIGSTOP)": stopped, "refuses authentication": refusing, "restarted": restarted,
         "flapping each half second": flapping, "full (maxmemory)": full, "wrong type under our keys": wrong_type,
         "flushed (FLUSHALL)": flushed}
BEGINS_BROKEN = {"down at start": down_at_start}
RELAYED = {"accepts, never answers": never_answering, "slow (20 octets/s)": slow}
LINKED = {"link cut, packets vanish": link_cut, "one instance cut off, others newest": partition_followed,
          "one instance cut off, it is newest": partition_leading}
WORLDS = [({}, PLAIN), ({"begins_broken": True}, BEGINS_BROKEN), ({"uses_relays": True}, RELAYED), ({"uses_links": True}, LINKED)]
