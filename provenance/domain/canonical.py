"""Canonical documents: the one byte string that is hashed, and its strict reading.

Writing is RFC 8785; reading refuses whatever two parsers could understand differently. What the
fields mean is left to the module of each document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final, NoReturn

import rfc8785

from provenance.domain.printable import escaped
from provenance.errors import Invalid
from provenance.types import Json

DOCUMENT_BYTES: Final = 64 << 20
STRING_BYTES: Final = 1 << 20
DEPTH: Final = 64
INTEGER: Final = (1 << 53) - 1  # the largest integer every JSON reader keeps; Source: RFC 8785 §3.2.2.3
PREFIX: Final = "provenance/"
_UNMARKED: Final = bytes(set(range(256)) - set(b'[]{}"\\'))
_BRACKETS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[][{}]', re.DOTALL)


class BadDocument(Invalid):
    """A document that two readers could understand differently, or that is too large to read."""

    next = "Write the document again with plain UTF-8 strings and whole numbers; amounts and ids are strings."


def encode(kind: str, version: int, fields: Mapping[str, Json]) -> bytes:
    """The canonical bytes of a document with its format and version.

    Args:
        kind: `provenance/manifest`, or `manifest` for short.

    Raises:
        BadDocument: a field cannot be written, or `fields` claims another format or version.
    """
    return dumps(headed(kind, fields, version))


def headed(kind: str, fields: Mapping[str, Json], version: int = 1) -> dict[str, Json]:
    """The fields with their format and version, as another document embeds them.

    Raises:
        BadDocument: `fields` claims another format or version.
    """
    head: dict[str, Json] = {"format": _format(kind), "version": version}
    for name, content in head.items():
        if fields.get(name, content) != content:
            raise BadDocument(f"{name} is {fields[name]!r}, expected {content!r}", field=name)
    return {**fields, **head}


def dumps(content: Json) -> bytes:
    """Canonical JSON. Source: RFC 8785."""
    try:
        encoded = rfc8785.dumps(_plain(content, "$", 0))
    except rfc8785.CanonicalizationError as error:  # pragma: no cover - _plain refuses first
        raise BadDocument(f"not canonical JSON: {error}") from error
    if len(encoded) > DOCUMENT_BYTES:
        raise BadDocument(f"the document is larger than {DOCUMENT_BYTES} bytes", bytes=len(encoded))
    return encoded


def parse(encoded: bytes, *, kind: str, version: int = 1) -> dict[str, Json]:
    """The fields of a document, without `format` and `version`, unknown ones kept.

    Args:
        kind: `provenance/manifest`, or `manifest` for short.

    Raises:
        BadDocument: not such a document.
    """
    return body(kind, loads(encoded), version)


def body(kind: str, document: Json, version: int = 1) -> dict[str, Json]:
    """The same of a document that is parsed already, as another one embeds it."""
    expected = _format(kind)
    if not isinstance(document, Mapping):
        raise BadDocument(f"not a {expected} document: an object is expected")
    fields = dict(document)
    claimed = (fields.pop("format", None), fields.pop("version", None))
    if claimed != (expected, version) or isinstance(claimed[1], bool):
        raise BadDocument(
            f"format is {claimed[0]!r} version {claimed[1]!r}, expected {expected!r} version {version}",
            next="Use the document that this command asks for, or a newer version of this program.",
        )
    return fields


def loads(encoded: bytes, limit_bytes: int = DOCUMENT_BYTES) -> Json:
    """The value of strict JSON bytes, in any order and spacing.

    Raises:
        BadDocument: duplicate key, float, NaN, lone surrogate, NUL, too deep, too large or not JSON.
    """
    if len(encoded) > limit_bytes:
        raise BadDocument(f"larger than {limit_bytes} bytes", bytes=len(encoded), limit=limit_bytes)
    refuse_depth(encoded)
    try:
        content = json.loads(
            encoded.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=_refuse_number,
            parse_int=_integer,
            parse_constant=_refuse_number,
        )
    except UnicodeDecodeError as error:
        raise BadDocument(f"not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise BadDocument(f"not JSON at line {error.lineno} column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise BadDocument(f"nested deeper than {DEPTH} levels") from error
    return _plain(content, "$", 0)


def refuse_depth(encoded: bytes) -> None:
    """No value is nested deeper than 64 levels.

    It is counted before parsing: with a raised recursion limit (py_ecc sets 100,000 where eth-account is
    imported) the parser would overflow the C stack and end the process.
    """
    marks = encoded.translate(None, _UNMARKED).replace(b'""', b"")  # at once: a tenth of the parser's time
    for _ in range(DEPTH):
        marks = marks.replace(b"[]", b"").replace(b"{}", b"")
    if not marks:
        return  # no string holds a bracket or an escape, and the rest closes within the depth
    depth = 0
    for token in _BRACKETS.finditer(encoded):
        mark = token.group()
        if mark in b"[{":
            depth += 1
            if depth > DEPTH:
                raise BadDocument(f"nested deeper than {DEPTH} levels")
        elif mark in b"]}":
            depth -= 1


def _format(kind: str) -> str:
    return kind if kind.startswith(PREFIX) else PREFIX + kind


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members: dict[str, Json] = {}
    for name, content in pairs:
        if name in members:
            raise BadDocument(f"the key {_quoted(name)} stands twice", key=_quoted(name))
        members[name] = content
    return members


def _integer(text: str) -> int:
    if len(text) > len(str(-INTEGER)) or abs(int(text)) > INTEGER:
        _refuse_number(text)
    return int(text)


def _refuse_number(text: str) -> NoReturn:
    raise BadDocument(f"{text[:40]} is not a whole number up to 2^53 - 1; write it as a string")


def _plain(content: object, path: str, depth: int) -> Json:
    """The same value in dicts, lists, strings and integers only."""
    if content is None or isinstance(content, bool):
        return content
    if isinstance(content, str):
        return _text(content, path)
    if isinstance(content, int):
        if abs(content) > INTEGER:
            raise BadDocument(f"{path}: an integer above 2^53 - 1; write it as a string", path=path)
        return int(content)
    if depth >= DEPTH:
        raise BadDocument(f"nested deeper than {DEPTH} levels")
    if isinstance(content, Mapping):
        return {_key(k, path): _plain(v, f"{path}.{_quoted(k)}", depth + 1) for k, v in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(element, f"{path}[{i}]", depth + 1) for i, element in enumerate(content)]
    raise BadDocument(f"{path}: {type(content).__name__} has no place in a document", path=path)


def _key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise BadDocument(f"{path}: a key is {type(key).__name__}, not text", path=path)
    return _text(key, path)


def _text(text: str, path: str) -> str:
    if "\0" in text:
        raise BadDocument(f"{path}: NUL in a string", path=path)
    try:
        size = len(text) if text.isascii() else len(text.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise BadDocument(f"{path}: a lone surrogate in a string", path=path) from error
    if size > STRING_BYTES:
        raise BadDocument(f"{path}: a string larger than {STRING_BYTES} bytes", path=path, bytes=size)
    return text


def _quoted(key: object) -> str:
    """A key as it may be shown: escaped and short."""
    return escaped(str(key)[:64])
