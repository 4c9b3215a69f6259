"""The commands between rights holder and licensee: `provenance license …`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.app import license as use, offers
from provenance.cli import conditions, files
from provenance.cli.dates import seconds
from provenance.cli.frame import PATH, command, group
from provenance.cli.out import plain
from provenance.cli.values import ID, amount, shown_address, shown_time
from provenance.domain import canonical, fields, purposes, typed
from provenance.domain.offer import SignedOffer
from provenance.errors import Missing, ProvenanceError, Unavailable
from provenance.types import ZERO32, ZERO_ADDRESS, Bytes32, Json, UnixSeconds, Wei

if TYPE_CHECKING:
    from provenance.cli.context import Context
    from provenance.domain.terms import Terms


COLUMNS = ("license", "title", "party", "state", "purposes", "expires", "funded", "balance", "arrears")


@group("license")
def license_() -> None:
    """Offer, accept, fund and end licenses."""


@command(
    license_,
    "offer",
    example="provenance license offer 0x5a…c1 --purpose train.tts --expires 2027-12-31 --out offer.json",
)
@click.argument("dataset", type=ID, metavar="DATASET")
@click.option("--purpose", "codes", multiple=True, required=True, metavar="CODE", help="Purpose; repeatable.")
@click.option("--licensee", metavar="NAME|ADDRESS", help="For this account only; else for anybody, once each.")
@click.option("--expires", required=True, metavar="DATE", help="When it is over: 2027-12-31, 52w, …")
@click.option("--out", type=PATH, required=True, metavar="FILE", help="File to write the signed offer to.")
def offer(ctx: Context, dataset: Bytes32, codes: tuple[str, ...], licensee: str | None, expires: str, out: Path) -> int:
    """Sign an offer for DATASET at its terms' price, write it to FILE and publish it at the gateway."""
    mask, expiry = purposes.mask(codes), seconds(expires, ctx.clock.now(), option="expires")
    chain = ctx.chain()
    wanted = ctx.address(licensee) if licensee else ZERO_ADDRESS
    dataset_ = use.dataset(chain, ctx.content(), dataset)
    files.fresh(out)
    wallet = ctx.wallet()
    signed = use.offer(
        chain, dataset_, wallet.signer, ctx.clock, ctx.random, purposes=mask, expiry=expiry, licensee=wanted
    )
    use.check_prospects(chain, dataset_, signed.offer, ctx.clock, ctx.out.warn, offering=True)
    if ctx.dry_run:
        ctx.would(f"sign an offer of {dataset_.manifest.title} for {purposes.label(mask)} and write {out}")
    files.write(out, signed.encode())
    published = _publish(ctx, signed)
    ctx.out.emit(
        {"offer": str(out), "published": published, **_terms(ctx, signed)},
        text=_offer_text(ctx, signed, dataset_.terms, out),
    )
    return 0 if published is not False else 1


@command(
    license_,
    "accept",
    example=(
        "provenance license accept offer.json --deposit 25 --account licensee",
        "provenance license accept 0x4e…90 --yes",
    ),
)
@click.argument("name", metavar="OFFER")
@click.option("--deposit", "tokens", metavar="AMOUNT", help="Tokens that use is paid from, beside the price.")
def accept(ctx: Context, name: str, tokens: str | None) -> None:
    """Accept the signed OFFER, a file or a digest that `dataset show` lists, and hold its license.

    Price and --deposit go into the license's balance at once; the distributor is approved exactly that.
    """
    signed, chain, wallet = _read(ctx, name), ctx.chain(), ctx.wallet()
    deposit = amount(tokens, chain.deployment.token.decimals, field="deposit") if tokens else use.NOTHING
    paid, buyer = chain.deployment.token.words(signed.offer.price + deposit), wallet.signer.address
    send = ctx.act(_acceptance(ctx, signed, deposit), wallet, tokens=paid)
    accepted = use.accept(chain, ctx.content(), signed, buyer, ctx.clock, send, ctx.out.warn, deposit=deposit)
    ctx.out.emit(
        {
            "license": fields.shown(accepted),
            "deposit": str(deposit if ctx.session.sent else use.NOTHING),  # what was accepted before takes nothing
            **_terms(ctx, signed),
        },
        text=f"License {fields.shown(accepted)}",
    )


