"""Counts of what the house has too much of, by package; each may only fall (`scripts/words.py`).

- fillers: bound names that say nothing of what they hold.
- questions: docstrings whose first line asks something.
- namesakes: classes whose name another module of the product has too.
- small_helpers: private functions of up to eight lines with one caller.
- late_imports: imports inside functions of what is quick to load.
- uncalled: functions, methods and classes of the product that nothing in it names.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from tests.unit.house.tree import PRODUCT, Sources, functions, nodes

FILLERS: Final = frozenset(
    {
        "one", "found", "said", "told", "made", "of", "at", "what", "thing", "item", "value", "data", "result", "res",
        "obj", "tmp", "info",
    }
)  # fmt: skip
LATER: Final = (
    "provenance/domain/settlement", "provenance/app/settle", "indexer/payouts", "indexer/gateway/sessions",
    "indexer/gateway/batches", "indexer/gateway/leases", "provenance/adapters/content", "provenance/domain/audio",
    "provenance/domain/loudness", "indexer/follow",
)  # fmt: skip
"""Rooms that are about to be rewritten, and get their words then."""
HELPER_LINES: Final = 8
HEAVY: Final = frozenset(
    {
        # 20 ms or more of CPU time to load
        "Crypto", "acoustid", "alembic", "asyncio", "coincurve", "cryptography", "duckdb", "eth_abi", "eth_account",
        "fastapi", "httpx2", "ibis", "iscc_lib", "numpy", "platformdirs", "prometheus_client", "psycopg", "pyarrow",
        "pydantic", "pydantic_settings", "rich", "rlp", "scipy", "soundfile", "soxr", "sqlalchemy", "sqlglot", "sqlmodel",
        "stamina", "starlette", "structlog", "tomlkit", "tomllib", "uvicorn", "web3",
        # may be missing: an extra or a system library
        "av", "chromaprint", "ipfshttpclient", "solcx",
    }
)  # fmt: skip
PORTS: Final = "provenance/app/ports/"
CALLED_FROM_OUTSIDE: Final = {
    "provenance/__init__.py": "the package's names, imported when first asked for",
    "provenance/sdk/": "what users of the package call",
    PORTS: "a port promises what its adapters keep",
}
NAMED_FROM_OUTSIDE: Final = {
    "comments": "scripts/bindings.py writes the comments of the bindings with it",
    "RevokeConsent": "a signed document of the contracts; the wallet has no command for it yet",
    "Reassign": "a signed document of the contracts; the wallet has no command for it yet",
}


class Case(NamedTuple):
    """One place that is counted."""

    file: str
    line: int
    name: str


def package(name: str) -> str:
    """The folder of a file; a module that is a room of its own counts as one."""
    path = PurePosixPath(name)
    later = next((room for room in LATER if name.removesuffix(".py") == room), None)
    return later or path.parent.as_posix()


def bound(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every name that a module, a function or a class binds to a value, with its line."""
    for node in nodes(tree):
        match node:
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id
            case ast.arg():
                yield node.lineno, node.arg
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield node.lineno, name
            case ast.alias(asname=str(name)):
                yield node.lineno, name
            case ast.MatchMapping(rest=str(name)):
                yield node.lineno, name


def fillers(sources: Sources) -> Iterator[Case]:
    for file, tree in sources.items():
        yield from (Case(file, line, name) for line, name in bound(tree) if name in FILLERS)


