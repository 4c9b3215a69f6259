"""A kept demo's published documents, decoded, with placeholders for what differs from run to run.

Ids, keys, signatures, addresses of content and times become placeholders; everything else stays. A placeholder is
named for the field where its value was first told apart from its neighbors, and the same value has the same
placeholder everywhere, so that what refers to what is compared too. Lists stand in the order of what is left, because
many are sorted by ids. Nothing here uses the product's own decoders.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from eth_typing import HexStr
from web3 import HTTPProvider, Web3

from tests.e2e.finished_demo import FinishedDemo

SECRET = re.compile(r"0x[0-9a-f]{32,}|bafkrei[a-z2-7]{52}|\b[0-9]{20,}\b")
TIME = re.compile(r"1[6-9][0-9]{8}|1[6-9][0-9]{11}")
CONSTANT_BELOW = 1 << 16  # an id of so small a number is a word of the format, as the zero hash is
ROUNDED = {"ppm": -1, "score": -2, "maxWeight": -1}
"""Digits of what is split by largest remainder: who gets the last unit is decided by ids."""
OF_A_SECOND = frozenset({"keyBinding"})
"""Hashes over a time of day and nothing random: two of them are equal if they were made in the same second."""
LISTS_IN_ORDER = frozenset({"accesses.recordings"})
"""Lists of bare ids whose order says which is which."""
UNKNOWN, ABSENT = "?", "absent"
SENT = re.compile(r"^ +([a-z ]+): tx (0x[0-9a-f]{64}), ([0-9,]+) gas$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Document:
    """One stored document: its rows, where it has a row a line, and its address."""

    kind: str
    digest: str
    body: Any


@dataclass(slots=True)
class Names:
    """Placeholders by value, given in rounds until no further value can be told apart."""

    by_value: dict[str, str]
    count: Counter[str] = field(default_factory=Counter)

    def name(self, secret: str, kind: str) -> None:
        if kind in OF_A_SECOND:
            self.by_value[secret] = kind
        elif secret not in self.by_value:
            self.count[kind] += 1
            self.by_value[secret] = f"{kind}-{self.count[kind]}"

    def masked(self, body: Any, key: str = "") -> Any:
        """The value with placeholders; lists are sorted by what is left."""
        match body:
            case dict():
                return {self._text(name): self.masked(inner, name) for name, inner in sorted(body.items())}
            case list():
                return sorted((self.masked(inner, key) for inner in body), key=json.dumps)
            case int() | str() if key in ROUNDED:
                return type(body)(round(int(body), ROUNDED[key]))
            case str():
                return self._text(body)
            case int() if TIME.fullmatch(str(body)):
                return "<time>"
            case _:
                return body

    def _text(self, text: str) -> str:
        if TIME.fullmatch(text):
            return "<time>"
        return SECRET.sub(lambda secret: secret[0] if constant(secret[0]) else f"<{self.known(secret[0])}>", text)

    def known(self, text: str) -> str:
        return self.by_value.get(same(text), UNKNOWN)

    def learn(self, body: Any, path: str) -> None:
        """What can be told apart in the value has its placeholder."""
        key = path.rpartition(".")[2]
        match body:
            case dict():
                for name, inner in sorted(body.items()):
                    self.learn(inner, f"{path}.{name}")
            case list():
                ordered = path.endswith(tuple(LISTS_IN_ORDER))
                for inner in body if ordered else apart(body, self):
                    self.learn(inner, path)
            case str():
                for secret in SECRET.findall(body):
                    if not constant(secret):
                        self.name(same(secret), key)
            case _:
                pass


def same(text: str) -> str:
    """An address of content and its digest are one value."""
    if not text.startswith("baf"):
        return text
    return "0x" + base64.b32decode(text[1:].upper() + "=" * (-(len(text) - 1) % 8))[4:].hex()


def constant(text: str) -> bool:
    return text.startswith("0x") and int(text, 16) < CONSTANT_BELOW


def apart(values: list[Any], names: Names) -> Iterator[Any]:
    """The elements that no neighbor looks like, in the order of their looks."""
    looks = [json.dumps(names.masked(element)) for element in values]
    for look, element in sorted(zip(looks, values, strict=True), key=lambda pair: pair[0]):
        if looks.count(look) == 1:
            yield element


def documents(content: Path) -> Iterator[Document]:
    """Every stored document that is not sealed."""
    for path in sorted(content.iterdir()):
        content_bytes = path.read_bytes() if path.is_file() else b""
        if content_bytes[:4] == b"PAR1":
            yield Document("segment", same(path.name), [shown(row) for row in pq.read_table(path).to_pylist()])
        elif content_bytes[:2] == b'{"':
            first, *rows = [json.loads(line, parse_float=str) for line in content_bytes.splitlines() if line]
            kind = first.get("format", "gate report").removeprefix("provenance/")
            body = {"head": first, "rows": rows} if rows or content_bytes.endswith(b"\n") else first
            yield Document(f"{kind} {first['of']}" if "of" in first else kind, same(path.name), body)


def shown(cell: Any) -> Any:
    """A row of Parquet as JSON would have it."""
    match cell:
        case bytes():
            return f"0x{cell.hex()}"
        case dict():
            return {name: shown(inner) for name, inner in cell.items()}
        case list():
            return [shown(inner) for inner in cell]
        case _:
            return cell


def parties(home: Path) -> dict[str, str]:
    """Names of the demo's accounts and contracts by address."""
    places = json.loads((home / "deployments" / "31337.json").read_text())["contracts"]
    accounts = [path for path in (home / "keystore").glob("*.json") if not path.name.endswith(".x25519.json")]
    return {place["address"]: name for name, place in places.items()} | {
        "0x" + json.loads(path.read_text())["address"].lower().removeprefix("0x"): path.stem for path in accounts
    }


