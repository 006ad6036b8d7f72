"""What clients see: the VIPs, their daemons, and the resolvers behind them."""
import time

from cluster import MASTERS, VIPS, check, wait
from promises import SLOW, asked, one_owner_after, silence, test


@test(1, "The VIP holder is switched off on purpose, and comes back", "DNS silent <= 100 ms, one owner after 3 s")
def planned_switch(lab):
    probes = lab.probe_vips()
    asked(0.5)
    begin = time.monotonic()
    lab.run("m1", "systemctl stop keepalived")
    wait(lambda: lab.owner(VIPS[0]) == "m2", 3, "m2 holds m1's VIP")
    one_owner_after(lab, begin, "stop")
    figures = silence(probes, "stop", 100 * SLOW)
    probes = lab.probe_vips()
    asked(0.3)
    begin = time.monotonic()
    lab.run("m1", "systemctl start keepalived")
    lab.settled()
    one_owner_after(lab, begin, "back")
    return figures | silence(probes, "back", 300 * SLOW)


@test(2, "The VIP holder goes dark, then a second master; both return", "DNS silent <= 1 s each, one owner after 3 s, back <= 300 ms")
def dark_masters(lab):
    figures = {}
    for host, heir in (("m1", "m2"), ("m2", "m3")):
        probes = lab.probe_vips()
        asked(0.5)
        begin = time.monotonic()
        lab.link(host, False)
        took = wait(lambda heir=heir: lab.owner(VIPS[0]) == heir, 3, f"{heir} is the one owner after {host} went dark")
        one_owner_after(lab, begin, f"{host} dark")
        figures |= silence(probes, f"{host} dark", 1000 * SLOW) | {f"{host} dark: one owner after": f"{took:.1f} s"}
    probes = lab.probe_vips()
    asked(0.3)
    begin = time.monotonic()
    lab.link("m2", True)
    lab.link("m1", True)
    lab.settled()
    one_owner_after(lab, begin, "both back")
    return figures | silence(probes, "both back", 300 * SLOW)


@test(3, "SIGKILL of keepalived, dnsmasq, nginx and the resolver on the VIP holder",
      "active again <= 5 s, one owner after 3 s, DNS silent <= 1 s")
def killed_daemons(lab):
    figures = {}
    for unit in ("keepalived", "dnsmasq", "nginx", "rampart"):
        probes = lab.probe_vips()
        asked(0.3)
        before = lab.run("m1", f"systemctl show -P InvocationID {unit}")
        begin = time.monotonic()
        lab.run("m1", f"systemctl kill -s KILL {unit}")
        took = wait(lambda unit=unit, before=before: lab.run("m1", f"systemctl is-active {unit}") == "active"
                    and lab.run("m1", f"systemctl show -P InvocationID {unit}") != before, 5, f"{unit} is active again")
        one_owner_after(lab, begin, f"{unit} killed")
        lab.settled(8)
        figures |= silence(probes, unit, 1000 * SLOW) | {f"{unit}: active again after": f"{took:.1f} s"}
    return figures


@test(4, "Two of three dnsmasq hosts are dark", "getaddrinfo <= 3 s with the shipped resolv.conf, right answer")
def two_dnsmasq_dark(lab):
    lab.run("client", "cat > /etc/resolv.conf <<'X'\n" + lab.run("m1", "cat /etc/resolv.conf") + "\nX")
    ask = ("python3 -c 'import socket,time; b=time.monotonic(); r=socket.getaddrinfo(\"m3.home.example\", None, socket.AF_INET)"
           "[0][4][0]; print(r, round(time.monotonic()-b, 3))'")
    address, quick = lab.run("client", ask).split()
    check(address == MASTERS["m3"], f"m3.home.example is {address}, {MASTERS['m3']} was expected")
    for host in ("m1", "m2"):
        lab.link(host, False)
    address, took = lab.run("client", ask).split()
    local = lab.query(VIPS[0], "m2.home.example")
    for host in ("m1", "m2"):
        lab.link(host, True)
    check(address == MASTERS["m3"] and float(took) <= 3, f"with two dark: {address} after {took} s")
    check(local == ("NOERROR", [MASTERS["m2"]]), f"a local name at the VIP with two dnsmasq dark: {local}")
    lab.settled()
    # And one that is dead on a host that lives: its VIP goes to a host that knows the names.
    lab.run("m1", "systemctl mask -q --runtime dnsmasq && systemctl stop dnsmasq")
    moved = wait(lambda: lab.query(VIPS[0], "m2.home.example") == ("NOERROR", [MASTERS["m2"]]) and lab.owner(VIPS[0]) != "m1", 8 * SLOW,
                 "m1's VIP answers for local names although m1's dnsmasq is dead")
    lab.run("m1", "systemctl unmask -q --runtime dnsmasq && systemctl start dnsmasq")
    lab.settled(20)
    return {"dnsmasq of the VIP's owner dead: local names again after": f"{moved:.1f} s", "all well": f"{float(quick) * 1000:.0f} ms", "two dark": f"{float(took):.2f} s"}


