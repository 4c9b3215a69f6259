"""Records: the JSON spelling of frozen dataclasses, in documents, journal lines and HTTP bodies.

- A field `per_unit` is spelled `perUnit`; its type gives its codec, `Annotated[T, codec]` another one.
- Bytes are 0x-hex. `T | None` is null where there is none, and may be missing.
- Every text, list and number has a limit. A refusal names the field by its whole path: `price.perUnit.amount`.
- A class with `extra` keeps the fields that it does not know, so that they survive a round trip.
- A signed struct is spelled as its type string says (`typed`).

Records are declared with `record.dataclass`, by which the linter knows that their annotations are read when they run.
Single values are read by `fields`; format, version and canonical bytes are `canonical`'s.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import MISSING, dataclass
from functools import cache, partial
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from provenance.domain import canonical, cid, fields, typed
from provenance.errors import Invalid
from provenance.types import Address, BlockNumber, Bps, Bytes32, Json, Ppm, UnixMs, UnixSeconds, Wei

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from _typeshed import DataclassInstance

T = TypeVar("T")


class Field(NamedTuple):
    """One row of a record's table of fields."""

    path: str
    """`price.perUnit.amount`, `recordings[].name`, `text.*.url`."""
    type: str
    limit: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Codec:
    """How a field is read from the object around it, and how its value is written."""

    read: Callable[[Mapping[str, Json], str], Any]
    write: Callable[[Any], Any]
    type: str
    limit: str = ""
    fields: tuple[Field, ...] = ()
    """Of what it holds, by their paths from here: `.url`, `[].name`."""


class Mark(NamedTuple):
    """What the type of a field leaves open; several add up."""

    path: str = ""
    inline: bool = False
    optional: bool = False
    omitted: bool = False
    most: int = 0


INLINE = Mark(inline=True)
"""The value's own fields stand beside the others."""
OPTIONAL = Mark(optional=True)
"""Older writers left the field out; the dataclass's default stands for it."""
OMITTED = Mark(omitted=True)
"""Nothing is written for none or an empty text."""


def at(path: str) -> Mark:
    """The field's name, or its place in an object of its own: `ack.signature`."""
    return Mark(path)


def most(count: int) -> Mark:
    """How many a tuple may hold."""
    return Mark(most=count)


def _same(content: Any) -> Any:
    return content


def text(max_chars: int = 200) -> Codec:
    """One line of text."""
    return Codec(partial(fields.text, max_chars=max_chars), _same, "text", f"1 to {max_chars} characters")


def integer(bits: int = 40) -> Codec:
    """A whole number, written as a number."""
    return Codec(partial(fields.integer, bits=bits), _same, "integer", f"below 2^{bits}")


def decimal(bits: int) -> Codec:
    """A whole number, written in decimal digits: JSON numbers are exact to 53 bits only."""
    return Codec(partial(fields.integer, bits=bits), str, "decimal digits", f"below 2^{bits}")


def octets(size: int | None = None) -> Codec:
    """Bytes."""
    return Codec(partial(fields.octets, size=size), fields.shown, "0x-hex", f"{size} bytes" if size else "")


def via(codec: Codec, parse: Callable[[Any], object], spell: Callable[[Any], Any]) -> Codec:
    """The codec of a value that is made from another one's."""
    return dataclasses.replace(
        codec, read=lambda doc, name: parse(codec.read(doc, name)), write=lambda content: codec.write(spell(content))
    )


def items(codec: Codec, longest: int) -> Codec:
    """A list, read as a tuple."""

    def read_items(doc: Mapping[str, Json], name: str) -> tuple[object, ...]:
        listed, entries = fields.items(doc, name, most=longest), list[object]()
        try:
            for entry in listed:
                entries.append(codec.read({name: entry}, name))  # a refusal counts those before it
        except Invalid as error:
            _place(error, f"[{len(entries)}]")
            raise
        return tuple(entries)

    limit = f"at most {longest}" + (f", each {codec.limit}" if codec.limit else "")
    nested = tuple(row._replace(path="[]" + row.path) for row in codec.fields)
    return Codec(read_items, lambda entries: [*map(codec.write, entries)], f"list of {codec.type}", limit, nested)