@command(license_, "cancel", example="provenance license cancel offer.json --account holder-1")
@click.argument("name", metavar="OFFER")
def cancel(ctx: Context, name: str) -> None:
    """Withdraw an OFFER of yours, a file or its digest; licenses already made from it go on."""
    signed = _read(ctx, name)
    offer = fields.shown(typed.digest(ctx.chain().deployment.domains.access, signed.offer))
    send = ctx.act(
        f"withdraw offer {offer} of dataset {fields.shown(signed.offer.dataset_id)}; licenses made from it go on"
    )
    mined = use.cancel(signed, ctx.wallet().signer.address, send)
    ctx.out.emit({"cancelled": True, "tx": f"0x{mined.tx.hex()}"}, text="The offer can be accepted no more.")


@command(license_, "fund", example="provenance license fund 0x8b…07 250 --account licensee")
@click.argument("license_id", type=ID, metavar="LICENSE")
@click.argument("tokens", metavar="AMOUNT")
def fund(ctx: Context, license_id: Bytes32, tokens: str) -> None:
    """Add AMOUNT tokens to what usage under LICENSE is paid from."""
    chain = ctx.chain()
    unit = chain.deployment.token
    base_units = amount(tokens, unit.decimals)
    words = unit.words(base_units)
    send = ctx.act(f"fund license 0x{license_id.hex()}, from which its use is paid", tokens=words)
    mined = use.fund(chain, license_id, base_units, ctx.wallet().signer.address, send)
    ctx.out.emit(
        {"license": f"0x{license_id.hex()}", "funded": str(base_units), "tx": f"0x{mined.tx.hex()}"},
        text=f"Funded with {words}.",
    )


@command(license_, "terminate", example="provenance license terminate 0x8b…07 --account holder-1")
@click.argument("license_id", type=ID, metavar="LICENSE")
@click.option("--reason", type=ID, metavar="HEX", help="Digest of the reasons, of your own choice.")
def terminate(ctx: Context, license_id: Bytes32, reason: Bytes32 | None) -> None:
    """End a LICENSE: as its licensee at once, as the holder after the notice."""
    ending = "end license 0x{}: its licensee's word counts at once, its holder's after the notice"
    mined = use.terminate(ctx.chain(), license_id, ctx.act(ending.format(license_id.hex())), reason or ZERO32)
    license_ = use.find(ctx.chain(), license_id)
    ctx.out.emit(
        {"license": f"0x{license_id.hex()}", "expiry": license_.expiry, "tx": f"0x{mined.tx.hex()}"},
        text=f"The license is over at {shown_time(license_.expiry)}.",
    )


@command(license_, "list", example="provenance license list --account licensee")
def list_(ctx: Context) -> None:
    """List the licenses that the account holds or gave."""
    chain, now, own = ctx.chain(), ctx.clock.now(), ctx.address()
    money = conditions.Money.of(ctx)
    account, licenses = f"0x{own.hex()}", use.licenses_of(chain, own)
    known = _catalogue(ctx, {"licensee": account}, {"holder": account}) if licenses else {}
    rows = [_row(license_, now) | _money(known.get(license_.id)) for license_ in licenses]
    shown = [_readable(row, money) | {"party": row["holder" if license_.grant.licensee == own else "licensee"]}
            for row, license_ in zip(rows, licenses, strict=True)]  # fmt: skip
    ctx.out.emit(list(rows), text=plain(shown, COLUMNS).splitlines())


@command(license_, "show", example="provenance license show 0x8b…07")
@click.argument("license_id", type=ID, metavar="LICENSE")
def show(ctx: Context, license_id: Bytes32) -> None:
    """Show one LICENSE: parties, purposes, time, money and what was read under it.

    Settled is what was paid for use, or refunded at the license's end.
    """
    license_ = use.find(ctx.chain(), license_id)
    grant, terms = license_.grant, conditions.terms_of(ctx, license_.grant.terms_hash)
    facts = _row(license_, ctx.clock.now()) | _money(
        _catalogue(ctx, {"license": f"0x{license_id.hex()}"}).get(license_id)
    )
    facts |= {
        "termsHash": f"0x{grant.terms_hash.hex()}",
        "conditions": canonical.loads(terms.encode()) if terms else None,
        "price": str(grant.price),
        "distributor": shown_address(grant.distributor),
        "noticeDays": grant.notice_days,
        "accesses": len(license_.accesses),
        "recordingsOpened": sum(access.units for access in license_.accesses),
        "block": license_.granted.block.number,
        "tx": f"0x{license_.granted.tx.hex()}",
    }
    money = conditions.Money.of(ctx)
    shown = _readable(facts, money) | {"price": money.in_tokens(grant.price, grant.distributor)}
    shown.pop("conditions")
    if terms:
        row = conditions.terms_row(terms, money)
        shown |= {name: row[name] for name in ("pricePerUse", "territories", "caps")}
    ctx.out.emit(facts, text=plain(shown).splitlines())


