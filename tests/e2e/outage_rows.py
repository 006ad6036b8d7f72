"""The rows of the outage matrix: each a function that takes a world, breaks it, and gives the report of the row."""
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

from harness import wait_for
from outage import Row
from outage_programs import Postgres
from relay import Relay


class NotHere(Exception):
    """This machine cannot show this row; says why."""


def down_at_start(world):
    """The database is started after the resolvers."""
    world.database.stop()
    with Row(world, begins_broken=True) as row:
        assert row.start_seconds < 10, f"three resolvers took {row.start_seconds} s to start"
        return row.play(world.database.stop, world.database.start)


def killed(world):
    """All processes of the server get SIGKILL."""
    with Row(world) as row:
        return row.play(world.database.kill, world.database.start)


def stopped(world):
    """All processes of the server get SIGSTOP; the kernel goes on accepting for them."""
    with Row(world) as row:
        return row.play(lambda: world.database.signal_all(signal.SIGSTOP), lambda: world.database.signal_all(signal.SIGCONT))


def never_answering(world):
    """The target accepts connections and never says a word; then a reload names the right one."""
    silent = Relay()
    wrong = f"postgres://postgres@127.0.0.1:{silent.port}/rampart"
    with contextlib.closing(silent), Row(world, wrong, begins_broken=True) as row:
        world.database.sql("DROP TABLE IF EXISTS log_entries, rampart_spool_replay")
        return row.play(lambda: row.retarget(wrong), lambda: row.retarget(world.database.target))


def refusing(world):
    """The server rejects our address, and ends our sessions."""
    def refuse():
        world.database.set_access("reject")
        world.database.end_sessions()
    with Row(world) as row:
        return row.play(refuse, lambda: world.database.set_access("trust"))


def dropped(world):
    """The database is dropped, and created empty later."""
    # A batch whose commit was cut off by the drop may be in the old table; its ID is gone with it.
    with Row(world, repeats=400) as row:
        def drop():
            # Renamed first, so that its rows can still be counted.
            for _ in range(100):
                world.database.end_sessions()
                with contextlib.suppress(subprocess.CalledProcessError):
                    world.database.sql("ALTER DATABASE rampart RENAME TO gone", "postgres")
                    break
            gone = world.database.sql("SELECT question_name FROM log_entries", "gone").split()
            row.lost_rows["a"] += [n for n in gone if not n.startswith("b0")]
            row.lost_rows["b"] += [n for n in gone if n.startswith("b0")]
            world.database.sql("DROP DATABASE gone", "postgres")
        return row.play(drop, lambda: world.database.sql("CREATE DATABASE rampart", "postgres"))