def by_name(codec: Codec, longest: int, refusal: type[Invalid] = fields.BadField) -> Codec:
    """An object of any names, its values of one kind."""

    def read_values(doc: Mapping[str, Json], name: str) -> dict[str, object]:
        inner, values, step = fields.mapping(doc, name), dict[str, object](), ""
        if len(inner) > longest:
            raise refusal(f"{name}: more than {longest}", field=name)
        try:
            for step in inner:
                values[step] = codec.read(inner, step)
        except Invalid as error:
            _place(error, step)
            raise
        return values

    def write_values(values: Mapping[str, object]) -> dict[str, object]:
        return {name: codec.write(content) for name, content in values.items()}

    nested = tuple(row._replace(path=".*" + row.path) for row in codec.fields)
    return Codec(read_values, write_values, f"{codec.type} by name", f"at most {longest}", nested)


def pairs(cls: Any, key: str, attribute: str, longest: int) -> Codec:
    """A list of records of two fields, read as a mapping of one to the other; written by ascending key."""
    return via(
        items(record(cls), longest),
        lambda rows: {getattr(row, key): getattr(row, attribute) for row in rows},
        lambda values: [cls(*pair) for pair in sorted(values.items())],
    )


def record(cls: Any) -> Codec:
    """An object that is a record."""
    nested = tuple(row._replace(path="." + row.path) for row in table(cls))
    return Codec(lambda doc, name: read(cls, fields.mapping(doc, name)), write, "object", fields=nested)


def document(cls: Any, kind: str) -> Codec:
    """A whole document of its own format and version."""
    return dataclasses.replace(
        record(cls),
        read=lambda doc, name: read(cls, canonical.body(kind, fields.mapping(doc, name))),
        write=lambda content: canonical.headed(kind, write(content)),
    )


OBJECT = Codec(fields.mapping, _same, "object of any fields")
_CODECS: dict[object, Codec] = {
    str: text(),
    bool: Codec(fields.flag, _same, "true or false"),
    bytes: octets(),
    Address: Codec(fields.address, fields.shown, "0x-hex", "20 bytes"),
    Bytes32: octets(32),
    Bps: integer(14),
    Ppm: integer(31),
    BlockNumber: integer(64),
    UnixSeconds: integer(),
    UnixMs: decimal(64),
    Wei: decimal(128),
    cid.Cid: via(text(), cid.parse, str),
}


class _Entry(NamedTuple):
    attribute: str
    codec: Codec
    group: str
    name: str
    mark: Mark
    optional: bool


@cache
def _layout(cls: Any) -> tuple[_Entry, ...]:
    """How each field of a record is spelled, in their order; `extra` is not one of them."""
    own = [field for field in dataclasses.fields(cls) if field.name != "extra"]
    kinds = [kind for kind, _ in typed.members(getattr(cls, "TYPE", ""))]
    hints = get_type_hints(cls, include_extras=True)
    members = {field.name: _member(kind) for field, kind in zip(own, kinds, strict=False)}
    return tuple(_entry(field, members.get(field.name) or hints[field.name]) for field in own)


def _member(kind: str) -> Codec:
    return Codec(partial(typed.parsed, kind), partial(typed.spelled, kind), kind)


def _entry(field: dataclasses.Field[object], hint: Any) -> _Entry:
    base, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint, hint)
    mark = Mark(*map(max, Mark(), Mark(), *(mark for mark in marks if isinstance(mark, Mark))))
    codec = next((mark for mark in marks if isinstance(mark, Codec)), None)
    nullable = codec is None and NoneType in get_args(base)
    codec = codec or _codec(base, mark)
    read, write_ = codec.read, codec.write
    if nullable:
        codec = dataclasses.replace(
            codec,
            read=lambda doc, name: None if doc.get(name) is None else read(doc, name),
            write=lambda content: None if content is None else write_(content),
        )
    elif mark.optional:
        default: Any = (lambda: field.default) if field.default_factory is MISSING else field.default_factory
        codec = dataclasses.replace(codec, read=lambda doc, name: read(doc, name) if name in doc else default())
    group, _, name = mark.path.rpartition(".")
    head, *rest = field.name.split("_")
    name = name or head + "".join(map(str.capitalize, rest))
    return _Entry(field.name, codec, group, name, mark, nullable or mark.optional or mark.omitted)


