"""Which faults no test of the contracts notices: one at a time of those that `faults.py` found, in copies of the tree.

Killed is a fault that makes a test fail. One that does not compile, or compiles to the same code, is none; one that
test-forge/equivalent-mutants.toml names is left out. Why so: docs/decisions/mutants.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "mutants"
PRISTINE = BUILD / "pristine"
EQUIVALENT = ROOT / "test-forge" / "equivalent-mutants.toml"
COPIED = ("contracts", "scripts", "test-forge")
COUNTED = ("killed", "survived", "timed out")
TIMEOUT = 300  # s; building and testing takes 10
ENOUGH = 0.95
SEED = 1  # of the order in which faults are tried; one fault more or less does not move the others
Fault = dict[str, Any]


def forge(tree: Path, *arguments: str, profile: str = "mutants") -> subprocess.CompletedProcess[str]:
    """What forge says in a tree; what it builds is under the profile's name."""
    program = str(next((ROOT / "node_modules" / "@foundry-rs").glob("forge-*/bin/forge")))
    env = ("env", f"FOUNDRY_PROFILE={profile}", f"FOUNDRY_OUT={profile}/out", f"FOUNDRY_CACHE_PATH={profile}/cache")
    command = (*env, program, *arguments)
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False, timeout=TIMEOUT)


def prepare() -> None:
    """The tree as it is, built and tested."""
    shutil.rmtree(PRISTINE, ignore_errors=True)
    for name in COPIED:
        shutil.copytree(ROOT / name, PRISTINE / name, ignore=shutil.ignore_patterns("symbolic"))
    shutil.copy(ROOT / "foundry.toml", PRISTINE)
    (PRISTINE / "node_modules").symlink_to(ROOT / "node_modules")
    tested = forge(PRISTINE, "test")
    if tested.returncode:
        sys.exit(f"Error: a test fails before anything is changed\n{tested.stdout}{tested.stderr}")
    shipped(PRISTINE)


def shipped(tree: Path) -> dict[str, str]:
    """What the contracts compile to as they are deployed: optimized, without the names of the sources."""
    forge(tree, "build", "--skip", "test-forge", profile="default").check_returncode()
    built = [tree / "default/out" / path.name / f"{path.stem}.json" for path in (tree / "contracts").glob("*.sol")]
    return {path.stem: json.loads(path.read_bytes())["bytecode"]["object"] for path in built}


def verdict(fault: Fault, tree: Path) -> str:
    """`does not compile`, `same code`, `killed` or `survived`."""
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(PRISTINE, tree, symlinks=True)
    text = (PRISTINE / fault["file"]).read_bytes()
    (tree / fault["file"]).write_bytes(text[: fault["start"]] + fault["new"].encode() + text[fault["end"] :])
    if forge(tree, "build").returncode:
        return "does not compile"
    tested = forge(tree, "test", "--fail-fast")
    if tested.returncode == 0:
        return "same code" if shipped(tree) == shipped(PRISTINE) else "survived"
    assert "[FAIL" in tested.stdout, tested.stdout + tested.stderr
    return "killed"


def judge(fault: Fault, trees: SimpleQueue[Path]) -> str:
    """The verdict, from whichever tree is free; a fault whose tests do not end `timed out`."""
    tree = trees.get()
    try:
        return verdict(fault, tree)
    except subprocess.TimeoutExpired:
        return "timed out"
    finally:
        trees.put(tree)


def named(fault: Fault) -> tuple[str, str, str]:
    """What the list of equivalents calls a fault by: no line numbers, which change."""
    return fault["file"], fault["was"], fault["now"]


def judged(faults: list[Fault], jobs: int, wanted: int) -> Iterator[Fault]:
    """Each fault with its verdict, until `wanted` of them count."""
    left, waiting, trees = deque(faults), deque[tuple[Fault, Future[str]]](), SimpleQueue[Path]()
    for number in range(jobs):
        trees.put(BUILD / f"tree{number}")
    with ThreadPoolExecutor(jobs) as pool:
        while wanted and (left or waiting):
            while left and len(waiting) < 2 * jobs:
                waiting.append((left[0], pool.submit(judge, left.popleft(), trees)))
            fault, future = waiting.popleft()
            wanted -= future.result() in COUNTED
            yield {"verdict": future.result(), **fault}
        for _, future in waiting:
            future.cancel()


def summary(report: list[Fault], stale: set[tuple[str, str, str]]) -> bool:
    """Whether enough are killed, and the list of equivalents names only what is made."""
    for fault in report:
        if fault["verdict"] in ("survived", "timed out"):
            print(f"{fault['verdict']}: {fault['file']}:{fault['line']}\n  was {fault['was']}\n  now {fault['now']}")
    for entry in sorted(stale):
        print("among the equivalents, but no fault:", *entry, sep="\n  ")
    count = Counter(fault["verdict"] for fault in report)
    print(*(f"{number} {verdict}" for verdict, number in count.most_common()), sep=", ")
    total = sum(count[verdict] for verdict in COUNTED)
    share = count["killed"] / total if total else 0
    print(f"killed: {share:.1%} of {total}; asked for: {ENOUGH:.0%}")
    return share >= ENOUGH and not stale


def main() -> int:
    """Exit 0: enough are killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sample", type=int, default=200, help="how many to judge; 0: all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("files", nargs="*", help="of contracts/; all by default")
    asked = parser.parse_args()
    faults: list[Fault] = json.loads((BUILD / "faults.json").read_text("utf-8"))
    known = {named(fault) for fault in tomllib.loads(EQUIVALENT.read_text("utf-8"))["mutant"]}
    stale = known - {named(fault) for fault in faults}
    faults = [each for each in faults if named(each) not in known and each["file"] in (asked.files or [each["file"]])]
    faults.sort(key=lambda fault: sha256(repr((SEED, *named(fault))).encode()).digest())
    prepare()
    report = []
    for fault in judged(faults, asked.jobs, asked.sample or len(faults)):
        report.append(fault)
        print(f"{fault['verdict']:16} {fault['file']}:{fault['line']}  {fault['now']}", flush=True)
    (BUILD / "report.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0 if summary(report, stale) else 1


if __name__ == "__main__":
    raise SystemExit(main())
