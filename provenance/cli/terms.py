"""Under which terms is a dataset offered? Written once, checked, never edited."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from provenance.cli import dates
from provenance.cli.frame import PATH, command, group
from provenance.cli.values import shown_address, shown_time
from provenance.errors import Invalid

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.cli.context import Context
    from provenance.domain.terms import Terms
    from provenance.types import Json

DAY_S = 86_400
OPTIONS = {
    "perLicense": "per_license",
    "unit": "per_unit",
    "amount": "per_unit",
    "outputs": "cap_outputs",
    "seconds": "cap_seconds",
}
"""The option behind a field of the document, where its name says another thing."""
PURPOSES = ("train.asr", "train.tts", "evaluate")
PLACE = "WW"


@group("terms")
def terms() -> None:
    """Conditions of use."""


@command(
    terms,
    "new",
    example=(
        "provenance terms new terms.json",
        "provenance terms new terms.json --purpose train.tts --territory EU --per-license 25000000 --per-unit output=1000",
    ),
)
@click.argument("file", type=PATH)
@click.option(
    "--purpose",
    "codes",
    multiple=True,
    metavar="P",
    help=f"Allowed purpose; repeatable.  [default: {', '.join(PURPOSES)}]",
)
@click.option("--prohibit", "prohibited", multiple=True, metavar="P", help="Prohibited purpose; repeatable.")
@click.option(
    "--territory", "places", multiple=True, metavar="T", help=f"Country, EU, EEA or WW; repeatable.  [default: {PLACE}]"
)
@click.option("--from", "since", metavar="DATE", help="First second; that of this day by default.")
@click.option("--until", default="2y", show_default=True, metavar="DATE", help="Last second.")
@click.option("--token", metavar="ADDRESS", help="ERC-20 of the price; the network's token by default.")
@click.option(
    "--per-license", default="0", show_default=True, metavar="AMOUNT", help="Price of a license, in base units."
)
@click.option(
    "--per-unit",
    metavar="UNIT=AMOUNT",
    help="Price of a unit of use, such as output=1000. With 0 use is free; without a price, all that a license is "
    "funded with is due at its first use in an epoch.",
)
@click.option("--cap-outputs", metavar="N", help="Most outputs of one license.")
@click.option("--cap-seconds", metavar="N", help="Most seconds of output of one license.")
@click.option("--method", type=int, default=1, show_default=True, help="Attribution method.")
@click.option("--attributor", default="licensee", show_default=True, metavar="A", help="Who makes the weights.")
@click.option("--erasure-days", type=int, default=30, show_default=True, help="Days to erase after an order.")
@click.option("--notice-days", type=int, default=30, show_default=True, help="Days of notice to end a license.")
@click.option("--share-alike", is_flag=True, help="What is made must be offered under the same terms.")
def new(ctx: Context, file: Path, **said: object) -> None:
    """Write FILE with terms made from the options; edit it before its first use, never after."""
    from provenance.cli import files
    from provenance.domain.terms import Terms

    try:
        made = Terms.parse(json.dumps(_document(ctx, said)).encode())
    except Invalid as error:
        raise _of_option(error, said) from None
    files.fresh(file)
    if ctx.dry_run:
        ctx.would(f"write {file}", path=str(file))
    files.write(file, _readable(made))
    ctx.out.emit({"path": str(file), **_row(made)}, text=f"Wrote {file}\n{_text(made)}")


@command(terms, "check", example=("provenance terms check terms.json", "provenance terms check terms.json --json"))
@click.argument("file", type=PATH)
def check(ctx: Context, file: Path) -> None:
    """Say what the terms in FILE mean, and their hash; wrong ones are refused by the name of the field."""
    from provenance.cli import files
    from provenance.domain.terms import TERMS_BYTES, Terms

    found = files.document(file, Terms.parse, TERMS_BYTES)
    ctx.out.emit(_row(found), text=_text(found))


def _document(ctx: Context, said: dict[str, object]) -> dict[str, Json]:
    now = ctx.clock.now()
    since, until = said["since"], str(said["until"])
    per_unit = str(said["per_unit"]).partition("=") if said["per_unit"] else None
    attributor = str(said["attributor"])
    return {
        "format": "provenance/terms",
        "version": 1,
        "purposes": _words(said["codes"]) or list(PURPOSES),
        "prohibited": _words(said["prohibited"]),
        "territories": _words(said["places"]) or [PLACE],
        "notBefore": dates.seconds(str(since), now, option="--from", first=True) if since else now - now % DAY_S,
        "notAfter": dates.seconds(until, now, option="--until"),
        "price": {
            "token": _token(ctx, said["token"]),
            "perLicense": str(said["per_license"]),
            "perUnit": {"unit": per_unit[0], "amount": per_unit[2]} if per_unit else None,
        },
        "caps": {"outputs": _some(said["cap_outputs"]), "seconds": _some(said["cap_seconds"])},
        "attribution": {
            "method": _number(said["method"]),
            "attributor": attributor if attributor == "licensee" else "0x" + ctx.address(attributor).hex(),
        },
        "erasureDays": _number(said["erasure_days"]),
        "noticeDays": _number(said["notice_days"]),
        "shareAlike": bool(said["share_alike"]),
        "text": {},
    }


def _of_option(error: Invalid, said: dict[str, object]) -> Invalid:
    """The same with the option and its value as they were typed, where one option is to blame."""
    option = OPTIONS.get(str(error.facts.get("field")))
    if option is None:
        return error
    given, step = str(said[option]), error.next_step
    if coins := re.search(r"(?:^|=)([0-9]{1,12}\.[0-9]{1,6})$", given):
        units = f"{int(Decimal(coins[1]) * 10**6)}"
        step = f"Write base units: {coins[1]} of a token with 6 decimals is {units}."
    told = f"--{option.replace('_', '-')} {given}: {error.detail.rpartition(': ')[2]}"
    return type(error)(told, next=step, **error.facts)


def _token(ctx: Context, said: object) -> str:
    if said:
        return "0x" + ctx.keystore.address(str(said)).hex()
    from provenance.adapters import wire

    return "0x" + wire.record(ctx.settings).deployment().contracts["Token"].hex()


def _words(said: object) -> list[Json]:
    return [str(word) for word in said] if isinstance(said, tuple) else []


def _number(said: object) -> int:
    return said if isinstance(said, int) else 0


def _some(said: object) -> str | None:
    return str(said) if said is not None else None


def _readable(made: Terms) -> bytes:
    """For an editor; reading it gives the same hash."""
    return (json.dumps(json.loads(made.encode()), ensure_ascii=False, indent=2) + "\n").encode()


def _row(found: Terms) -> dict[str, Json]:
    document: dict[str, Json] = json.loads(found.encode())
    return {"termsHash": "0x" + found.terms_hash.hex(), **document}


def _text(found: Terms) -> str:
    from provenance.cli.bargain import FREE, UNPRICED
    from provenance.domain import purposes
    from provenance.domain.terms import UNITS

    price, caps = found.price, found.caps
    each = price.per_unit
    unit = f", {each.amount} per {UNITS[each.unit]}" if each and each.amount else ""
    use = f"; {UNPRICED if each is None else FREE}" if not unit else ""
    cap = ", ".join(f"{n} {name}" for n, name in ((caps.outputs, "outputs"), (caps.seconds, "seconds")) if n)
    by = "the licensee" if found.attribution.attributor is None else shown_address(found.attribution.attributor)
    lines = (
        ("terms hash", "0x" + found.terms_hash.hex()),
        ("allowed", purposes.label(found.purposes)),
        ("prohibited", purposes.label(found.prohibited)),
        ("territories", ", ".join(found.territories)),
        ("from", shown_time(found.not_before)),
        ("until", shown_time(found.not_after)),
        ("price", f"{price.per_license} per license{unit} (base units of {shown_address(price.token)}){use}"),
        ("caps", cap or "none"),
        ("weights", f"method {found.attribution.method}, made by {by}"),
        ("notice", f"{found.notice_days} days; erasure within {found.erasure_days} days"),
    )
    return "\n".join(f"{name:12} {value}" for name, value in lines)
