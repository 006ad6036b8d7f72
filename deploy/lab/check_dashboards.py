"""Dashboards and alerts name only metrics and columns that the resolver really writes.

    check_dashboards.py DEPLOY [SCRAPE]     with a scrape of a running resolver: each name is in it
"""
import json
import pathlib
import re
import sys

# The names are Blocky's; histogram parts are added below.
METRICS = """
build_info blocking_enabled denylist_cache_entries allowlist_cache_entries
last_list_group_refresh_timestamp_seconds query_total response_total error_total cache_entries
cache_hits_total cache_misses_total prefetches_total prefetch_hits_total
prefetch_domain_name_cache_entries failed_downloads_total redis_cache_buffer_drops_total
dnstap_frames_dropped_total rate_limit_drops_total rate_limit_cap_exhausted_total
rate_limit_active_buckets dnssec_validation_total dnssec_cache_hits_total
""".split()
# Exposed once answers are validated (dnssec.validate), which the resolver does not do yet.
NOT_EXPOSED_YET = {"blocky_dnssec_validation_total"}
HISTOGRAMS = ["request_duration_seconds", "dnssec_validation_duration_seconds"]
KNOWN = {f"blocky_{m}" for m in METRICS} | {f"blocky_{h}_{p}" for h in HISTOGRAMS for p in ("bucket", "sum", "count")}
COLUMNS = set("""request_ts client_ip client_name duration_ms reason response_type question_type question_name
effective_tldp answer response_code hostname id""".split())
SQL_WORDS = set("""select from where and or in as count distinct group by order desc asc limit filter avg
percentile_cont within not null log_entries metric value time client queries blocked clients mean p95 name type
response code ms instance""".split())

faults = []
deploy = pathlib.Path(sys.argv[1])
dashboards = sorted((deploy / "dashboards").glob("*.json"))
used = set()
uids = set()
for file in dashboards:
    board = json.loads(file.read_text())
    if board["uid"] in uids:
        faults.append(f"{file.name}: uid {board['uid']} is used twice")
    uids.add(board["uid"])
    ids = [panel["id"] for panel in board["panels"]]
    if len(ids) != len(set(ids)):
        faults.append(f"{file.name}: two panels share an id")
    taken = {}
    for panel in board["panels"]:
        where = f"{file.name}: panel '{panel['title']}'"
        grid = panel["gridPos"]
        if grid["x"] + grid["w"] > 24:
            faults.append(f"{where} is wider than the page")
        for y in range(grid["y"], grid["y"] + grid["h"]):
            for x in range(grid["x"], grid["x"] + grid["w"]):
                if taken.setdefault((x, y), panel["title"]) != panel["title"]:
                    faults.append(f"{where} lies on '{taken[(x, y)]}'")
                    break
        for target in panel["targets"]:
            if "expr" in target:
                names = set(re.findall(r"\bblocky_\w+", target["expr"]))
                used |= names
                faults += [f"{where}: no metric {name}" for name in sorted(names - KNOWN)]
                if target["expr"].count("(") != target["expr"].count(")"):
                    faults.append(f"{where}: unbalanced parentheses")
            else:
                sql = re.sub(r"'[^']*'|\$__\w+\([^)]*\)|\$\w+", " ", target["rawSql"])
                words = {word.lower() for word in re.findall(r"\b[A-Za-z_]\w*\b", sql)}
                faults += [f"{where}: no column or word {word}" for word in sorted(words - COLUMNS - SQL_WORDS)]
for file in sorted(deploy.rglob("alerts.yml")):
    names = set(re.findall(r"\bblocky_\w+", file.read_text()))
    faults += [f"{file}: no metric {name}" for name in sorted(names - KNOWN)]
alerted = {name for file in deploy.rglob("alerts.yml") for name in re.findall(r"\bblocky_\w+", file.read_text())}
note = ""
if len(sys.argv) > 2:
    scraped = set(re.findall(r"^(\w+)[{ ]", pathlib.Path(sys.argv[2]).read_text(), re.M))
    unseen = (used | alerted) - scraped
    faults += [f"no running resolver exposes {name}" for name in sorted(unseen - NOT_EXPOSED_YET)]
    note = f", {len((used | alerted) & scraped)} of them scraped" + "".join(f"; {name} has its panel before its time" for name in sorted(unseen & NOT_EXPOSED_YET))
if len(dashboards) < 2 or len(used) < 15:
    faults.append(f"{len(dashboards)} dashboards with {len(used)} metrics: the check reads the wrong folder")
print("\n".join(faults) or f"{len(dashboards)} dashboards, {len(used | alerted)} metrics{note}")
sys.exit(1 if faults else 0)