def locked(world):
    """Somebody holds the table in ACCESS EXCLUSIVE MODE."""
    with Row(world) as row:
        holder = []

        def lock():
            holder.append(subprocess.Popen(
                [world.database.programs / "psql", "-h", world.database.directory, "-p", str(world.database.port), "-U", "postgres",
                 "-d", "rampart", "-Xqc", "BEGIN; LOCK TABLE log_entries IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(120)"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"))

        def unlock():
            world.database.sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted "
                               "AND relation = 'log_entries'::regclass")
            holder.pop().wait(10)
        return row.play(lock, unlock)


@contextlib.contextmanager
def small_disk(megabytes, owner=None):
    """A file system of that size, at a path."""
    if os.geteuid() != 0:
        raise NotHere("mounting a small tmpfs needs root")
    with tempfile.TemporaryDirectory(prefix="rampart-disk-") as path:
        os.chmod(path, 0o755)
        options = f"size={megabytes}m,mode=0700" + (f",uid={owner}" if owner else "")
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", path], capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            raise NotHere(f"no tmpfs may be mounted: {mounted.stderr.strip()}")
        try:
            yield pathlib.Path(path)
        finally:
            subprocess.run(["umount", "-l", path], check=True)


def fill(disk):
    with open(disk / "filler", "wb") as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(65536))
            file.flush()


def disk_full(world):
    """No octet is left on the disk of the database."""
    import pwd
    database = world.database
    with small_disk(24, pwd.getpwnam("postgres").pw_uid) as disk:
        database.sql("ALTER DATABASE rampart RENAME TO elsewhere", "postgres")
        try:
            database.sql(f"CREATE TABLESPACE small LOCATION '{disk}'", "postgres")
            database.sql("CREATE DATABASE rampart TABLESPACE small", "postgres")
            with Row(world) as row:
                report = row.play(lambda: fill(disk), lambda: os.remove(disk / "filler"))
                assert "No space left" in row.resolvers["a"].log, row.resolvers["a"].log
                return report
        finally:
            database.sql("DROP DATABASE IF EXISTS rampart WITH (FORCE)", "postgres")
            database.sql("DROP TABLESPACE IF EXISTS small", "postgres")
            database.sql("ALTER DATABASE elsewhere RENAME TO rampart", "postgres")


def wal_disk_full(world):
    """No octet is left on the disk of the server's own log (pg_wal): it ends itself, and cannot start again."""
    import pwd
    with small_disk(24, pwd.getpwnam("postgres").pw_uid) as disk:
        database = Postgres(world.directory, wal_directory=disk / "wal", priority=world.priority)
        with contextlib.closing(database), Row(world, database.target, database=database) as row:
            def break_it():
                fill(disk)
                database.sql("CREATE TABLE IF NOT EXISTS filler (text text)")

                def has_ended():
                    with contextlib.suppress(subprocess.CalledProcessError):
                        database.sql("INSERT INTO filler SELECT repeat('x', 1000) FROM generate_series(1, 1000)")
                    return database.process.poll() is not None
                wait_for(has_ended, "PostgreSQL ends itself for want of room")

            def heal():
                os.remove(disk / "filler")
                database.start()
            report = row.play(break_it, heal)
            assert re.search(r"PANIC: .*No space left on device", database.log), database.log
            return report


def spool_disk_full(world):
    """The database is away, and then the disk of the spool is full too: what does not fit is printed."""
    with small_disk(2) as disk, Row(world, spool=disk / "spool") as row:
        def break_it():
            world.database.kill()
            before = row.logs()[0]
            row.wait_for(lambda a, _: a["spooled"] > before["spooled"] + 100, "the spool takes entries")
            fill(disk)
            row.wait_for(lambda a, _: a["stdoutFallback"] > before["stdoutFallback"] + 100, "entries are printed")

        def heal():
            world.database.start()
            os.remove(disk / "filler")
        report = row.play(break_it, heal)
        assert report["spool_printed"] > 0
        return report


def restarted(world):
    """An administrator restarts the server."""
    with Row(world) as row:
        def restart():
            world.database.stop()
            world.database.start()
        return row.play(restart, lambda: None, falls_back=False)


def link_cut(world):
    """Every packet between us and the server is dropped, without RST."""
    if not world.namespace:
        raise NotHere("cutting a link needs root and network namespaces")
    with Row(world) as row:
        return row.play(world.namespace.cut, world.namespace.join)


def slow(world):
    """The link to the server passes 150 octets each second, about one row."""
    relay = Relay((world.database.address, world.database.port))
    with contextlib.closing(relay), Row(world, f"postgres://postgres@127.0.0.1:{relay.port}/rampart") as row:
        return row.play(lambda: setattr(relay, "bytes_per_second", 150), lambda: setattr(relay, "bytes_per_second", None))


def flapping(world, times=4):
    """Killed and started in turn, a second each, four times."""
    with Row(world) as row:
        def flap():
            for _ in range(times):
                world.database.kill()
                time.sleep(1)  # the rhythm of the flapping
                world.database.start()
                time.sleep(1)
            world.database.kill()
        return row.play(flap, world.database.start)


def wrong_target(world):
    """User, password and database of the target do not exist; then a reload names the right one."""
    wrong = f"postgres://nobody:secret@{world.database.address}:{world.database.port}/no_such_database"
    with Row(world, wrong, begins_broken=True) as row:
        world.database.sql("DROP TABLE IF EXISTS log_entries, rampart_spool_replay")
        report = row.play(lambda: row.retarget(wrong), lambda: row.retarget(world.database.target))
        for resolver in row.logging:
            assert "nobody" in resolver.log and "secret" not in resolver.log, resolver.log
        return report


ROWS = {
    "down at start": down_at_start,
    "killed (SIGKILL)": killed,
    "stopped (SIGSTOP)": stopped,
    "accepts, never answers": never_answering,
    "refuses authentication": refusing,
    "database dropped": dropped,
    "table locked": locked,
    "disk of the database full": disk_full,
    "disk of the database's log (WAL) full": wal_disk_full,
    "disk of the spool full too": spool_disk_full,
    "restarted": restarted,
    "link cut, packets vanish": link_cut,
    "slow (1 row/s)": slow,
    "flapping each second": flapping,
    "wrong target": wrong_target,
}
