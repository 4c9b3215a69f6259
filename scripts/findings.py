"""Slither over the contracts: every finding is mended or stands in slither.toml with its reason, and nothing else does.

Exit 0: so it is. Exit 1: a finding that is not listed, an entry without a reason, or one that no finding needs any more.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "slither"
CODE = 50  # characters of an expression in slither.toml; two that begin alike want two entries


def findings() -> list[tuple[str, str, str]]:
    """Detector, place and what slither says of each finding; the compiled contracts stay under build/."""
    shutil.rmtree(BUILD, ignore_errors=True)  # slither never writes over a report
    BUILD.mkdir(parents=True)
    command = (
        "env",
        f"FOUNDRY_OUT={BUILD}/out",
        f"FOUNDRY_CACHE_PATH={BUILD}/cache",
        "PYTHONHASHSEED=0",  # slither's findings follow the order of its sets: from 82 to 90 of the same contracts
        ".venv-security/bin/slither",
        ".",
    )
    ran = subprocess.run(
        (*command, "--json", BUILD / "report.json"), cwd=ROOT, capture_output=True, text=True, check=False
    )
    report = BUILD / "report.json"
    if not report.is_file() or not (told := json.loads(report.read_text("utf-8")))["success"]:
        sys.exit(f"Error: slither did not come to its end\n{ran.stdout}{ran.stderr}")
    return [
        (one["check"], place(one["elements"]), one["description"].strip())
        for one in told["results"].get("detectors", ())
    ]


def place(elements: list[dict[str, Any]]) -> str:
    """`Contract.function: code`, the code being the beginning of each expression that the finding names.

    No line numbers, so that it stays while the lines around it move.
    """
    first, *rest = elements
    names, inside = [first["name"]], first["type_specific_fields"].get("parent")
    while inside:
        names.insert(0, inside["name"])
        inside = inside["type_specific_fields"].get("parent") if "type_specific_fields" in inside else None
    code = dict.fromkeys(shorten(one["name"]) for one in rest if one["type"] == "node")
    return ".".join(names) + (f": {'; '.join(code)}" if code else "")


def shorten(code: str) -> str:
    """The beginning of an expression."""
    return code if len(code) <= CODE else code[:CODE] + "…"


def main() -> int:
    """Exit 0: every finding has its reason, and every reason its finding."""
    listed = tomllib.loads((ROOT / "slither.toml").read_text("utf-8"))
    found = findings()
    everywhere = {one["detector"] for one in listed["everywhere"]}
    silent = [one for one in (*listed["everywhere"], *listed["exception"]) if not one.get("why", "").strip()]
    excepted = Counter((one["detector"], at) for one in listed["exception"] for at in one["at"])
    new, stale = [], excepted.copy()
    for detector, at, said in sorted(found):
        if stale[detector, at] > 0:
            stale[detector, at] -= 1  # a second one of the same words wants to be listed twice
        elif detector not in everywhere:
            new.append(f"{detector} at {at}: {said}")
    gone = [*stale.elements(), *((name, "everywhere") for name in everywhere - {one for one, _, _ in found})]
    for line in new:
        print(line)
    for detector, at in sorted(gone):
        print(f"slither.toml excepts {detector} at {at}, where there is nothing")
    for one in silent:
        print(f"slither.toml gives no reason for {one['detector']} at {', '.join(one.get('at', ('everywhere',)))}")
    counts = f"{len(new)} not listed, {len(silent)} listed without a reason, {len(gone)} listed without a finding"
    print(f"{len(found)} findings, {counts}")
    return 1 if new or gone or silent else 0


if __name__ == "__main__":
    raise SystemExit(main())
