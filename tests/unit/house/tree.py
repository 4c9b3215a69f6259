"""The project's Python files, read and parsed once for all house tests.

Sources are a mapping from a file's name under the root to its tree, so that the counts run over any state of the
project: the files on disk, a revision, or a case that a test makes up.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

ROOT = Path(__file__).parents[3]
PRODUCT = ("provenance", "indexer")
ROOMS = (*PRODUCT, "scripts")
GENERATED = ("provenance/abi/", "indexer/migrations/")

Sources: TypeAlias = Mapping[str, ast.Module]


@cache
def text(path: Path) -> str:
    return path.read_text("utf-8")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(text(path), str(path))


@cache
def nodes(tree: ast.Module) -> tuple[ast.AST, ...]:
    """Every node of a file; walking costs more than parsing."""
    return tuple(ast.walk(tree))


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in nodes(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@cache
def files(*folders: str) -> tuple[Path, ...]:
    """Python files under these folders, none of them generated."""
    return tuple(
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not path.relative_to(ROOT).as_posix().startswith(GENERATED)
    )


def named(*folders: str) -> Iterator[tuple[str, Path]]:
    """Each file with its name under the root."""
    return ((path.relative_to(ROOT).as_posix(), path) for path in files(*folders))


def sources(root: Path = ROOT) -> Sources:
    """What the rooms hold under a root."""
    paths = [path for room in ROOMS for path in sorted((root / room).rglob("*.py"))]
    names = {path.relative_to(root).as_posix(): path for path in paths}
    return {name: parsed(path) for name, path in names.items() if not name.startswith(GENERATED)}


@cache
def script(name: str) -> Any:
    """A script as a module; no package has it."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(name)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
