"""What clients see: the VIPs, their daemons, and the resolvers behind them."""
import time

from cluster import INTERNET, MASTERS, VIPS, check, wait
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


@test(6, "Every resolver's package is upgraded to a higher version, one host after the other, under load",
      "0 queries lost, none needs its retry, every answer NOERROR with the right address")
def rolling_update(lab):
    # The package of this build as the next version. Not compressed: it is only carried from one host to the other.
    lab.copy("client", lab.package, "/srv/shared/rampart.deb")
    higher = lab.run("client", """set -e; cd /srv/shared; rm -rf next; dpkg-deb -R rampart.deb next
sed -i 's/^\\(Version: .*\\)/\\1+lab/' next/DEBIAN/control; dpkg-deb -Znone -b next next.deb >/dev/null; dpkg-deb -f next.deb Version""", timeout=60)
    probe = lab.probe("dns", VIPS, ["who.home.example", f"*.example.org={INTERNET}", "ads.example.org=0.0.0.0"])
    asked(0.5)
    for host in MASTERS:
        before = lab.run(host, "systemctl show -P MainPID rampart; dpkg-query -W -f '${Version}' rampart").split()
        check(before[1] != higher, f"{host}: {higher} is installed already, this would be no upgrade")
        lab.run(host, "dpkg -i --force-confold /srv/shared/next.deb")
        after = lab.run(host, "systemctl show -P MainPID rampart; dpkg-query -W -f '${Version}' rampart").split()
        check(after[0] != before[0], f"{host}: the update left the old process running")
        check(after[1] == higher, f"{host}: {after[1]} is installed, the upgrade is to {higher}")
        wait(lambda host=host: lab.run(host, "rampart healthcheck -b 127.0.0.54 -p 53 --resolve health.home.example", ok=False)[0] == 0,
             10, f"{host}'s resolver answers after its restart")
    asked(1)
    seen = probe.finish()
    sent, lost, wrong = (sum(report[key] for report in seen.values()) for key in ("sent", "lost", "wrong_answer"))
    retried = sum(report["retried"] for report in seen.values())
    check(lost == 0, f"{lost} of {sent} queries were lost")
    for vip, report in seen.items():
        check(set(report["codes"]) == {"0"}, f"{vip}: response codes {report['codes']}, only 0 was promised")
        check(report["wrong_answer"] == 0, f"{vip}: {report['wrong_answer']} answers had another address than expected: {report['wrong']}")
        check({who for _, who in report["owners"]} <= set(MASTERS.values()), f"{vip}: who.home.example was {report['owners']}")
    check(retried == 0 or SLOW > 1, f"{retried} of {sent} queries were unanswered for a second: "
          f"{ {vip: (report['late'], report['owners'], report['gaps']) for vip, report in seen.items()} }")
    worst = max(report["silence_ms"] for report in seen.values())
    check(worst <= 1000 * SLOW, f"a VIP was silent for {worst} ms")
    return {"upgraded": f"{before[1]} > {higher}", "sent": sent, "lost": lost, "needed their retry": retried,
            "codes other than 0": 0, "wrong addresses": wrong, "longest silence": f"{worst:.0f} ms"}


@test(23, "The resolver on the VIP holder hangs (SIGSTOP)", "the VIP moves, DNS silent <= 3 s, one owner 3 s later; another VIP silent <= 300 ms")
def resolver_hangs(lab):
    probe = lab.probe("dns", [VIPS[0], VIPS[1]], ["who.home.example", f"*.example.org={INTERNET}"])
    asked(0.3)
    begin = time.monotonic()
    lab.run("m1", "systemctl kill -s STOP rampart")
    try:
        took = wait(lambda: lab.owner(VIPS[0]) == "m2", 6, "the VIP left the host whose resolver hangs")
        one_owner_after(lab, begin, "resolver hangs")
    finally:
        lab.run("m1", "systemctl kill -s CONT rampart")
    back = wait(lambda: lab.owner(VIPS[0]) == "m1", 10 * SLOW, "the VIP is back where it belongs")
    asked(0.3)
    seen = probe.finish()
    first, other = seen[VIPS[0]], seen[VIPS[1]]
    for vip, report in seen.items():
        check(set(report["codes"]) == {"0"} and not report["wrong_answer"], f"{vip}: codes {report['codes']}, wrong answers {report['wrong']}")
    check(first["silence_ms"] <= 3000 * SLOW, f"DNS was silent for {first['silence_ms']} ms; gaps {first['gaps']}")
    check(first["silence_ms"] > 500, f"DNS was silent for {first['silence_ms']} ms only: the resolver did not hang")
    check(other["lost"] == 0 and other["silence_ms"] <= 300 * SLOW, f"the other VIP suffered: {other}")
    return {"VIP moved after": f"{took:.1f} s", "DNS silent": f"{first['silence_ms']:.0f} ms", "other VIP silent": f"{other['silence_ms']:.0f} ms",
            "back after": f"{back:.1f} s"}


@test(24, "nginx on the VIP holder stays dead", "the VIP moves, HTTP silent <= 4 s, DNS silent <= 300 ms", beside=10)
def nginx_stays_dead(lab):
    dns, http = lab.probe_vips()
    asked(0.3)
    lab.run("m1", "systemctl mask -q --runtime nginx && systemctl kill -s KILL nginx && systemctl stop nginx")
    try:
        took = wait(lambda: lab.owner(VIPS[0]) == "m2", 6, "the VIP left the host without nginx")
        asked(0.5)
    finally:
        lab.run("m1", "systemctl unmask -q --runtime nginx && systemctl start nginx")
    lab.settled(10)
    asked(0.3)
    names, pages = dns.finish()[VIPS[0]], http.finish()[VIPS[0]]
    check(pages["silence_ms"] <= 4000 * SLOW, f"HTTP was silent for {pages['silence_ms']} ms; gaps {pages['gaps']}")
    check([who for _, who in pages["owners"]] == ["m1", "m2", "m1"], f"HTTP was answered by {pages['owners']}, promised: m1, m2, m1")
    check(names["silence_ms"] <= 300 * SLOW and names["lost"] == 0 and set(names["codes"]) == {"0"} and not names["wrong_answer"],
          f"DNS suffered: {names}")
    return {"VIP moved after": f"{took:.1f} s", "HTTP silent": f"{pages['silence_ms']:.0f} ms", "DNS silent": f"{names['silence_ms']:.0f} ms"}


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
