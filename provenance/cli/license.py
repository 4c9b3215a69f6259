"""The commands between rights holder and licensee: `provenance license …`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from provenance.cli.frame import PATH, command, group
from provenance.cli.values import ID, amount, shown_address, shown_amount, shown_time, token
from provenance.errors import Missing, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.app.license import License
    from provenance.cli.context import Context
    from provenance.domain.license import SignedOffer
    from provenance.types import Bytes32, Json, UnixSeconds


@group("license")
def license_() -> None:
    """Offer, accept, fund and end licenses."""


@command(
    license_,
    "offer",
    example="provenance license offer 0x5a…c1 --purpose train.tts --expires 2027-12-31 --out offer.json",
)
@click.argument("dataset", type=ID, metavar="DATASET")
@click.option("--purpose", "purposes", multiple=True, required=True, metavar="CODE", help="Purpose; repeatable.")
@click.option("--licensee", metavar="NAME|ADDRESS", help="For this account only; else for anybody, once each.")
@click.option("--expires", required=True, metavar="DATE", help="When it is over: 2027-12-31, 52w, …")
@click.option("--out", type=PATH, required=True, metavar="FILE", help="File to write the signed offer to.")
def offer(
    ctx: Context, dataset: Bytes32, purposes: tuple[str, ...], licensee: str | None, expires: str, out: Path
) -> int:
    """Sign an offer for DATASET at its terms' price, write it to FILE and publish it at the gateway."""
    from provenance.app import license as use
    from provenance.cli import files
    from provenance.cli.dates import seconds
    from provenance.domain import purposes as codes
    from provenance.types import ZERO_ADDRESS

    mask, expiry = codes.mask(purposes), seconds(expires, ctx.clock.now(), option="expires")
    chain = ctx.chain()
    wanted = ctx.address(licensee) if licensee else ZERO_ADDRESS
    of = use.dataset(chain, ctx.content(), dataset)
    files.fresh(out)
    wallet = ctx.wallet()
    signed = use.offer(chain, of, wallet.signer, ctx.clock, ctx.random, purposes=mask, expiry=expiry, licensee=wanted)
    use.check_prospects(chain, of, signed.offer, wanted, ctx.clock, ctx.out.warn)
    if ctx.dry_run:
        ctx.would(f"sign an offer of {of.manifest.title} for {codes.label(mask)} and write {out}")
    files.write(out, signed.encode())
    published = _publish(ctx, signed)
    ctx.out.emit({"offer": str(out), "published": published, **_terms(ctx, signed)}, text=_offer_text(ctx, signed, out))
    return 0 if published is not False else 1


@command(license_, "accept", example="provenance license accept offer.json --account licensee")
@click.argument("file", type=PATH, metavar="OFFER")
def accept(ctx: Context, file: Path) -> None:
    """Accept the signed OFFER: pay its price and hold the license."""
    from provenance.app import license as use
    from provenance.domain.fields import shown

    signed, chain, wallet = _read(file), ctx.chain(), ctx.wallet()
    send = partial(ctx.transact, means=_bargain(ctx, signed))
    made = use.accept(chain, ctx.content(), signed, wallet.signer.address, ctx.clock, send, ctx.out.warn)
    ctx.out.emit({"license": shown(made), **_terms(ctx, signed)}, text=f"License {shown(made)}")


@command(license_, "cancel", example="provenance license cancel offer.json --account holder-1")
@click.argument("file", type=PATH, metavar="OFFER")
def cancel(ctx: Context, file: Path) -> None:
    """Withdraw an OFFER of yours; licenses already made from it go on."""
    from provenance.app import license as use

    signed = _read(file)
    mined = use.cancel(ctx.chain(), signed, ctx.wallet().signer.address, ctx.transact)
    ctx.out.emit({"cancelled": True, "tx": f"0x{mined.tx.hex()}"}, text="The offer can be accepted no more.")


@command(license_, "fund", example="provenance license fund 0x8b…07 250 --account licensee")
@click.argument("license_id", type=ID, metavar="LICENSE")
@click.argument("tokens", metavar="AMOUNT")
def fund(ctx: Context, license_id: Bytes32, tokens: str) -> None:
    """Add AMOUNT tokens to what usage under LICENSE is paid from."""
    from provenance.app import license as use

    chain = ctx.chain()
    decimals, symbol = token(chain)
    value = amount(tokens, decimals)
    send = partial(
        ctx.transact, means=f"fund license 0x{license_id.hex()} with {shown_amount(value, decimals)} {symbol}"
    )
    mined = use.fund(chain, license_id, value, ctx.wallet().signer.address, send)
    ctx.out.emit(
        {"license": f"0x{license_id.hex()}", "funded": str(value), "tx": f"0x{mined.tx.hex()}"},
        text=f"Funded with {shown_amount(value, decimals)} {symbol}.",
    )


