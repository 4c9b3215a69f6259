"""What the house has too much of: counts by package that may only fall, and the table before and after.

Run: python scripts/words.py            what rose above tests/unit/house/ratchets.json, and where
     python scripts/words.py --write    commit lower counts; a higher one is refused
     python scripts/words.py --list fillers provenance/cli
     python scripts/words.py --against REV
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the counts are the house tests'

from tests.unit.house import ratchets, tree  # noqa: E402 - only found from the root

if TYPE_CHECKING:
    from collections.abc import Callable

COMMITTED = ROOT / "tests" / "unit" / "house" / "ratchets.json"


def main() -> None:
    """Prints, writes or compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="commit lower counts")
    parser.add_argument("--list", nargs=2, metavar=("RATCHET", "PACKAGE"), help="each case of one count")
    parser.add_argument("--against", metavar="REV", help="the table of a revision and of the files here")
    asked = parser.parse_args()
    sources = tree.sources()
    if asked.against:
        compare(revision(asked.against), sources, asked.against)
    elif asked.list:
        ratchet, room = asked.list
        for case in ratchets.RATCHETS[ratchet](sources):
            if ratchets.package(case.file) == room:
                print(f"{case.file}:{case.line}: {case.name}")
    else:
        check(ratchets.counted(sources), write=asked.write)


def check(now: dict[str, dict[str, int]], *, write: bool) -> None:
    """No count is above what was committed; lower ones are committed if asked for."""
    committed = json.loads(COMMITTED.read_text("utf-8"))
    risen = ratchets.risen(committed, now)
    if risen:
        sys.exit("\n".join(risen) + "\nNext: python scripts/words.py --list RATCHET PACKAGE")
    for name, by_room in now.items():
        print(f"{name:<14} {sum(by_room.values()):>6}  committed {sum(committed[name].values())}")
    if write:
        COMMITTED.write_text(json.dumps(now, indent=1) + "\n", "utf-8")


def revision(name: str) -> tree.Sources:
    """The sources of a revision."""
    packed = subprocess.run(["git", "archive", name, *tree.ROOMS], cwd=ROOT, capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
        return tree.sources(Path(folder))


def compare(before: tree.Sources, now: tree.Sources, name: str) -> None:
    """The table, a line a count, and the places behind the short ones."""
    counts: dict[str, Callable[[tree.Sources], float]] = {
        "statements of the product": ratchets.statements,
        "fillers, % of bound names": ratchets.share_of_fillers,
        "places that compare a consent's end": lambda sources: len(list(ratchets.consent_ends(sources))),
        "files that a new event touches": lambda sources: len(ratchets.event_files(sources)),
    }
    for ratchet, cases in ratchets.RATCHETS.items():
        counts[ratchet] = lambda sources, cases=cases: len(list(cases(sources)))  # type: ignore[misc]
    print(f"{'':<38}{name:>12}{'now':>12}")
    for title, count in counts.items():
        old, new = round(count(before), 2), round(count(now), 2)
        print(f"{title:<38}{old:>12,}{new:>12,}   {100 * (new - old) / (old or 1):+.1f} %")
    for case in ratchets.consent_ends(now):
        print(f"a consent's end: {case.file}:{case.line}: {case.name}")
    print("a new event:", *ratchets.event_files(now))


if __name__ == "__main__":
    main()
