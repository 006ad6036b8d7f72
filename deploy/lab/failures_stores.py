"""The stores behind the resolver: PostgreSQL, Redis and etcd lose a member, or are lost whole."""
import json
import select
import time

from cluster import INTERNET, MASTERS, VIPS, check, wait
from promises import MASTERS_BY_ADDRESS, SLOW, asked, needs, test


def rows(lab, where="true"):
    """Rows of the query log, counted by the database's leader; None while there is no leader."""
    for host in MASTERS:
        if host in lab.dark:
            continue
        code, text = lab.run(host, "PGPASSWORD=lab-password PGCONNECT_TIMEOUT=2 psql -h 127.0.0.1 -p 15432 -U rampart -d rampart -Atc "
                             f"\"SELECT count(*) FROM log_entries WHERE {where}\"", ok=False)
        if code == 0 and text.isdigit():
            return int(text)
    return None


def leader(lab, seconds=0):
    """The master whose PostgreSQL leads."""
    found = []

    def look():
        found[:] = [host for host in MASTERS if host not in lab.dark and
                    lab.run(host, f"curl -s -o /dev/null -m 1 -w %{{http_code}} http://{MASTERS[host]}:8008/primary", ok=False)[1] == "200"]
        return len(found) == 1
    wait(look, seconds or 10, "exactly one PostgreSQL leads")
    return found[0]


@test(7, "PostgreSQL stops everywhere, and comes back", "answers go on, the log goes to stdout, then into the table again")
def postgres_away(lab):
    wait(lambda: lab.query(VIPS[0], "before.example.org")[0] == "NOERROR" and rows(lab, "question_name = 'before.example.org'"), 20,
         "a query reaches the table log_entries")
    probe = lab.probe("dns", [VIPS[0]], ["who.home.example", "*.example.org"])
    asked(1)
    quiet = probe.finish()[VIPS[0]]
    for host in MASTERS:
        lab.run(host, "systemctl stop patroni")
    probe = lab.probe("dns", [VIPS[0]], ["who.home.example", "*.example.org"])
    wait(lambda: lab.query(VIPS[0], "during.example.org")[0] == "NOERROR" and
         "during.example.org" in lab.run("m1", "journalctl -u rampart --no-pager -o cat --since -2min | grep during.example.org || true"),
         20, "the log goes to stdout (the journal) while PostgreSQL is away")
    away = probe.finish()[VIPS[0]]
    for host in MASTERS:
        lab.run(host, "systemctl start patroni")
    back = wait(lambda: lab.query(VIPS[0], "after.example.org")[0] == "NOERROR" and rows(lab, "question_name = 'after.example.org'"),
                60 * SLOW, "queries reach the table again")
    check(away["lost"] == 0 and set(away["codes"]) == {"0"}, f"without PostgreSQL: {away}")
    check(away["p99_ms"] <= max(20.0, quiet["p99_ms"] * 3), f"p99 went from {quiet['p99_ms']} ms to {away['p99_ms']} ms")
    return {"p99 before": f"{quiet['p99_ms']} ms", "p99 without PostgreSQL": f"{away['p99_ms']} ms", "rows again after": f"{back:.1f} s"}


def blocking(lab, host, action=None):
    """Asks or sets the blocking state of one master over its API."""
    path = f"/api/blocking/{action or 'status'}"
    text = lab.run(host, f"curl -sS -m 3 http://{MASTERS[host]}:4000{path}")
    return json.loads(text)["enabled"] if not action else None