def _publish(ctx: Context, signed: SignedOffer) -> bool | None:
    """Whether the gateway lists the offer; None where the network has none."""
    if not ctx.network.gateway:
        return None
    try:
        ctx.gateway().publish_offer(signed.encode())
    except Unavailable as error:
        ctx.out.warn(f"Not published: {error.detail}. The file is complete; hand it to the licensee yourself.")
        return False
    return True


def _read(ctx: Context, name: str) -> SignedOffer:
    """The offer in a file, or the one of a digest in the gateway's catalogue."""
    if name.lower().startswith("0x") and not Path(name).exists():
        return offers.published(ctx.gateway(), ctx.chain(), ID(name))
    try:
        return files.document(Path(name), SignedOffer.parse)
    except Missing:
        raise Missing(
            f"no file {name}",
            next="Ask the rights holder for the offer's file, or give a digest that `dataset show` lists.",
            path=name,
        ) from None


def _terms(ctx: Context, signed: SignedOffer) -> dict[str, Json]:

    terms = signed.offer
    return {
        "offerDigest": f"0x{typed.digest(ctx.chain().deployment.domains.access, terms).hex()}",
        "dataset": f"0x{terms.dataset_id.hex()}",
        "holder": shown_address(terms.holder),
        "licensee": shown_address(terms.licensee) if any(terms.licensee) else None,
        "purposes": list(purposes.codes(terms.purposes)),
        "price": str(terms.price),
        "expires": shown_time(terms.expiry),
        "acceptUntil": shown_time(terms.deadline),
    }


def _offer_text(ctx: Context, signed: SignedOffer, terms: Terms, out: Path) -> tuple[str, ...]:
    money, shown = conditions.Money.of(ctx), _terms(ctx, signed)
    each = terms.price.per_unit
    price = money.in_tokens(signed.offer.price, signed.offer.distributor) + (" + " if each.amount else "; ")
    return (
        f"Offer {shown['offerDigest']}",
        (
            f"of {shown['dataset']} at {price}{conditions.per_use(terms, money)}, until {shown['expires']};"
            f" can be accepted until {shown['acceptUntil']}; written to {out}"
        ),
    )


def _acceptance(ctx: Context, signed: SignedOffer, deposit: Wei) -> str:
    """What the licensee gets by accepting, and for what."""
    offer, unit = signed.offer, ctx.chain().deployment.token
    more = f" and a deposit of {unit.words(deposit)}" if deposit else ""
    return (
        f"license dataset 0x{offer.dataset_id.hex()} of {shown_address(offer.holder)} for"
        f" {purposes.label(offer.purposes)} until {shown_time(offer.expiry)}, paying {unit.words(offer.price)}{more}"
        f" into distributor {shown_address(offer.distributor)}"
    )


def _row(license_: use.LicenseRecord, now: UnixSeconds) -> dict[str, Json]:
    return {
        "license": f"0x{license_.id.hex()}",
        "dataset": f"0x{license_.grant.dataset_id.hex()}",
        "licensee": shown_address(license_.grant.licensee),
        "holder": shown_address(license_.grant.holder),
        "state": license_.state(now),
        "purposes": list(purposes.codes(license_.grant.purposes)),
        "expires": shown_time(license_.expiry),
        "funded": str(license_.funded),
    }


def _catalogue(ctx: Context, *filters: dict[str, str]) -> dict[Bytes32, dict[str, Json]]:
    """The gateway's rows of licenses by id; none where it is silent, which is said."""
    if not ctx.network.gateway:
        return {}
    try:
        return {
            fields.word(row, "licenseId"): row
            for query in filters
            for row in ctx.gateway().listing("licenses", **query).rows
        }
    except ProvenanceError as error:
        ctx.out.warn(f"Title, balance and arrears are not known: {error.detail}")
        return {}


def _money(row: dict[str, Json] | None) -> dict[str, Json]:
    """What the gateway knows of a license: its dataset's title, and what is settled, left and owed, in base units."""
    if row is None:
        return dict.fromkeys(("title", "settled", "balance", "arrears"))
    balance = row["balance"]
    settled = None if balance is None else str(int(str(row["funded"])) - int(str(balance)))
    return {"title": row["title"], "settled": settled, "balance": balance, "arrears": row["arrears"]}


def _readable(row: dict[str, Json], money: conditions.Money) -> dict[str, Json]:
    """A row as people read it: amounts in tokens."""
    return row | {name: money.in_tokens(row[name]) for name in ("funded", "settled", "balance", "arrears")}
