"""Each function of the contracts has a tree of its branches, each leaf a test, each unit test a leaf.

A tree is a root `Contract::function`, below it conditions (`when …`, `given …`), and leaves: `it should … [test]`.
An error in what a function calls that it can never meet is a leaf without a test: `it cannot revert with …: why`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
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
NEVER = re.compile(r"it cannot revert with (\w+): .+")
LEAF = re.compile(r"it should .+ \[(\w+)\]")
FUNCTION = re.compile(r"^    function (\w+)\(.*?^    \}", re.MULTILINE | re.DOTALL)
INHERITS = re.compile(r"^(?:abstract )?contract (\w+) is ([\w, ]+?) \{", re.MULTILINE)
REVERTS = re.compile(r"\brevert (\w+)\(")
SAID = re.compile(r"\brevert with (\w+)")
PART = re.compile(r"^    (?=(?:function \w+|modifier \w+|constructor)\b)", re.MULTILINE)


@dataclass
class Tree:
    """One function's branches."""

    file: str
    root: str
    leaves: list[tuple[str, str]] = field(default_factory=list)  # what it should do, and the test
    never: list[str] = field(default_factory=list)  # errors in what it calls that it cannot meet, said with the reason


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
        elif branch and (never := NEVER.fullmatch(branch["words"])) and following <= depth(line):
            trees[-1].never.append(never[1])
        elif not branch or not re.match(r"(when|given) ", branch["words"]) or following != depth(line) + 1:
            wrong += [f"{file}:{number}: no root, condition with branches or leaf: {line.strip()}"] if line else []
    return trees, wrong


def depth(line: str) -> int:
    branch = BRANCH.fullmatch(line)
    return 1 + len(branch["above"]) // 4 if branch else 0


def bodies(source: str) -> dict[str, str]:
    """By name, the text of each function of a test file, with that of the helpers it calls."""
    own = {match[1]: match[0] for match in FUNCTION.finditer(source)}
    return {
        name: text + "".join(own[called] for called in own if called != name and re.search(rf"\b{called}\(", text))
        for name, text in own.items()
    }


@dataclass
class Code:
    """What the contracts have: functions, each with the roots that may be its tree; errors; other roots."""

    functions: dict[str, set[str]]
    errors: dict[str, set[str]]  # by root: what the function reverts with, itself or in what it calls
    optional: set[str]  # constructors and library functions


def faults(trees: list[Tree], tests: dict[str, str], code: Code) -> list[str]:
    """What is missing or stale; `tests` gives the text of each unit test by its name."""
    roots = [tree.root for tree in trees]
    leaves = [(f"{tree.file}: {tree.root}", *leaf) for tree in trees for leaf in tree.leaves]
    known = code.optional.union(*code.functions.values())
    lines = [f"{function}: no tree" for function, names in code.functions.items() if not names & set(roots)]
    lines += [f"{tree.file}: {tree.root}: twice" for tree in trees if roots.count(tree.root) > 1]
    lines += [f"{tree.file}: {tree.root}: no such function" for tree in trees if tree.root not in known]
    lines += [f"{place}: no test {test}" for place, _, test in leaves if test not in tests]
    lines += [f"test-forge/unit: {test}: no leaf" for test in tests if test not in {leaf[2] for leaf in leaves}]
    for place, words, test in leaves:
        for error in SAID.findall(words):
            if error not in tests.get(test, error):
                lines.append(f"{place}: {test} says nothing of {error}")
    for root, errors in code.errors.items():
        own = [tree for tree in trees if tree.root == root]
        reverted = {error for tree in own for words, _ in tree.leaves for error in SAID.findall(words)}
        never = {error for tree in own for error in tree.never}
        lines += [f"{root}: no leaf says that it reverts with {error}" for error in sorted(errors - reverted - never)]
        lines += [
            f"{root}: says in vain that it never reverts with {error}" for error in sorted(never - (errors - reverted))
        ]
    return lines


def present() -> tuple[list[Tree], list[str], dict[str, str]]:
    """The trees, what is wrong with their shape, and the unit tests."""
    files = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in sorted(TESTS.rglob("*.tree"))}
    parsed = [read(name, text) for name, text in files.items()]
    named = [body for path in TESTS.rglob("*.t.sol") for body in bodies(path.read_text("utf-8")).items()]
    tests = {name: text for name, text in named if name.startswith("test")}
    assert len(tests) == sum(name.startswith("test") for name, _ in named), "two tests of one name"
    return [tree for trees, _ in parsed for tree in trees], [fault for _, wrong in parsed for fault in wrong], tests


@cache
def contracts() -> Code:
    paths = [path for room in (".", "mixins", "libraries") for path in (ROOT / "contracts" / room).glob("*.sol")]
    texts = {path.stem: path.read_text("utf-8") for path in paths}
    above = {name: set(bases.split(", ")) for text in texts.values() for name, bases in INHERITS.findall(text)}
    code = Code({}, reverts(texts, above), set())
    for name in CONTRACTS:
        bases = lineage(name, above)
        for entry in json.loads((ROOT / "provenance" / "abi" / f"{name}.json").read_text("utf-8"))["abi"]:
            if entry["type"] == "function":
                code.functions[f"{name}.{entry['name']}"] = {f"{base}::{entry['name']}" for base in bases}
    code.optional |= {f"{name}::constructor" for name in above}
    for name, text in texts.items():
        if name not in above:
            code.optional |= {f"{name}::{function}" for function in re.findall(r"function (\w+)\(", text)}
    return code