def questions(sources: Sources) -> Iterator[Case]:
    for file, tree in sources.items():
        for node in nodes(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                first = (ast.get_docstring(node) or "").partition("\n")[0]
                if first.rstrip().endswith("?"):
                    yield Case(file, getattr(node, "lineno", 1), first)


def namesakes(sources: Sources) -> Iterator[Case]:
    cases_by_class: dict[str, list[Case]] = defaultdict(list)
    for file, tree in sources.items():
        if file.startswith(PRODUCT):
            for node in tree.body:
                if isinstance(node, ast.ClassDef):
                    cases_by_class[node.name].append(Case(file, node.lineno, node.name))
    return (case for cases in cases_by_class.values() if len(cases) > 1 for case in cases)


def small_helpers(sources: Sources) -> Iterator[Case]:
    for file, tree in sources.items():
        uses = Counter(node.id for node in nodes(tree) if isinstance(node, ast.Name))
        called = Counter(
            node.func.id for node in nodes(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        )
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("_") and not node.decorator_list:
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines <= HELPER_LINES and uses[node.name] == called[node.name] == 1:
                    yield Case(file, node.lineno, node.name)


def late_imports(sources: Sources) -> Iterator[Case]:
    heavy = _heavy(sources)
    for file, tree in sources.items():
        late = {id(node): node for function in functions(tree) for node in ast.walk(function)}
        for node in late.values():
            modules = list(_at_import([node])) if isinstance(node, ast.Import | ast.ImportFrom) else []
            if modules and not any(module in heavy or module.partition(".")[0] in HEAVY for module in modules):
                yield Case(file, node.lineno, modules[-1])


def _heavy(sources: Sources) -> set[str]:
    """Modules of ours that load what is heavy, or a module that does."""
    imports = {_module(file): set(_at_import(tree.body)) for file, tree in sources.items()}
    heavy: set[str] = set()
    while True:
        more = {
            module
            for module, needed in imports.items()
            if module not in heavy and any(name in heavy or name.partition(".")[0] in HEAVY for name in needed)
        }
        if not more:
            return heavy
        heavy |= more


def _module(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _at_import(body: Iterable[ast.stmt]) -> Iterator[str]:
    """What statements import: modules, and names that may be modules."""
    for node in body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Try):
            yield from _at_import(node.body)


def uncalled(sources: Sources) -> Iterator[Case]:
    """By name alone: a method counts as called if anything names an attribute like it."""
    product = {file: tree for file, tree in sources.items() if file.startswith(PRODUCT)}
    named = {name for tree in product.values() for name in _named(tree)} | NAMED_FROM_OUTSIDE.keys()
    named |= {method.name for file, tree in product.items() if file.startswith(PORTS) for method in functions(tree)}
    for file, tree in product.items():
        if not file.startswith(tuple(CALLED_FROM_OUTSIDE)):
            yield from (Case(file, line, name) for line, name in _defined(tree) if name not in named)


def _named(tree: ast.Module) -> Iterator[str]:
    """Everything that is used by name; not what is only defined, imported or exported."""
    for node in nodes(tree):
        match node:
            case ast.Name(ctx=ast.Load()):
                yield node.id
            case ast.Attribute():
                yield node.attr
            case ast.alias(asname=str()):
                yield node.name


def _defined(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Functions, classes and methods that only callers could make useful.

    What a decorator registers (a command, a route, a validator) is called by its framework, and so is what
    overrides a method of somebody else's class.
    """
    foreign = set(_foreign(tree))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not _registered(node):
            yield node.lineno, node.name
        if isinstance(node, ast.ClassDef) and not any(_first(base) in foreign for base in node.bases):
            methods = (method for method in node.body if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef))
            yield from (
                (each.lineno, each.name) for each in methods if not each.name.startswith("__") and not _registered(each)
            )


_DESCRIBING: Final = frozenset(
    {
        "property", "staticmethod", "classmethod", "cached_property", "cache", "lru_cache", "contextmanager",
        "asynccontextmanager", "dataclass", "override", "final", "runtime_checkable", "total_ordering", "unique",
    }
)  # fmt: skip
_TYPING: Final = ("typing", "enum", "collections")


def _foreign(tree: ast.Module) -> Iterator[str]:
    """Other packages, and names from them, in a module."""
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.asname or alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and not (node.module or "").startswith((*PRODUCT, *_TYPING)):
            yield from (alias.asname or alias.name for alias in node.names)


def _registered(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    return any(_last(decorator) not in _DESCRIBING for decorator in node.decorator_list)


def _first(node: ast.AST) -> str:
    """The first word of a dotted name."""
    match node:
        case ast.Call(func=inner) | ast.Subscript(value=inner) | ast.Attribute(value=inner):
            return _first(inner)
        case ast.Name():
            return node.id
    return ""


def _last(node: ast.AST) -> str:
    """The last word of a dotted name, called or not."""
    match node:
        case ast.Call(func=inner) | ast.Subscript(value=inner):
            return _last(inner)
        case ast.Attribute():
            return node.attr
        case ast.Name():
            return node.id
    return ""


RATCHETS: Final[dict[str, Callable[[Sources], Iterator[Case]]]] = {
    "fillers": fillers,
    "questions": questions,
    "namesakes": namesakes,
    "small_helpers": small_helpers,
    "late_imports": late_imports,
    "uncalled": uncalled,
}


def counted(sources: Sources) -> dict[str, dict[str, int]]:
    """Every count above zero by ratchet and package."""
    return {
        name: dict(sorted(Counter(package(case.file) for case in count(sources)).items()))
        for name, count in RATCHETS.items()
    }


def risen(before: Mapping[str, Mapping[str, int]], now: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Each package whose count is above what was committed; a new package may take over what left others."""
    known = {room for by_room in before.values() for room in by_room}
    lines = []
    for name, by_room in now.items():
        committed = before.get(name, {})
        for room, count in by_room.items():
            if room in known and count > committed.get(room, 0):
                lines.append(f"{name} in {room}: {count}, at most {committed.get(room, 0)}")
        total, limit = sum(by_room.values()), sum(committed.values())
        if total > limit:
            new = [room for room in by_room if room not in known]
            lines.append(f"{name} in all: {total}, at most {limit}{'; new: ' if new else ''}{', '.join(new)}")
    return lines


def consent_ends(sources: Sources) -> Iterator[Case]:
    """Comparisons of a moment with the end of a consent, as far as names tell it from that of terms or of a key."""
    others = re.compile(r"\b(terms|license_?|extent|binding|self|window)\b")
    for file, tree in sources.items():
        for node in nodes(tree) if file.startswith(PRODUCT) else ():
            if isinstance(node, ast.Compare) and not all(map(_is_bound_in_time, (node.left, *node.comparators))):
                ends = [each for each in ast.walk(node) if isinstance(each, ast.Attribute) and each.attr == "not_after"]
                if any(not others.search(ast.unparse(end.value)) for end in ends):
                    yield Case(file, node.lineno, ast.unparse(node))


def _is_bound_in_time(node: ast.AST) -> bool:
    """A beginning or an end; comparing the two says only that they are in order."""
    return isinstance(node, ast.Attribute) and node.attr in {"not_before", "not_after"}


def event_files(sources: Sources) -> tuple[str, ...]:
    """The files, migrations aside, that name the event named in the fewest: those that a new event has to touch."""
    product = {file: tree for file, tree in sources.items() if file.startswith(PRODUCT)}
    events = [
        node.name
        for file, tree in product.items()
        if file.startswith("provenance/domain/events/")
        for node in tree.body
        if isinstance(node, ast.ClassDef) and any("ABI" in ast.unparse(inner) for inner in node.body)
    ]
    words = {file: set(_words(tree)) for file, tree in product.items()}
    touched = [tuple(file for file, names in words.items() if event in names) for event in events]
    return min(touched, key=lambda files: (len(files), files))


def _words(tree: ast.Module) -> Iterator[str]:
    yield from _named(tree)
    for node in nodes(tree):
        if isinstance(node, ast.ClassDef | ast.alias):
            yield node.name


def statements(sources: Sources) -> int:
    """Statements of the product; docstrings are none."""
    return sum(
        isinstance(node, ast.stmt)
        and not (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        )
        for file, tree in sources.items()
        if file.startswith(PRODUCT)
        for node in nodes(tree)
    )


def share_of_fillers(sources: Sources) -> float:
    """Fillers among the product's bound names, in percent, outside the rooms that are rewritten later."""
    names = [
        name
        for file, tree in sources.items()
        if file.startswith(PRODUCT) and not f"{file.removesuffix('.py')}/".startswith(tuple(f"{r}/" for r in LATER))
        for _, name in bound(tree)
    ]
    return 100 * sum(name in FILLERS for name in names) / len(names)
