"""Each function of the contracts has a tree of its branches, each leaf a test, each unit test a leaf.

A tree is a root `Contract::function`, below it conditions (`when …`, `given …`), and leaves: `it should … [test]`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TESTS = ROOT / "test-forge" / "unit"
CONTRACTS = (
    "ArtifactRegistry",
    "ConsentRegistry",
    "DataAccess",
    "DatasetRegistry",
    "RoyaltyDistributor",
    "UsageLedger",
)

BRANCH = re.compile(r"(?P<above>(?:│   |    )*)(?P<corner>[├└])── (?P<words>.*)")
LEAF = re.compile(r"it should .+ \[(\w+)\]")
FUNCTION = re.compile(r"^    function (\w+)\(.*?^    \}", re.MULTILINE | re.DOTALL)
INHERITS = re.compile(r"^(?:abstract )?contract (\w+) is ([\w, ]+?) \{", re.MULTILINE)
REVERTS = re.compile(r"\brevert (\w+)\(")


@dataclass
class Tree:
    """One function's branches."""

    file: str
    root: str
    leaves: list[tuple[str, str]] = field(default_factory=list)  # what it should do, and the test


def read(file: str, text: str) -> tuple[list[Tree], list[str]]:
    """The trees of a file, and what is wrong with its shape."""
    trees: list[Tree] = []
    wrong: list[str] = []
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        following = depth(lines[number]) if number < len(lines) else 0
        branch = BRANCH.fullmatch(line)
        if re.fullmatch(r"\w+::\w+", line) and following == 1:
            trees.append(Tree(file, line))
        elif branch and (leaf := LEAF.fullmatch(branch["words"])) and following <= depth(line):
            trees[-1].leaves.append((branch["words"], leaf[1]))
        elif not branch or not re.match(r"(when|given) ", branch["words"]) or following != depth(line) + 1:
            wrong += [f"{file}:{number}: no root, condition with branches or leaf: {line.strip()}"] if line else []
    return trees, wrong


def depth(line: str) -> int:
    branch = BRANCH.fullmatch(line)
    return 1 + len(branch["above"]) // 4 if branch else 0


def bodies(source: str) -> dict[str, str]:
    """By name, the text of each function of a test file, with that of the helpers it calls."""
    own = {found[1]: found[0] for found in FUNCTION.finditer(source)}
    return {
        name: text + "".join(own[called] for called in own if called != name and re.search(rf"\b{called}\(", text))
        for name, text in own.items()
    }


@dataclass
class Code:
    """What the contracts have: functions, each with the roots that may be its tree; errors; other roots."""

    functions: dict[str, set[str]]
    errors: dict[str, set[str]]  # by contract or mixin: what it reverts with
    optional: set[str]  # constructors and library functions


def faults(trees: list[Tree], tests: dict[str, str], code: Code) -> list[str]:
    """What is missing or stale; `tests` gives the text of each unit test by its name."""
    roots = [tree.root for tree in trees]
    leaves = [(f"{tree.file}: {tree.root}", *leaf) for tree in trees for leaf in tree.leaves]
    known = code.optional.union(*code.functions.values())
    found = [f"{function}: no tree" for function, names in code.functions.items() if not names & set(roots)]
    found += [f"{tree.file}: {tree.root}: twice" for tree in trees if roots.count(tree.root) > 1]
    found += [f"{tree.file}: {tree.root}: no such function" for tree in trees if tree.root not in known]
    found += [f"{place}: no test {test}" for place, _, test in leaves if test not in tests]
    found += [f"test-forge/unit: {test}: no leaf" for test in tests if test not in {leaf[2] for leaf in leaves}]
    for place, words, test in leaves:
        said = re.search(r"revert with (\w+)", words)
        if said and said[1] not in tests.get(test, said[1]):
            found.append(f"{place}: {test} says nothing of {said[1]}")
    for name, errors in code.errors.items():
        words = " ".join(leaf[1] for leaf in leaves if f": {name}::" in leaf[0])
        found += [f"{name}: no leaf says that it reverts with {one}" for one in sorted(errors) if one not in words]
    return found