@command(license_, "terminate", example="provenance license terminate 0x8b…07 --account holder-1")
@click.argument("license_id", type=ID, metavar="LICENSE")
@click.option("--reason", type=ID, metavar="HEX", help="Digest of the reasons, of your own choice.")
def terminate(ctx: Context, license_id: Bytes32, reason: Bytes32 | None) -> None:
    """End a LICENSE: as its licensee at once, as the holder after the notice."""
    from provenance.app import license as use
    from provenance.types import ZERO32

    mined = use.terminate(ctx.chain(), license_id, ctx.transact, reason or ZERO32)
    found = use.find(ctx.chain(), license_id)
    ctx.out.emit(
        {"license": f"0x{license_id.hex()}", "expiry": found.expiry, "tx": f"0x{mined.tx.hex()}"},
        text=f"The license is over at {shown_time(found.expiry)}.",
    )


@command(license_, "list", example="provenance license list --account licensee")
def list_(ctx: Context) -> None:
    """List the licenses that the account holds or gave."""
    from provenance.app import license as use

    chain, now = ctx.chain(), ctx.clock.now()
    rows = [_row(one, now) for one in use.licenses_of(chain, ctx.address())]
    ctx.out.emit(rows, columns=("license", "state", "purposes", "expires", "funded"))


@command(license_, "show", example="provenance license show 0x8b…07")
@click.argument("license_id", type=ID, metavar="LICENSE")
def show(ctx: Context, license_id: Bytes32) -> None:
    """Show one LICENSE: parties, purposes, time, money and what was read under it."""
    from provenance.app import license as use

    chain = ctx.chain()
    found = use.find(chain, license_id)
    facts = _row(found, ctx.clock.now()) | {
        "holder": shown_address(found.grant.holder),
        "termsHash": f"0x{found.grant.terms_hash.hex()}",
        "price": str(found.grant.price),
        "noticeDays": found.grant.notice_days,
        "accesses": len(found.accesses),
        "recordingsOpened": sum(one.units for one in found.accesses),
        "block": found.granted.block.number,
        "tx": f"0x{found.granted.tx.hex()}",
    }
    ctx.out.emit(facts)


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


def _read(file: Path) -> SignedOffer:
    from provenance.domain.license import SignedOffer

    try:
        return SignedOffer.parse(file.read_bytes())
    except FileNotFoundError:
        raise Missing(f"no file {file}", next="Ask the rights holder for the offer's file.", path=str(file)) from None


def _terms(ctx: Context, signed: SignedOffer) -> dict[str, Json]:
    from provenance.domain import purposes, typed

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


def _offer_text(ctx: Context, signed: SignedOffer, out: Path) -> str:
    decimals, symbol = token(ctx.chain())
    terms = _terms(ctx, signed)
    return (
        f"Offer of {terms['dataset']} at {shown_amount(signed.offer.price, decimals)} {symbol}, "
        f"until {terms['expires']}, written to {out}"
    )


def _bargain(ctx: Context, signed: SignedOffer) -> str:
    """What the licensee gets by accepting, and for what."""
    from provenance.domain import purposes

    said, (decimals, symbol) = signed.offer, token(ctx.chain())
    return (
        f"license dataset 0x{said.dataset_id.hex()} for {purposes.label(said.purposes)} until"
        f" {shown_time(said.expiry)}, paying {shown_amount(said.price, decimals)} {symbol} to"
        f" {shown_address(said.holder)}"
    )


def _row(found: License, now: UnixSeconds) -> dict[str, Json]:
    from provenance.domain import purposes

    return {
        "license": f"0x{found.id.hex()}",
        "dataset": f"0x{found.grant.dataset_id.hex()}",
        "licensee": shown_address(found.grant.licensee),
        "state": found.state(now),
        "purposes": list(purposes.codes(found.grant.purposes)),
        "expires": shown_time(found.expiry),
        "funded": str(found.funded),
    }