@test(8, "Redis stops everywhere, and comes back", "answers go on, each instance by itself; then answers and the blocking switch are shared again, and one's answer is served by another")
def redis_away(lab):
    needs(lab, "redis")
    blocking(lab, "m1", "disable")
    shared = wait(lambda: not blocking(lab, "m2") and not blocking(lab, "m3"), 5, "m2 and m3 hear that m1 stopped blocking")
    blocking(lab, "m1", "enable")
    wait(lambda: blocking(lab, "m2") and blocking(lab, "m3"), 5, "m2 and m3 hear that m1 blocks again")
    probe = lab.probe("dns", [VIPS[0]], ["who.home.example", "*.example.org"])
    for host in MASTERS:
        lab.run(host, "systemctl stop redis-sentinel redis-server")
    blocking(lab, "m1", "disable")
    check(blocking(lab, "m2") and blocking(lab, "m3"), "without Redis the others cannot know that m1 stopped blocking; yet they did")
    allowed = lab.query(VIPS[0], "ads.example.org")
    check(allowed == ("NOERROR", ["192.0.2.1"]), f"m1 does not obey its own switch without Redis: ads.example.org is {allowed}")
    check(lab.query(VIPS[1], "ads.example.org") == ("NOERROR", ["0.0.0.0"]), "m2 does not block by itself without Redis")
    for host in MASTERS:
        lab.run(host, "systemctl start redis-server redis-sentinel")
    healed = wait(lambda: blocking(lab, "m2") == blocking(lab, "m1") and blocking(lab, "m3") == blocking(lab, "m1"), 40 * SLOW,
                  "all masters have one blocking state again")
    blocking(lab, "m1", "enable")
    wait(lambda: all(blocking(lab, host) for host in MASTERS), 10 * SLOW, "changes reach everybody again")
    stored = "REDISCLI_AUTH=lab-redis redis-cli --no-auth-warning --scan --pattern '*shared-again*' | grep -c ."
    wait(lambda: lab.query(VIPS[0], "shared-again.example.org")[0] == "NOERROR" and lab.run("m2", stored, ok=False)[1] not in ("", "0"),
         10 * SLOW, "an answer of m1 is in Redis again")
    away = probe.finish()[VIPS[0]]
    check(away["lost"] == 0 and set(away["codes"]) == {"0"} and away["silence_ms"] <= 300 * SLOW, f"without Redis: {away}")
    # The Internet gives every name another address now. m2, who never asked for this one, still says what m1 had found out.
    lab.internet("192.0.2.2")
    try:
        fresh = lab.query(VIPS[1], "not-asked-before.example.org")
        served = lab.query(VIPS[1], "shared-again.example.org")
    finally:
        lab.internet()
    check(fresh == ("NOERROR", ["192.0.2.2"]), f"m2 asks an upstream that says 192.0.2.2, and got {fresh}")
    check(served == ("NOERROR", [INTERNET]), f"m2 did not serve the answer that m1 had resolved ({INTERNET}): {served}")
    return {"m1's answer": "served by m2 from the shared cache", "state shared after": f"{shared * 1000:.0f} ms", "one state again after": f"{healed:.1f} s", "answers": "shared again", "DNS silent": f"{away['silence_ms']:.0f} ms"}


@test(9, "Redis's leader goes dark", "writes go on <= 8 s")
def redis_leader_dark(lab):
    auth = "REDISCLI_AUTH=lab-redis redis-cli --no-auth-warning"

    def leads(ask):
        return lab.run(ask, f"{auth} -p 26379 --raw sentinel get-master-addr-by-name rampart | head -1")
    old = leads("m1")
    victim = MASTERS_BY_ADDRESS[old]
    witness = next(host for host in MASTERS if host != victim)
    lab.link(victim, False)
    took = wait(lambda: leads(witness) != old and lab.run(witness, f"timeout 1 env {auth} -h {leads(witness)} set lab {time.time()}") == "OK",
                8 * SLOW, "a new leader takes writes")
    lab.link(victim, True)
    wait(lambda: "role:slave" in lab.run(victim, f"{auth} info replication"), 30, "the old leader follows the new one")
    lab.settled(20)
    return {"writes again after": f"{took:.1f} s"}


WRITER = """
import select, sys, time, psycopg2
n, done, last, gap = 0, [], None, 0.0
def ended():
    return bool(select.select([sys.stdin], [], [], 0)[0])
while not ended():
    try:
        c = psycopg2.connect(host="127.0.0.1", port=15432, user="rampart", password="lab-password", dbname="rampart", connect_timeout=2)
        c.autocommit = True
        k = c.cursor()
        k.execute("SET statement_timeout = '2s'")
        k.execute("CREATE TABLE IF NOT EXISTS lab_rows (n int primary key)")
        while not ended():
            n += 1
            k.execute("INSERT INTO lab_rows VALUES (%s)", (n,))
            if not k.statusmessage.endswith("1"): continue
            now = time.monotonic()
            pause = now - last if last else 0.0
            gap = max(gap, pause); last = now; done.append(n)
            print(n, round(pause, 2), flush=True)
            time.sleep(0.02)
    except psycopg2.Error:
        time.sleep(0.1)
if last: gap = max(gap, time.monotonic() - last)
print("gap", round(gap, 2), "acknowledged", ",".join(map(str, done)), flush=True)
"""


def written_through(lab, host, seconds, act):
    """Writes rows on a host while `act` breaks something, until they flow again; returns (gap in seconds, rows lost)."""
    lab.write(host, "/root/lab/writer.py", WRITER)
    lab.run(host, "PGPASSWORD=lab-password psql -q -h 127.0.0.1 -p 15432 -U rampart -d rampart -c 'DROP TABLE IF EXISTS lab_rows'")
    process = lab.start(host, "python3", "-u", "/root/lab/writer.py")
    for _ in range(20):
        check(process.stdout.readline(), "the writer wrote no row")
    begin = time.monotonic()
    act()
    paused, after = False, 0
    while after < 50 and time.monotonic() - begin < seconds:
        if not select.select([process.stdout], [], [], 0.5)[0]:
            continue
        number, pause = process.stdout.readline().split()
        paused = paused or float(pause) > 0.5  # an ordinary commit takes some milliseconds
        after += paused
    text = process.communicate(timeout=30)[0].strip().splitlines()[-1]  # closes its input, which ends it
    words = text.split()
    check(words[0] == "gap", f"the writer ended with: {text}")
    acknowledged = {int(n) for n in words[3].split(",")}
    code, kept = 1, ""
    while code and time.monotonic() - begin < seconds + 90:
        code, kept = lab.run(host, "PGPASSWORD=lab-password psql -h 127.0.0.1 -p 15432 -U rampart -d rampart -Atc "
                             "'SELECT n FROM lab_rows'", ok=False)
    check(code == 0, f"the rows could not be read again: {kept}")
    return float(words[1]), len(acknowledged - {int(n) for n in kept.split()})


