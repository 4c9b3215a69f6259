"""The rules of the house that no other tool keeps: sizes, exact money, one writer, one reader, plain names."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator

import pytest

from tests.unit.house.tree import ROOMS, ROOT, files, functions, named, nodes, parsed, text

FILE_LINES, SCRIPT_LINES, FUNCTION_LINES = 400, 150, 50
MEDIAN_FILE_LINES, MEDIAN_FUNCTION_LINES = 200, 15
NO_NAMES = {
    "base",
    "common",
    "helper",
    "helpers",
    "manager",
    "managers",
    "misc",
    "service",
    "services",
    "util",
    "utils",
}
MONEY = (
    "provenance/domain/settlement",
    "provenance/domain/merkle.py",
    "provenance/adapters/tally.py",
    "provenance/domain/splits.py",
)
SKIPS, NEVER = {"skip", "skipif"}, {"xfail", "importorskip"}
SKIPPING = re.compile(r"\b(skip|skipif|xfail|importorskip)\b")
COMMITTERS = ("indexer/store/", "indexer/store.py", "indexer/migrations/")


def trees(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    return ((name, parsed(path)) for name, path in named(*ROOMS) if name.startswith(folders or ROOMS))


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, the docstring left out."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def floats(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in nodes(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield node.lineno, f"the float {node.value}"
        elif isinstance(node, ast.Name) and node.id in {"float", "Fraction", "Decimal"}:
            yield node.lineno, node.id
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield node.lineno, "a division with /"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "round":
            yield node.lineno, "round()"


def commits(tree: ast.Module) -> Iterator[int]:
    for node in nodes(tree):
        if (
            isinstance(node, ast.Call)
            and not node.args
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"commit", "rollback"}
        ):
            yield node.lineno


def test_no_file_is_too_long():
    lengths = {name: len(text(path).splitlines()) for name, path in named(*ROOMS)}
    assert {name: n for name, n in lengths.items() if n > FILE_LINES} == {}
    assert {name: n for name, n in lengths.items() if name.startswith("scripts/") and n > SCRIPT_LINES} == {}
    assert statistics.median(lengths.values()) <= MEDIAN_FILE_LINES


def test_no_function_is_too_long():
    lengths = {
        f"{name}:{function.name}": code_lines(function) for name, tree in trees() for function in functions(tree)
    }
    assert {name: n for name, n in lengths.items() if n > FUNCTION_LINES} == {}
    assert statistics.median(lengths.values()) <= MEDIAN_FUNCTION_LINES


def test_money_never_meets_a_float():
    money = list(trees(*MONEY))
    assert money
    assert [f"{name}:{line}: {fault}" for name, tree in money for line, fault in floats(tree)] == []


@pytest.mark.parametrize("line", ["x = 0.5", "x = a / b", "x /= 2", "x = float(a)", "x = round(a)", "x: float = 1"])
def test_the_check_for_floats_sees_them(line: str):
    assert list(floats(ast.parse(line)))


def test_only_the_store_commits():
    places = [f"{name}:{line}" for name, tree in trees("provenance", "indexer") for line in commits(tree)
             if not name.startswith(COMMITTERS)]  # fmt: skip
    assert places == []


@pytest.mark.parametrize("line", ["session.commit()", "self.connection.rollback()"])
def test_the_check_for_commits_sees_them(line: str):
    assert list(commits(ast.parse(line)))


def test_names_say_what_a_room_is_for():
    words = {name: set(re.split(r"[/._]", name.removesuffix(".py"))) for name, _ in named(*ROOMS)}
    assert {name: parts & NO_NAMES for name, parts in words.items() if parts & NO_NAMES} == {}


def test_only_config_reads_the_environment():
    places = [
        f"{name}:{node.lineno}"
        for name, tree in trees()
        for node in nodes(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv", "putenv"}
    ]
    assert [place for place in places if not place.startswith("provenance/config.py")] == []


def test_nothing_imports_a_script_and_the_verifier_imports_nothing_of_ours():
    imported = {
        (name, module.split(".")[0]) for name, tree in trees() for node in nodes(tree) for module in _imported(node)
    }
    assert {name for name, module in imported if module == "scripts"} == set()
    assert {module for name, module in imported if name == "scripts/verify_statement.py"} & {
        "provenance",
        "indexer",
    } == set()


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def test_no_test_is_skipped_for_another_reason_than_a_missing_program():
    """A skip names what the system lacks; what PyPI or npm installs is there, or its tests fail."""
    allowed = re.compile(r"is not installed|needs root|are not installed")
    wrong = []
    for name, path in named("tests"):
        for node in nodes(parsed(path)) if SKIPPING.search(text(path)) else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SKIPS:
                reason = " ".join(str(part.value) for part in ast.walk(node) if isinstance(part, ast.Constant))
                if ast.unparse(node.func).startswith("pytest.") and not allowed.search(reason):
                    wrong.append(f"{name}:{node.lineno}: {reason}")
            if isinstance(node, ast.Attribute) and node.attr in NEVER and ast.unparse(node).startswith("pytest."):
                wrong.append(f"{name}:{node.lineno}: {node.attr}")
    assert wrong == []


def test_every_module_of_ours_says_what_is_in_it():
    silent = [
        name for name, tree in trees() if tree.body and not ast.get_docstring(tree) and not name.endswith("__init__.py")
    ]
    assert silent == []


def test_mocks_are_nowhere():
    users = [
        path.relative_to(ROOT).as_posix()
        for path in files("tests")
        if "unittest" in text(path)
        for node in nodes(parsed(path))
        if any(module.startswith("unittest") for module in _imported(node))
    ]
    assert users == []
