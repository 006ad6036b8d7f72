"""Who may include whom: base <- dns <- {blocklists, storage} <- resolver <- control; tests and bench see all. Each
library's headers have one home."""
import pathlib
import re
import unittest

import tree

MAY_INCLUDE = {
    "base": set(),
    "dns": {"base"},
    "blocklists": {"base", "dns"},
    "storage": {"base", "dns"},
    "resolver": {"base", "dns", "blocklists", "storage"},
    "control": {"base", "dns", "blocklists", "storage", "resolver"},
}
# A header of the library, and the only files that may include it. Oracles and servers of tests have their own reasons.
HOMES = [
    (r"spdlog/", r"base/log\."),
    (r"yaml-cpp/", r"control/"),
    (r"(libpq|pqxx|postgresql/)", r"(storage/postgres|tests/support/postgres_server\.cc)"),
    (r"hiredis/", r"storage/redis"),
    (r"ares(\.h|_)", r"(resolver/cares_channel\.|tests/property/dns_against_cares_test\.cc)"),
    (r"sqlite3\.h", r"(storage/|tests/unit/storage/)sqlite"),
    (r"curl/", r"(blocklists/|control/|resolver/)"),
    (r"(benchmark)/", r"bench/"),
    (r"(gtest|gmock)/", r"tests/"),
]
INCLUDE = re.compile(r'^\s*#include ([<"])([^>"]+)[>"]', re.M)


def includes(path):
    return INCLUDE.findall(tree.text(path))


class Layers(unittest.TestCase):
    def test_folders_include_only_what_lies_below(self):
        strays = []
        for path in tree.code():
            folder = path.parts[0]
            for bracket, target in includes(path):
                top = target.split("/")[0]
                if folder in MAY_INCLUDE and top != folder and top in {*MAY_INCLUDE, "tests", "bench"}:
                    if top not in MAY_INCLUDE[folder]:
                        strays.append(f"{path} includes {target}")
        self.assertEqual(strays, [])

    def test_our_headers_are_included_from_the_root_and_exist(self):
        strays = []
        for path in tree.code():
            for bracket, target in includes(path):
                if bracket == '"' and not (tree.ROOT / target).is_file() and "generated/" not in target:
                    strays.append(f'{path} includes "{target}", which is no file of ours; libraries are in <>')
        self.assertEqual(strays, [])

    def test_each_library_has_its_home(self):
        strays = []
        for path in tree.code():
            for _, target in includes(path):
                for library, home in HOMES:
                    if re.match(library, target) and not re.match(home, path.as_posix()):
                        strays.append(f"{path} includes {target}; its home is {home}")
        self.assertEqual(strays, [])

    def test_every_header_has_a_guard_and_somebody_who_includes_it(self):
        included = {pathlib.Path(target) for path in tree.code() for _, target in includes(path)}
        orphans = [f"{path} is included by nobody" for path in tree.files(".h") if path not in included]
        open_headers = [f"{path} has no #pragma once" for path in tree.files(".h") if "#pragma once" not in tree.text(path)]
        self.assertEqual(orphans + open_headers, [])


if __name__ == "__main__":
    unittest.main()