@test(10, "PostgreSQL: planned switchover, then SIGKILL of the leader with its Patroni",
      "switchover <= 8 s, crash <= 60 s, 0 acknowledged rows lost")
def postgres_leader_lost(lab):
    old = leader(lab)
    wait(lambda: "sync_standby" in lab.run(old, f"curl -s http://{MASTERS[old]}:8008/cluster"), 20, "there is a synchronous standby")
    witness = next(host for host in MASTERS if host != old)

    def switch():
        lab.run(old, f"curl -sS -m 10 -X POST -d '{{\"leader\": \"{old}\"}}' http://{MASTERS[old]}:8008/switchover", timeout=20)
    gap, lost = written_through(lab, witness, 10 * SLOW, switch)
    check(lost == 0, f"switchover lost {lost} acknowledged rows")
    check(gap <= 8 * SLOW, f"switchover: no write for {gap} s")
    figures = {"switchover: no write for": f"{gap} s", "switchover: rows lost": lost}
    old = leader(lab, 20)
    wait(lambda: "sync_standby" in lab.run(old, f"curl -s http://{MASTERS[old]}:8008/cluster"), 30, "there is a synchronous standby again")
    witness = next(host for host in MASTERS if host != old)
    gap, lost = written_through(lab, witness, 60 * SLOW, lambda: lab.run(
        old, "systemctl mask -q --runtime patroni; systemctl kill -s KILL patroni; pkill -KILL -u postgres -x postgres; true"))
    lab.run(old, "systemctl unmask --runtime patroni; systemctl start patroni")
    check(lost == 0, f"the crash lost {lost} acknowledged rows")
    check(gap <= 60, f"crash: no write for {gap} s")
    # It rewinds what it had written alone; until then the cluster is one fault poorer, and nothing else is broken.
    back = wait(lambda: lab.run(old, f"curl -s -o /dev/null -m 1 -w %{{http_code}} http://{MASTERS[old]}:8008/replica", ok=False)[1] == "200",
                60 * SLOW, "the crashed leader follows the new one")
    figures["crash: follows again after"] = f"{back:.1f} s"
    return figures | {"crash: no write for": f"{gap} s", "crash: rows lost": lost}


@test(11, "etcd: one member lost, then two, then back", "gap <= 4 s; then write refused, stale read served; back <= 5 s")
def etcd_lost(lab):
    etcd = "ETCDCTL_API=3 etcdctl --dial-timeout=1s --command-timeout=2s --endpoints http://127.0.0.1:12379"
    status = lab.run("m1", "ETCDCTL_API=3 etcdctl --endpoints " + ",".join(f"http://{a}:12379" for a in MASTERS.values()) +
                             " endpoint status -w json")
    states = json.loads(status)
    lead = next(MASTERS_BY_ADDRESS[s["Endpoint"].split("/")[2].split(":")[0]] for s in states
                if s["Status"]["leader"] == s["Status"]["header"]["member_id"])
    rest = [host for host in MASTERS if host != lead]
    lab.run(rest[0], f"{etcd} put lab before")
    lab.run(lead, "systemctl mask --runtime etcd; systemctl kill -s KILL etcd; systemctl stop etcd")
    gap = wait(lambda: lab.run(rest[0], f"{etcd} put lab one-lost", ok=False)[0] == 0, 4 * SLOW, "writes go on without the leader")
    lab.run(rest[1], "systemctl mask --runtime etcd; systemctl kill -s KILL etcd; systemctl stop etcd")
    code, text = lab.run(rest[0], f"{etcd} put lab two-lost", ok=False)
    stale = lab.run(rest[0], f"{etcd} get --consistency=s --print-value-only lab", ok=False)
    for host in (lead, rest[1]):
        lab.run(host, "systemctl unmask --runtime etcd; systemctl start --no-block etcd")
    back = wait(lambda: lab.run(rest[0], f"{etcd} put lab back", ok=False)[0] == 0, 5 * SLOW, "writes go on when two members are back")
    check(code != 0, f"a write without a majority was accepted: {text}")
    check(stale == (0, "one-lost"), f"a stale read without a majority: {stale}")
    leader(lab, 40 * SLOW)
    return {"one lost: no write for": f"{gap:.2f} s", "two lost": "write refused, stale read served", "back after": f"{back:.2f} s"}