@test(5, "The resolver on the VIP holder stays dead under 200 queries/s, forwarded names among them",
      "every query answered with its retry, 0 SERVFAIL, the others still block, DNS silent <= 1 s")
def resolver_stays_dead(lab):
    probe = lab.probe("dns", [VIPS[0], VIPS[1]], ["*.example.org", "who.home.example"])
    asked(0.5)
    begin = time.monotonic()
    lab.run("m1", "systemctl mask -q --runtime rampart && systemctl kill -s KILL rampart && systemctl stop rampart")
    took = wait(lambda: lab.owner(VIPS[0]) != "m1", 6, "the VIP left the host without a resolver")
    one_owner_after(lab, begin, "no resolver")
    blocked = lab.query(VIPS[0], "ads.example.org")
    lab.run("m1", "systemctl unmask --runtime rampart && systemctl start rampart")
    lab.settled(20)
    asked(0.5)
    seen = probe.finish()
    check(blocked == ("NOERROR", ["0.0.0.0"]), f"ads.example.org while one resolver is dead: {blocked}")
    for vip, report in seen.items():
        check(set(report["codes"]) == {"0"}, f"{vip}: response codes {report['codes']}")
    first = seen[VIPS[0]]
    check(first["silence_ms"] <= 1000 * SLOW, f"DNS was silent for {first['silence_ms']} ms; gaps {first['gaps']}")
    check(first["lost"] == 0, f"{first['lost']} queries stayed unanswered after a retry; gaps {first['gaps']}")
    check(seen[VIPS[1]]["lost"] == 0 and seen[VIPS[1]]["silence_ms"] <= 300 * SLOW, f"the other VIP suffered: {seen[VIPS[1]]}")
    return {"VIP moved after": f"{took:.1f} s", "DNS silent": f"{first['silence_ms']:.0f} ms", "lost after a retry": first["lost"],
            "other VIP silent": f"{seen[VIPS[1]]['silence_ms']:.0f} ms"}


@test(6, "Every resolver's package is installed again, one host after the other, under load", "0 queries lost, none needs its retry")
def rolling_update(lab):
    probe = lab.probe("dns", VIPS, ["who.home.example", "*.example.org", "ads.example.org"])
    asked(0.5)
    for host in MASTERS:
        before = lab.run(host, "systemctl show -P MainPID rampart")
        lab.run(host, "dpkg -i --force-confold /var/cache/rampart.deb")
        check(lab.run(host, "systemctl show -P MainPID rampart") != before, f"{host}: the update left the old process running")
        wait(lambda host=host: lab.run(host, "rampart healthcheck -b 127.0.0.54 -p 53 --resolve health.home.example", ok=False)[0] == 0,
             10, f"{host}'s resolver answers after its restart")
    asked(1)
    seen = probe.finish()
    sent, lost = (sum(report[key] for report in seen.values()) for key in ("sent", "lost"))
    retried = sum(report["retried"] for report in seen.values())
    check(lost == 0, f"{lost} of {sent} queries were lost")
    check(retried == 0 or SLOW > 1, f"{retried} of {sent} queries were unanswered for a second: "
          f"{ {vip: (report['late'], report['owners'], report['gaps']) for vip, report in seen.items()} }")
    worst = max(report["silence_ms"] for report in seen.values())
    check(worst <= 1000 * SLOW, f"a VIP was silent for {worst} ms")
    return {"sent": sent, "lost": lost, "needed their retry": retried, "longest silence": f"{worst:.0f} ms"}


@test(18, "The plug of the VIP holder is pulled, for good", "DNS silent <= 1 s, one owner after 3 s")
def plug_pulled(lab):
    lab.settled(20)
    probes = lab.probe_vips()
    asked(0.5)
    begin = time.monotonic()
    lab.kill("m1")
    took = wait(lambda: lab.owner(VIPS[0]) == "m2", 3, "m2 is the one owner after m1 died")
    one_owner_after(lab, begin, "plug pulled")
    return silence(probes, "plug pulled", 1000 * SLOW) | {"one owner after": f"{took:.1f} s"}
