"""A master, a replica and three sentinels, with the least rights that we need or with TLS both ways, and what happens when
the master is lost."""
import signal
import ssl
import time

from harness import free_port, wait_for
from redis_outage import Group
from redis_world import Redis, Sharer, make_certificates

# The rights that docs/decisions/redis.md promises to suffice.
OUR_RIGHTS = ("on >ours resetkeys ~blocky:cache:* ~rampart:blocking_state resetchannels &blocky_cache_sync &blocky_sync_enabled "
              "-@all +ping +set +get +pttl +scan +del +publish +subscribe +role +select")
OUR_SENTINEL_RIGHTS = "on >watch -@all +ping +sentinel|get-master-addr-by-name"
DOWN_AFTER_MS = 2500  # longer than instances need to notice, so that there is a time without a master to look at


def user_arguments():
    users = [f"rampart {OUR_RIGHTS}", "admin on >admin ~* &* +@all", "default off"]
    return [word for user in users for word in ("--user", *user.split())]


class SentinelGroup(Group):
    """Instances that ask sentinels. `uses_tls`: every connection of anybody is TLS with a client certificate; else
    everybody has a user and a password."""
    uses_tls = False

    def __init__(self, world, size):
        self.world, self.size, self.links, self.relays, self.waiting, self.count = world, size, [], [], None, 0
        self.directory = world.directory / "sentinels"
        self.directory.mkdir()
        self.tls, self.tls_files = None, []
        login = (("AUTH", "admin", "admin"),)
        if self.uses_tls:
            make_certificates(self.directory, "redis", "rampart")
            self.tls = ssl.create_default_context(cafile=f"{self.directory}/ca.crt")
            self.tls.check_hostname = False
            self.tls.load_cert_chain(f"{self.directory}/rampart.crt", f"{self.directory}/rampart.key")
            self.tls_files = [("tls-cert-file", f"{self.directory}/redis.crt"), ("tls-key-file", f"{self.directory}/redis.key"),
                              ("tls-ca-cert-file", f"{self.directory}/ca.crt"), ("tls-auth-clients", "yes"),
                              ("tls-replication", "yes")]
            login = ()
        self.login = login
        self.ports = [free_port(), free_port()]
        self.redis = self.start_server(self.ports[0])
        self.replica = self.start_server(self.ports[1], self.ports[0])
        wait_for(lambda: b"master_link_status:up" in self.replica.command("INFO", "replication"), "the replica has its master", 20)
        self.sentinels = [self.start_sentinel(i) for i in range(3)]
        wait_for(lambda: all(self.knows_all(s) for s in self.sentinels), "the sentinels know each other and the replica", 30)
        addresses = ", ".join(f"'127.0.0.1:{s.port}'" for s in self.sentinels)
        text = f"{{address: main, sentinelAddresses: [{addresses}]"
        if self.uses_tls:
            text += (f", tls: {{enable: true, caFile: {self.directory}/ca.crt, certFile: {self.directory}/rampart.crt, "
                     f"keyFile: {self.directory}/rampart.key, serverName: redis.test}}}}")
        else:
            text += ", username: rampart, password: ours, sentinelUsername: watcher, sentinelPassword: watch}"
        self.servers = [world.start(Sharer(self.directory, world.knots[i].port, world.denylist, world.extra, text)) for i in range(size)]
        self.await_joined(10)

    def start_server(self, port, master=None):
        arguments = ["--repl-diskless-sync-delay", "0"]
        if self.uses_tls:
            arguments += [word for key, value in self.tls_files for word in (f"--{key}", value)]
        else:
            arguments += [*user_arguments(), "--masteruser", "admin", "--masterauth", "admin"]
        if master:
            arguments += ["--replicaof", "127.0.0.1", str(master)]
        return self.world.start(Redis(self.directory, port, arguments, login=self.login, tls=self.tls))

    def start_sentinel(self, index):
        port = free_port()
        directory = self.directory / f"sentinel{index}"
        directory.mkdir()
        lines = ["bind 127.0.0.1", f"dir {directory}", f"sentinel monitor main 127.0.0.1 {self.ports[0]} 2",
                 f"sentinel down-after-milliseconds main {DOWN_AFTER_MS}", "sentinel failover-timeout main 6000"]
        if self.uses_tls:
            lines += ["port 0", f"tls-port {port}", *(f"{key} {value}" for key, value in self.tls_files)]
        else:
            lines += [f"port {port}", "sentinel auth-user main admin", "sentinel auth-pass main admin",
                      "sentinel sentinel-user admin", "sentinel sentinel-pass admin",
                      f"user watcher {OUR_SENTINEL_RIGHTS}", "user admin on >admin ~* &* +@all", "user default off"]
        (directory / "sentinel.conf").write_text("\n".join(lines) + "\n")
        return self.world.start(Redis(directory, port, [str(directory / "sentinel.conf")], login=self.login, tls=self.tls,
                                      program="redis-sentinel"))

    @staticmethod
    def knows_all(sentinel):
        words = sentinel.command("SENTINEL", "MASTER", "main").split(b"\r\n")
        found = dict(zip(words[2::4], words[4::4]))
        return found.get(b"num-other-sentinels") == b"2" and found.get(b"num-slaves") == b"1" and found.get(b"flags") == b"master"

    def master_port(self, sentinel):
        return int(sentinel.command("SENTINEL", "get-master-addr-by-name", "main").split(b"\r\n")[4])

    def await_new_master(self):
        """Until all sentinels name the replica, which is the master from then on."""
        wait_for(lambda: all(self.master_port(s) == self.replica.port for s in self.sentinels), "the sentinels name another master", 30)
        self.redis, self.replica = self.replica, self.redis

    def bring_back_replica(self):
        """The old master is started anew, and follows the new one."""
        self.replica = self.start_server(self.replica.port, self.redis.port)
        wait_for(lambda: b"master_link_status:up" in self.replica.command("INFO", "replication"), "the old master follows the new", 20)


class TlsSentinelGroup(SentinelGroup):
    uses_tls = True


def local(group):
    group.await_loss()
    group.assert_local()
    blocks = group.flip(group.size - 1)
    group.switch(0, not blocks)
    group.switch(0, blocks)
    return blocks


def master_killed(world):
    """The master gets SIGKILL, and the sentinels make the replica the master."""
    return world.play(lambda group: group.stop_redis(), local, lambda group: group.await_new_master())


def master_stopped(world):
    """The master gets SIGSTOP, and wakes when another has taken its place."""
    for group in world.groups:
        if not group.replica.running():
            group.bring_back_replica()

    def during(group):
        blocks = local(group)
        group.await_new_master()
        return blocks

    def wake(group):
        group.replica.signal(signal.SIGCONT)
        time.sleep(0.1)  # so that it takes part
    return world.play(lambda group: group.redis.signal(signal.SIGSTOP), during, wake)
