"""How a file looks: its width, its length, its opening story, and words that do not belong in it."""
import re
import unittest

import tree

COLUMNS = 116
LINES = 350
# Tables are as wide as their widest row.
WIDE_TABLES = {"control/config_schema.cc"}


def is_test_data(path):
    return path.parts[:2] == ("tests", "data")


class Style(unittest.TestCase):
    maxDiff = None

    def test_lines_are_no_wider_than_the_page(self):
        counts = {}
        for path in tree.code():
            if path.as_posix() in WIDE_TABLES:
                continue
            wide = [line for line in tree.text(path).splitlines() if len(line) > COLUMNS]
            if wide:
                counts[path] = len(wide)
        self.assertEqual(tree.over_allowance("wide-lines", counts), [])

    def test_files_hold_one_idea(self):
        counts = {}
        for path in tree.code():
            lines = tree.text(path).count("\n")
            if lines > LINES and path.as_posix() not in WIDE_TABLES:
                counts[path] = lines
        self.assertEqual(tree.over_allowance("lines", counts), [])

    def test_every_file_opens_with_its_story(self):
        """A .cc may leave it to the header that it includes first, its own or the one that it tests."""
        silent = []
        for path in tree.code():
            first = next((line for line in tree.text(path).splitlines() if line.strip()), "")
            if first.startswith("//"):
                continue
            own = re.match(r'#include "([^"]+)"', first)
            header = tree.ROOT / own.group(1) if own and path.suffix == ".cc" else None
            if header is None or not header.read_text().startswith("//"):
                silent.append(f"{path} opens with: {first}")
        self.assertEqual(silent, [])

    def test_scripts_say_what_they_are_for(self):
        silent = []
        for path in tree.files():
            if path.parts[0] not in ("tools", "bench", "tests") or is_test_data(path) or tree.text(path) is None:
                continue
            lines = tree.text(path).splitlines()
            if not lines or not lines[0].startswith("#!"):
                continue
            second = lines[1] if len(lines) > 1 else ""
            if not second.startswith(("#", '"""', "'''")):
                silent.append(f"{path}: the line behind #! is: {second}")
        self.assertEqual(silent, [])

    def test_nothing_is_left_for_later_in_comments(self):
        later = re.compile(r"\b(TO" r"DO|FIX" r"ME|HA" r"CK)\b")
        found = []
        for path in tree.files():
            content = tree.text(path)
            if content is None or is_test_data(path):
                continue
            found += [f"{path}:{n}: {line.strip()}" for n, line in enumerate(content.splitlines(), 1) if later.search(line)]
        self.assertEqual(found, [], "what is missing stands in docs/roadmap.md")

    def test_the_project_speaks_of_itself_alone(self):
        """No place or name of the machines and accounts it was written on, and no tracker's numbers."""
        foreign = re.compile(r"(?<![\w.-])/(work|home/\w+)/|\bissue #?\d|\bthis session\b|\bhelper \d", re.I)
        found = []
        for path in tree.files():
            content = tree.text(path)
            if content is None or is_test_data(path) or path.name == "test_style.py":
                continue
            found += [f"{path}:{n}: {line.strip()[:120]}" for n, line in enumerate(content.splitlines(), 1)
                      if foreign.search(line)]
        self.assertEqual(found, [])


if __name__ == "__main__":
    unittest.main()