def lineage(name: str, above: dict[str, set[str]]) -> set[str]:
    """A contract and all that it inherits from."""
    return {name}.union(*(lineage(base, above) for base in above.get(name, set())))


def parts(text: str) -> dict[str, str]:
    """By name, the text of each function, modifier and constructor of a source; overloads are one."""
    part_by_name: dict[str, str] = {}
    for piece in PART.split(re.sub(r"//.*", "", text))[1:]:
        name = re.match(r"(?:function |modifier )?(\w+)", piece)[1]
        part_by_name[name] = part_by_name.get(name, "") + piece
    return part_by_name


def reverts(texts: dict[str, str], above: dict[str, set[str]]) -> dict[str, set[str]]:
    """By root, every error of a function or constructor that can be called, and of all that it calls by name: functions
    and modifiers of its contract and of what that inherits from, and functions of libraries."""
    parts_by_source = {name: parts(text) for name, text in texts.items()}
    libraries = [
        (rf"\.{called}\(", text)
        for name in texts.keys() - above.keys()
        for called, text in parts_by_source[name].items()
    ]
    errors_by_root = {}
    for name in above:
        own = [
            part
            for base in lineage(name, above)
            for part in parts_by_source.get(base, {}).items()
            if part[0] != "constructor"
        ]
        callees = [
            (rf"(?<![.\w])(?<!function ){called}" + (r"\b" if text.startswith("modifier") else r"\("), text)
            for called, text in own
        ] + libraries
        for function, text in parts_by_source[name].items():
            if function == "constructor" or re.match(r"function [^{]*\b(?:external|public)\b", text):
                whole, rest = text, callees
                while more := [callee for callee in rest if re.search(callee[0], whole)]:
                    whole += "".join(called for _, called in more)
                    rest = [callee for callee in rest if callee not in more]
                errors_by_root[f"{name}::{function}"] = set(REVERTS.findall(whole))
    return errors_by_root


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
THING = Code({"Thing.act": {"Thing::act"}}, {"Thing::act": {"Unasked"}}, set())

TWO = Code(
    {"Thing.act": {"Thing::act"}, "Thing.rest": {"Thing::rest"}},
    {"Thing::act": {"Unasked", "Tired"}, "Thing::rest": {"Unasked", "Tired"}},
    set(),
)

SOURCE = """\
contract Thing is Base {
    constructor() {
        if (nobody) revert Nobody();
    }

    function act(uint256 n) external onlyOwner {
        _check(n); // revert Unmeant()
        LIMIT.spend(n);
    }

    function rest() public {
        if (tired) revert Tired();
    }

    function _check(uint256 n) private {
        if (n == 0) revert Empty();
    }
}
"""
BASE = """\
abstract contract Base {
    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner();
        _;
    }
}
"""
LIMIT = """\
library Limit {
    function spend(uint256 n) internal {
        if (n > left) revert Spent();
    }
}
"""


def test_a_functions_reverts_are_its_own_and_those_of_all_that_it_calls():
    texts = {"Thing": SOURCE, "Base": BASE, "Limit": LIMIT}
    assert reverts(texts, {"Thing": {"Base"}, "Base": set()}) == {
        "Thing::constructor": {"Nobody"},
        "Thing::act": {"NotOwner", "Empty", "Spent"},
        "Thing::rest": {"Tired"},
    }


@pytest.mark.parametrize("error", ["UnknownDataset", "NotHolder", "SupersedesItself", "AlreadySuperseded"])
def test_a_leaf_that_another_function_has_too_is_missed(error: str):
    trees, _, tests = present()
    for tree in trees:
        if tree.root == "DatasetRegistry::supersede":
            tree.leaves = [leaf for leaf in tree.leaves if f"revert with {error}" not in leaf[0]]
    assert f"DatasetRegistry::supersede: no leaf says that it reverts with {error}" in faults(trees, tests, contracts())


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
        ({"tree": TREE.replace("with Unasked", "in vain")}, "Thing::act: no leaf says that it reverts with Unasked"),
        (
            {"tree": TREE + "\n" + TREE.replace("act\n", "rest\n", 1), "code": TWO},
            "Thing::rest: no leaf says that it reverts with Tired",
        ),
        (
            {"tree": TREE.replace("it should act [test_act]", "it cannot revert with Unasked: it was asked")},
            "Thing::act: says in vain that it never reverts with Unasked",
        ),
        ({"test": TEST.replace("test_act", "test_acting")}, "test-forge/unit: test_acting: no leaf"),
        ({"code": Code({"Thing.sit": {"Thing::sit"}}, {}, {"Thing::act"})}, "Thing.sit: no tree"),
    ],
)
def test_a_tree_that_is_stale_or_short_is_named(change: dict[str, str | Code], why: str):
    assert any(why in line for line in judged(**change))
