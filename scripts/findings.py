"""Slither over the contracts: every finding is mended or stands in slither.toml with its reason, and nothing else does.

Exit 0: so it is. Exit 1: a finding that is not listed, or an exception that no finding needs any more.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "slither"


def findings() -> dict[tuple[str, str], str]:
    """By detector and place (`Contract.function`), what slither says; the compiled contracts stay under build/."""
    shutil.rmtree(BUILD, ignore_errors=True)  # slither never writes over a report
    BUILD.mkdir(parents=True)
    command = (
        "env",
        f"FOUNDRY_OUT={BUILD}/out",
        f"FOUNDRY_CACHE_PATH={BUILD}/cache",
        ".venv-security/bin/slither",
        ".",
    )
    ran = subprocess.run(
        (*command, "--json", BUILD / "report.json"), cwd=ROOT, capture_output=True, text=True, check=False
    )
    report = BUILD / "report.json"
    if not report.is_file() or not (told := json.loads(report.read_text("utf-8")))["success"]:
        sys.exit(f"Error: slither did not come to its end\n{ran.stdout}{ran.stderr}")
    found = {}
    for one in told["results"].get("detectors", ()):
        first = one["elements"][0]
        place = f"{Path(first['source_mapping']['filename_relative']).stem}.{first['name']}"
        found[one["check"], place] = one["description"].strip()
    return found


def main() -> int:
    """Exit 0: every finding has its reason, and every reason its finding."""
    listed = tomllib.loads((ROOT / "slither.toml").read_text("utf-8"))
    found = findings()
    everywhere = {one["detector"] for one in listed["everywhere"]}
    places = {(one["detector"], place) for one in listed["exception"] for place in one["at"]}
    silent = [one for one in (*listed["everywhere"], *listed["exception"]) if not one["why"].strip()]
    new = {key: said for key, said in found.items() if key[0] not in everywhere and key not in places}
    stale = {*(places - found.keys()), *((name, "everywhere") for name in everywhere - {one for one, _ in found})}
    for (detector, place), said in sorted(new.items()):
        print(f"{detector} at {place}: {said}")
    for detector, place in sorted(stale):
        print(f"slither.toml excepts {detector} at {place}, where there is nothing")
    print(f"{len(found)} findings, {len(new)} without a reason, {len(stale)} reasons without a finding")
    return 1 if new or stale or silent else 0


if __name__ == "__main__":
    raise SystemExit(main())