def _codec(hint: Any, mark: Mark) -> Codec:
    """The codec of a type.

    Raises:
        TypeError: the type leaves open how it is spelled, or how long it may be.
    """
    if codec := next(
        (given for given in getattr(hint, "__metadata__", ()) if isinstance(given, Codec)), _CODECS.get(hint)
    ):
        return codec
    arguments = get_args(hint)
    if NoneType in arguments:
        return _codec(arguments[0], mark)
    if get_origin(hint) is tuple and mark.most:
        return items(_codec(arguments[0], Mark()), mark.most)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        codec = record(hint)
        return dataclasses.replace(codec, read=lambda doc, _: read(hint, doc)) if mark.inline else codec
    raise TypeError(f"{hint} needs a codec")


@cache
def table(cls: Any) -> tuple[Field, ...]:
    """Every field of a record with its type and limit, nested ones by their paths."""
    rows: list[Field] = []
    for _, codec, group, name, mark, optional in _layout(cls):
        path = f"{group}.{name}" if group else name
        if mark.inline:
            rows += [row._replace(path=row.path.removeprefix(".")) for row in codec.fields]
        else:
            rows += [Field(path, codec.type, codec.limit, optional)]
            rows += [row._replace(path=path + row.path) for row in codec.fields]
    return tuple(rows)


@cache
def _names(cls: Any) -> frozenset[str]:
    """The names in its object that a record knows."""
    return frozenset(re.split(r"[.\[]", row.path)[0] for row in table(cls))


def read(cls: type[T], document: Mapping[str, Json]) -> T:
    """The record in an object.

    Raises:
        Invalid: a field is missing, of another type or out of range; `path` names it.
    """
    make: Any = cls
    values, path = [], ""
    try:
        for _, codec, group, name, mark, _ in _layout(make):
            path = group
            within = fields.mapping(document, group) if group else document
            path = "" if mark.inline else f"{group}.{name}" if group else name
            values.append(codec.read(within, name))
    except Invalid as error:
        _place(error, path)
        raise
    names, more = _names(make), {}
    if "extra" in make.__dataclass_fields__:
        more["extra"] = fields.extra(document, names)
    try:
        instance: T = make(*values, **more)
    except Invalid as error:
        if error.facts.get("field") in names:
            _place(error, "")
        raise
    return instance


def write(instance: DataclassInstance) -> dict[str, Json]:
    """The object of a record."""
    document: dict[str, Any] = {**getattr(instance, "extra", {})}
    for attribute, codec, group, name, mark, _ in _layout(instance.__class__):
        spelled = codec.write(getattr(instance, attribute))
        if mark.inline:
            document |= spelled
        elif group:
            document[group] = {**document.get(group, {}), name: spelled}
        elif spelled or not mark.omitted:
            document[name] = spelled
    return document


def parse(cls: type[T], encoded: bytes, kind: str) -> T:
    """The record in the bytes of a document, whatever their order and spacing."""
    return read(cls, canonical.parse(encoded, kind=kind))


def encode(instance: DataclassInstance, kind: str) -> bytes:
    """The canonical bytes of a record as a document."""
    return canonical.encode(kind, 1, write(instance))


def _place(error: Invalid, step: str) -> None:
    """The refusal names the field by its path from one object, or list, further out."""
    inner, field = str(error.facts.get("path", "")), str(error.facts.get("field", ""))
    path = f"{step}.{inner}" if step and inner and not inner.startswith("[") else step + inner or field
    words = error.detail.removeprefix(f"{inner or field}: ")
    error.detail = f"{path}: {words}"
    error.args, error.facts["path"] = (error.detail,), path


__all__ = [
    "INLINE",
    "OBJECT",
    "OMITTED",
    "OPTIONAL",
    "Codec",
    "Field",
    "at",
    "by_name",
    "dataclass",
    "decimal",
    "document",
    "encode",
    "integer",
    "items",
    "most",
    "octets",
    "pairs",
    "parse",
    "read",
    "record",
    "table",
    "text",
    "via",
    "write",
]
