"""The source tree as the checks see it: files by kind, and the allowances that old files still have."""
import functools
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("base", "dns", "blocklists", "storage", "resolver", "control", "tests", "bench", "tools", "docs", "deploy",
           "cmake", ".ci")


@functools.lru_cache
def files(*suffixes):
    """Paths relative to the root, sorted; without suffixes: all."""
    found = [p for p in ROOT.iterdir() if p.is_file() and p.name != ".git"]  # a file, in a worktree
    for folder in FOLDERS:
        found += [p for p in (ROOT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    found = [p.relative_to(ROOT) for p in found if not suffixes or p.suffix in suffixes]
    return sorted(found)


@functools.lru_cache
def text(path):
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None  # no text


def code():
    return files(".cc", ".h")


def allowances(kind):
    """What a file may still have of something: path -> number. A number may be lowered, and is to be raised by nobody."""
    allowed = {}
    for line in (ROOT / "tests/tidy/allowances.txt").read_text().splitlines():
        words = line.split("#")[0].split()
        if words and words[0] == kind:
            allowed[pathlib.Path(words[1])] = int(words[2])
    return allowed


def over_allowance(kind, counts):
    """Complaints: files that have more than they may, and allowances that nobody needs any more."""
    allowed = allowances(kind)
    complaints = [f"{path}: {count} {kind}, allowed {allowed.get(path, 0)}"
                  for path, count in sorted(counts.items()) if count > allowed.get(path, 0)]
    complaints += [f"tests/tidy/allowances.txt: {path} does not need its allowance of {kind} any more: drop the line"
                   for path in sorted(allowed) if counts.get(path, 0) == 0]
    return complaints