def present() -> tuple[list[Tree], list[str], dict[str, str]]:
    """The trees, what is wrong with their shape, and the unit tests."""
    files = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in sorted(TESTS.rglob("*.tree"))}
    parsed = [read(name, text) for name, text in files.items()]
    named = [item for path in TESTS.rglob("*.t.sol") for item in bodies(path.read_text("utf-8")).items()]
    tests = {name: text for name, text in named if name.startswith("test")}
    assert len(tests) == sum(name.startswith("test") for name, _ in named), "two tests of one name"
    return [tree for trees, _ in parsed for tree in trees], [one for _, wrong in parsed for one in wrong], tests


def contracts() -> Code:
    paths = [path for room in (".", "mixins", "libraries") for path in (ROOT / "contracts" / room).glob("*.sol")]
    texts = {path.stem: path.read_text("utf-8") for path in paths}
    above = {name: set(bases.split(", ")) for text in texts.values() for name, bases in INHERITS.findall(text)}
    code = Code({}, {name: set(REVERTS.findall(texts[name])) for name in above}, set())
    for name in CONTRACTS:
        bases = {name}
        while more := set().union(*(above.get(base, set()) for base in bases)) - bases:
            bases |= more
        for entry in json.loads((ROOT / "provenance" / "abi" / f"{name}.json").read_text("utf-8"))["abi"]:
            if entry["type"] == "function":
                code.functions[f"{name}.{entry['name']}"] = {f"{base}::{entry['name']}" for base in bases}
    code.optional |= {f"{name}::constructor" for name in above}
    for name, text in texts.items():
        if name not in above:
            code.optional |= {f"{name}::{function}" for function in re.findall(r"function (\w+)\(", text)}
    return code


def test_every_branch_has_a_leaf_and_every_leaf_a_test():
    trees, wrong, tests = present()
    assert wrong + faults(trees, tests, contracts()) == []


TREE = """\
Thing::act
├── when nobody asks
│   └── it should revert with Unasked [test_unasked]
└── given it was asked
    └── it should act [test_act]
"""
TEST = """
    function test_unasked() public {
        refused();
    }

    function refused() internal {
        vm.expectRevert(IThing.Unasked.selector);
    }

    function test_act() public {
        thing.act();
    }
"""
THING = Code({"Thing.act": {"Thing::act"}}, {"Thing": {"Unasked"}}, set())


def judged(tree: str = TREE, test: str = TEST, code: Code = THING) -> list[str]:
    trees, wrong = read("Thing.tree", tree)
    tests = {name: text for name, text in bodies(test).items() if name.startswith("test")}
    return wrong + faults(trees, tests, code)


def test_a_whole_tree_is_whole():
    assert judged() == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"tree": TREE.replace("[test_act]", "[test_acted]")}, "Thing.tree: Thing::act: no test test_acted"),
        ({"tree": TREE.replace(" [test_act]", "")}, "Thing.tree:5: no root, condition with branches or leaf"),
        ({"tree": TREE.replace("└── given", "└── if")}, "Thing.tree:4: no root, condition with branches or leaf"),
        ({"tree": TREE.replace("    └── it should act [test_act]\n", "")}, "Thing.tree:4: no root, condition"),
        ({"tree": TREE + "\n" + TREE}, "Thing.tree: Thing::act: twice"),
        ({"tree": TREE + "\n" + TREE.replace("act\n", "rest\n", 1)}, "Thing.tree: Thing::rest: no such function"),
        ({"tree": TREE.replace("Unasked", "Unheard")}, "Thing::act: test_unasked says nothing of Unheard"),
        ({"tree": TREE.replace("with Unasked", "in vain")}, "Thing: no leaf says that it reverts with Unasked"),
        ({"test": TEST.replace("test_act", "test_acting")}, "test-forge/unit: test_acting: no leaf"),
        ({"code": Code({"Thing.sit": {"Thing::sit"}}, {}, {"Thing::act"})}, "Thing.sit: no tree"),
    ],
)
def test_a_tree_that_is_stale_or_short_is_named(change: dict[str, str | Code], why: str):
    assert any(why in line for line in judged(**change))