def decoded(home: Path) -> dict[str, list[Any]]:
    """What a demo published, by kind of document, each distinct body once."""
    names = Names(parties(home))
    by_kind: dict[str, list[Document]] = defaultdict(list)
    for document in documents(home / "content"):
        by_kind[document.kind].append(document)
    before = -1
    while before < len(names.by_value):
        before = len(names.by_value)
        for kind, several in sorted(by_kind.items()):
            _name(kind, several, names)
        for kind, several in sorted(by_kind.items()):
            for body in apart([document.body for document in several], names):
                names.learn(body, kind)
    return {kind: _distinct(several, names) for kind, several in sorted(by_kind.items())}


def _name(kind: str, several: list[Document], names: Names) -> None:
    """Documents that nothing looks like are named; those of which nothing is left but their times share a name."""
    by_look: dict[str, list[Document]] = defaultdict(list)
    for document in several:
        by_look[json.dumps(names.masked(document.body))].append(document)
    for look, alike in sorted(by_look.items()):
        if len(alike) == 1 or f"<{UNKNOWN}>" not in look:
            names.name(alike[0].digest, kind)
            names.by_value.update({document.digest: names.by_value[alike[0].digest] for document in alike})


def _distinct(several: list[Document], names: Names) -> list[Any]:
    rows = {
        json.dumps({"address": names.by_value.get(document.digest, UNKNOWN), "body": names.masked(document.body)})
        for document in several
    }
    return [json.loads(row) for row in sorted(rows)]


def transactions(narration: str, rpc: str) -> list[dict[str, Any]]:
    """What each transaction of the narration cost, without the price of its bytes, of which the random ones differ."""
    w3 = Web3(HTTPProvider(rpc))
    rows = []
    for title, tx, gas in SENT.findall(narration):
        calldata = bytes(w3.eth.get_transaction(HexStr(tx))["input"])
        zeros = calldata.count(0)
        rows.append(
            {"title": title, "gas": int(gas.replace(",", "")) - 16 * len(calldata) + 12 * zeros, "bytes": len(calldata)}
        )
    return rows


def lines(taken: dict[str, Any]) -> list[str]:
    """A snapshot as text: JSON, a line for each transaction and each row of a document."""
    return ["{", *_members(taken, 0), "}"]


def _members(members: dict[str, Any], depth: int) -> Iterator[str]:
    for number, (name, member) in enumerate(members.items(), 1):
        comma = "," if number < len(members) else ""
        if isinstance(member, dict) and depth < 2:
            yield from (f'"{name}": {{', *_members(member, depth + 1), f"}}{comma}")
        elif isinstance(member, list) and member:
            rows = [json.dumps(row, ensure_ascii=False) for row in member]
            yield from (f'"{name}": [', *(f"{row}," for row in rows[:-1]), rows[-1], f"]{comma}")
        else:
            yield f'"{name}": {json.dumps(member, ensure_ascii=False)}{comma}'


def differences(golden: Any, taken: Any, path: str = "") -> list[str]:
    """Each place where two snapshots differ."""
    if isinstance(golden, dict) and isinstance(taken, dict):
        names = sorted(golden.keys() | taken.keys())
        pairs = [(f"{path}.{name}", golden.get(name, ABSENT), taken.get(name, ABSENT)) for name in names]
    elif isinstance(golden, list) and isinstance(taken, list) and len(golden) == len(taken):
        pairs = [(f"{path}[{number}]", *pair) for number, pair in enumerate(zip(golden, taken, strict=True))]
    else:
        return [] if golden == taken else [f"{path}: {golden!r:.200} became {taken!r:.200}"]
    return [line for where, before, after in pairs for line in differences(before, after, where)]


def snapshot(demo: FinishedDemo) -> dict[str, Any]:
    """What tests/golden/demo.json holds of a demo."""
    home = demo.room / "home"
    printed = {name: member for name, member in json.loads(demo.printed).items() if name not in {"gas", "seconds"}}
    return {
        "printed": Names(parties(home)).masked(printed),
        "transactions": transactions(demo.told, demo.rpc),
        "documents": decoded(home),
    }
