"""The documents are true where a program can tell: links and paths lead somewhere, commands exist, the README is short,
and what the configuration marks as without effect is owned up to in the roadmap."""
import fnmatch
import os
import pathlib
import re
import subprocess
import unittest

import tree

README_LINES = 150
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
# `folder/file` in running text, where folder is one of ours.
PATH = re.compile(r"`((?:\.ci|base|dns|blocklists|storage|resolver|control|tests|bench|tools|docs|deploy|cmake)/[\w./*-]*)`")


def fenced(markdown):
    """Lines of code blocks, indented by four or between fences."""
    inside = False
    for line in markdown.splitlines():
        if line.startswith("```"):
            inside = not inside
        elif inside or line.startswith("    "):
            yield line.strip()


class Docs(unittest.TestCase):
    def test_links_lead_to_files(self):
        broken = []
        for path in tree.files(".md"):
            for target in LINK.findall(tree.text(path)):
                if "://" in target or target.startswith("mailto:"):
                    continue
                if not (tree.ROOT / path.parent / target).exists():
                    broken.append(f"{path}: {target}")
        self.assertEqual(broken, [])

    def test_paths_in_running_text_exist(self):
        broken = []
        for path in tree.files(".md"):
            for target in PATH.findall(tree.text(path)):
                if any(c in target for c in "*?"):
                    found = list(tree.ROOT.glob(target))
                else:
                    found = [base for base in (tree.ROOT, tree.ROOT / path.parent) if (base / target).exists()]
                if not found:
                    broken.append(f"{path}: {target}")
        self.assertEqual(broken, [])

    def test_readme_is_short(self):
        self.assertLess(tree.text(pathlib.Path("README.md")).count("\n"), README_LINES)

    def test_commands_of_the_readme_exist(self):
        commands = [line for line in fenced(tree.text(pathlib.Path("README.md")))]
        self.assertTrue(any(line.startswith("tools/run") for line in commands))
        for line in commands:
            word = line.split()[0] if line.split() else ""
            if re.match(r"(tools|bench|deploy)/", word):
                self.assertTrue(os.access(tree.ROOT / word, os.X_OK), f"{word} is no program")
        binary = os.environ.get("RAMPART_BINARY", "")
        if not os.access(binary, os.X_OK):
            self.skipTest("rampart is not built")
        for line in commands:
            words = line.split("#")[0].split()
            if not words or os.path.basename(words[0]) != "rampart":
                continue
            verbs = [w.split("|") for w in words[1:3] if re.fullmatch(r"[a-z|]+", w)]
            if not verbs:
                continue
            # The second word is a command of its own only for those that have commands below them.
            for last in (verbs[1] if len(verbs) > 1 and verbs[0][0] in ("blocking", "lists", "cache") else [None]):
                call = [binary, verbs[0][0], *([last] if last else []), "--help"]
                done = subprocess.run(call, capture_output=True, text=True, timeout=20)
                self.assertEqual(done.returncode, 0, f"{' '.join(call[1:])}: {done.stderr}{done.stdout}")

    def test_presets_of_the_readme_exist(self):
        presets = tree.text(pathlib.Path("CMakePresets.json"))
        for name in re.findall(r"--preset (\w+)", tree.text(pathlib.Path("README.md"))):
            self.assertIn(f'"name": "{name}"', presets)

    def test_keys_without_effect_are_in_the_roadmap_and_no_others(self):
        rows = [line for line in tree.text(pathlib.Path("docs/configuration.md")).splitlines() if line.startswith("| `")]
        keys = {row.split("`")[1]: "*(no effect yet)*" in row for row in rows}
        self.assertGreater(len(keys), 100)
        line = next((l for l in self.paragraphs("docs/roadmap.md") if l.startswith("- **Keys without effect**")), None)
        self.assertIsNotNone(line, "docs/roadmap.md has no line `- **Keys without effect**: ...`")
        patterns = re.findall(r"`([\w.*]+)`", line)
        pending = [key for key, is_pending in keys.items() if is_pending]
        missing = [key for key in pending if not any(fnmatch.fnmatch(key, p) for p in patterns)]
        self.assertEqual(missing, [], "without effect, but not in the roadmap")
        stale = [p for p in patterns if not any(fnmatch.fnmatch(key, p) for key in pending)]
        self.assertEqual(stale, [], "in the roadmap's list of keys without effect, but every key of it has its effect")

    @staticmethod
    def paragraphs(path):
        """Items of lists, each joined to one line."""
        joined = re.sub(r"\n  +", " ", tree.text(pathlib.Path(path)))
        return joined.splitlines()


if __name__ == "__main__":
    unittest.main()
