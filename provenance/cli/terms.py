"""The terms under which a dataset is offered: written once, checked, never edited."""

from __future__ import annotations

import json
from pathlib import Path

import click

from provenance.adapters import wire
from provenance.cli import conditions, dates, files
from provenance.cli.context import Context
from provenance.cli.frame import PATH, command, group
from provenance.cli.values import amount, shown_address, shown_time
from provenance.domain import fields, purposes
from provenance.domain.terms import TERMS_BYTES, UNITS, Terms
from provenance.errors import Invalid
from provenance.types import Json

DAY_S = 86_400
OPTIONS = {
    "perLicense": "per_license",
    "unit": "per_unit",
    "perUnit": "per_unit",
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
        "provenance terms new terms.json --per-unit output=0.01",
        "provenance terms new terms.json --purpose train.tts --territory EU --per-license 25 --per-unit output=0.001",
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
@click.option("--per-license", default="0", show_default=True, metavar="AMOUNT", help="Price of a license, in tokens.")
@click.option(
    "--per-unit",
    required=True,
    metavar="UNIT=AMOUNT",
    help=f"Price of a unit of use, in tokens, such as output=0.01; 0 is free. Units: {', '.join(UNITS)}.",
)
@click.option("--cap-outputs", metavar="N", help="Most outputs of one license.")
@click.option("--cap-seconds", metavar="N", help="Most seconds of output of one license.")
@click.option("--method", type=int, default=1, show_default=True, help="Attribution method.")
@click.option("--attributor", default="licensee", show_default=True, metavar="A", help="Who makes the weights.")
@click.option("--erasure-days", type=int, default=30, show_default=True, help="Days to erase after an order.")
@click.option("--notice-days", type=int, default=30, show_default=True, help="Days of notice to end a license.")
@click.option("--share-alike", is_flag=True, help="What is made must be offered under the same terms.")
def new(ctx: Context, file: Path, **options: object) -> None:
    """Write FILE with terms made from the options; edit it before its first use, never after."""
    try:
        terms_ = Terms.parse(json.dumps(_document(ctx, options)).encode())
    except Invalid as error:
        option = OPTIONS.get(str(error.facts.get("field")))
        if option is None:
            raise
        detail = f"--{option.replace('_', '-')} {options[option]}: {error.detail.rpartition(': ')[2]}"
        raise type(error)(detail, next=error.next_step, **error.facts) from None
    files.fresh(file)
    if ctx.dry_run:
        ctx.would(f"write {file}", path=str(file))
    readable = json.dumps(json.loads(terms_.encode()), ensure_ascii=False, indent=2) + "\n"  # has the same hash
    files.write(file, readable.encode())
    ctx.out.emit({"path": str(file), **_row(terms_)}, text=(f"Wrote {file}", *_text(terms_, conditions.Money.of(ctx))))


@command(terms, "check", example=("provenance terms check terms.json", "provenance terms check terms.json --json"))
@click.argument("file", type=PATH)
def check(ctx: Context, file: Path) -> None:
    """Say what the terms in FILE mean, and their hash; wrong ones are refused by the name of the field."""
    terms_ = files.document(file, Terms.parse, TERMS_BYTES)
    ctx.out.emit(_row(terms_), text=lambda: _text(terms_, conditions.Money.of(ctx)))


def _document(ctx: Context, options: dict[str, object]) -> dict[str, Json]:
    now = ctx.clock.now()
    since, until = options["since"], str(options["until"])
    record = wire.record(ctx.settings)
    unit, _, each = str(options["per_unit"]).partition("=")
    attributor = str(options["attributor"])
    return {
        "format": "provenance/terms",
        "version": 1,
        "purposes": _words(options["codes"]) or list(PURPOSES),
        "prohibited": _words(options["prohibited"]),
        "territories": _words(options["places"]) or [PLACE],
        "notBefore": dates.seconds(str(since), now, option="--from", first=True) if since else now - now % DAY_S,
        "notAfter": dates.seconds(until, now, option="--until"),
        "price": {
            "distributor": fields.shown(record.contracts["RoyaltyDistributor"]),
            "perLicense": str(amount(str(options["per_license"]), record.token.decimals, field="perLicense")),
            "perUnit": {"unit": unit, "amount": str(amount(each, record.token.decimals, field="perUnit"))},
        },
        "caps": {"outputs": _some(options["cap_outputs"]), "seconds": _some(options["cap_seconds"])},
        "attribution": {
            "method": _number(options["method"]),
            "attributor": attributor if attributor == "licensee" else "0x" + ctx.address(attributor).hex(),
        },
        "erasureDays": _number(options["erasure_days"]),
        "noticeDays": _number(options["notice_days"]),
        "shareAlike": bool(options["share_alike"]),
        "text": {},
    }


def _words(option: object) -> list[Json]:
    return [str(word) for word in option] if isinstance(option, tuple) else []


def _number(option: object) -> int:
    return option if isinstance(option, int) else 0


def _some(option: object) -> str | None:
    return str(option) if option is not None else None


def _row(terms_: Terms) -> dict[str, Json]:
    return {"termsHash": "0x" + terms_.terms_hash.hex(), **json.loads(terms_.encode())}


def _text(terms_: Terms, money: conditions.Money) -> list[str]:
    price, caps = terms_.price, terms_.caps
    cap = ", ".join(f"{n} {name}" for n, name in ((caps.outputs, "outputs"), (caps.seconds, "seconds")) if n)
    by = "the licensee" if terms_.attribution.attributor is None else shown_address(terms_.attribution.attributor)
    lines = (
        ("terms hash", "0x" + terms_.terms_hash.hex()),
        ("allowed", purposes.label(terms_.purposes)),
        ("prohibited", purposes.label(terms_.prohibited)),
        ("territories", ", ".join(terms_.territories)),
        ("from", shown_time(terms_.not_before)),
        ("until", shown_time(terms_.not_after)),
        ("license", money.in_tokens(price.per_license, price.distributor)),
        ("use", conditions.per_use(terms_, money)),
        ("caps", cap or "none"),
        ("weights", f"method {terms_.attribution.method}, made by {by}"),
        ("notice", f"{terms_.notice_days} days; erasure within {terms_.erasure_days} days"),
    )
    return [f"{name:12} {shown}" for name, shown in lines]
