"""Consents of the voice owners of this home: given, shown, taken back."""

from __future__ import annotations

from pathlib import Path

import click

from provenance.adapters import journal
from provenance.app import consent as use
from provenance.app.ports import Call
from provenance.cli import dates, files, words as private
from provenance.cli.context import Context
from provenance.cli.frame import PATH, command, group
from provenance.cli.out import paragraphs, plain
from provenance.cli.values import shown_address, shown_time
from provenance.domain import fields, purposes, territories
from provenance.domain.consent import Scope, SignedConsent, SignedExtension, Words
from provenance.errors import ProvenanceError
from provenance.types import Address, ConsentId, Json, UnixSeconds

JOURNAL = "consents.jsonl"
COLUMNS = ("id", "voice", "holder", "purposes", "notAfter", "state")


@group("consent")
def consent() -> None:
    """Grants of voice owners, and their revocation."""


@command(
    consent,
    "grant",
    example=(
        "provenance consent grant --voice me --holder holder-1 --purpose train.tts --territory EU --until 2y --out c.json",
        "provenance consent grant --voice me --holder 0x… --purpose train.tts --territory WW --until 2028-12-31 --recordings r.json --out c.json",
    ),
)
@click.option("--voice", required=True, metavar="NAME", help="Your own label of the voice; it stays in this home.")
@click.option("--holder", required=True, metavar="A", help="Rights holder to whom it is given.")
@click.option("--purpose", "codes", required=True, multiple=True, metavar="P", help="Purpose code; repeatable.")
@click.option("--territory", "places", required=True, multiple=True, metavar="T", help="Country, EU, EEA or WW.")
@click.option("--until", required=True, metavar="DATE", help="Last day, or a span such as 2y.")
@click.option("--from", "since", metavar="DATE", help="First second at which it counts; at once by default.")
@click.option("--recordings", type=PATH, metavar="FILE", help="Only these; without it all by this holder.")
@click.option("--role", "roles", multiple=True, metavar="CODE", help="Role, series or genre, such as role:narrator.")
@click.option("--words", metavar="TEXT|FILE", help="What was agreed in words; they stay private, beside F.")
@click.option("--out", type=PATH, required=True, metavar="F", help="File to make; it is given to the holder.")
def grant(
    ctx: Context,
    voice: str,
    holder: str,
    codes: tuple[str, ...],
    places: tuple[str, ...],
    until: str,
    since: str | None,
    recordings: Path | None,
    roles: tuple[str, ...],
    words: str | None,
    out: Path,
) -> None:
    """Sign a consent for one voice to one rights holder. The account is the voice owner's.

    Words are kept out of the consent, which becomes public: it has a salted hash of them. They and the salt lie
    beside it (F without its ending, and .words.json): give the holder both files.
    """
    now, to = ctx.clock.now(), ctx.address(holder)
    asked = use.Grant(
        voice=fields.text({"voice": voice}, "voice"),
        holder=to,
        purposes=purposes.mask(codes),
        territories=territories.parse(places),
        not_before=(
            dates.seconds(since, now, option="--from", first=True) if since else min(now, ctx.chain().head().time)
        ),  # at once is the latest block's second, where that is before now
        not_after=dates.seconds(until, now, option="--until"),
        scope=use.listed_scope(files.read(recordings), to, roles) if recordings else Scope(None, tuple(sorted(roles))),
        words=None if words is None else private.typed(words),
    )
    files.fresh(out)
    beside = files.fresh(private.beside(out)) if asked.words is not None else None
    if ctx.dry_run:
        _would(ctx, asked)
    wallet = ctx.wallet()
    with journal.FileJournal(ctx.journals / JOURNAL) as consents:
        given = use.grant(asked, journal=consents, random=ctx.random, signer=wallet.signer, chain=ctx.chain(), now=now)
    if beside and given.words:
        files.write(beside, given.words.encode(), private=True)
    files.write(out, given.consent.encode())
    ctx.out.emit(
        {
            **_row(given.id, given.consent, use.GIVEN),
            "voice": voice,
            "path": str(out),
            "wordsPath": str(beside) if beside else None,
        },
        text=(
            f"Consent {fields.shown(given.id)}",
            f"{purposes.label(asked.purposes)} in {', '.join(asked.territories)} until {shown_time(asked.not_after)}",
            f"Wrote {out}" + (f", and its words to {beside}: they stay private" if beside else ""),
        ),
    )


@command(
    consent,
    "revoke",
    example=(
        "provenance consent revoke --account voice-1 consent.json",
        "provenance consent revoke 0x3f… --yes",
    ),
)
@click.argument("name", metavar="ID|FILE")
def revoke(ctx: Context, name: str) -> None:
    """Withdraw a consent on chain: no new access to that voice's recordings from the next block on."""
    consent_id, given, _ = _consent_named(ctx, name)
    subject = given.consent.subject
    own = next((account.name for account in ctx.keystore.accounts() if account.address == subject), None)
    wallet = ctx.wallet(None if ctx.settings.account else own)
    call = use.revocation(consent_id, subject, wallet.signer.address, ctx.chain())
    mined = ctx.transact(
        call,
        use.TITLE,
        wallet,
        means=f"withdraw for good the consent {fields.shown(consent_id)} of {shown_address(subject)} to"
        f" {shown_address(given.consent.holder)}",
    )
    closed = _closed(ctx, consent_id)
    ctx.out.emit(
        {
            **_row(consent_id, given, use.WITHDRAWN),
            "tx": fields.shown(mined.tx),
            "block": mined.block.number,
            "closed": None
            if closed is None
            else [{"dataset": dataset, "recordings": n} for dataset, n in closed.items()],
        },
        text=(
            f"Withdrew consent {fields.shown(consent_id)} in block {mined.block.number}, for good.",
            *_effect(closed),
        ),
    )


@command(
    consent,
    "extend",
    example=(
        "provenance consent extend consent.json holder-2 --account voice-1",
        "provenance consent extend consent.json holder-2 --out extension.json --account voice-1",
        "provenance consent extend extension.json --account holder-2",
    ),
)
@click.argument("name", metavar="ID|FILE")
@click.argument("holder", required=False, metavar="[HOLDER]")
@click.option("--until", default="30d", show_default=True, metavar="DATE", help="Last second at which F counts.")
@click.option("--out", type=PATH, metavar="F", help="Sign it into this file, for HOLDER to send, and send nothing.")
def extend(ctx: Context, name: str, holder: str | None, until: str, out: Path | None) -> None:
    """Let a consent serve another HOLDER too, such as the buyer of a dataset; or send the extension signed in FILE.

    What it allows, to whom it was given and until when stay as they are. It cannot be taken back alone: `consent revoke`
    takes back the whole.
    """
    if holder is None:
        signed = files.document(Path(name), SignedExtension.parse)
        words = signed.extension
        call, to, subject = use.relayed_extension(signed, ctx.chain(), ctx.clock.now()), words.holder, signed.subject
        return _extended(ctx, call, words.consent_id, subject, to, None)

    consent_id, given, _ = _consent_named(ctx, name)
    subject, to = given.consent.subject, ctx.address(holder)
    own = ctx.settings.account or next((a.name for a in ctx.keystore.accounts() if a.address == subject), None)
    use.check_extendable(consent_id, given, to, ctx.address(own), ctx.chain())
    if out is None:
        return _extended(ctx, use.extension(consent_id, to), consent_id, subject, to, own)
    deadline = dates.seconds(until, ctx.clock.now(), option="--until")
    files.fresh(out)
    means = f"{_extension(consent_id, subject, to)}, if it is sent until {shown_time(deadline)}"
    if ctx.dry_run:
        ctx.would(f"sign to {means}", consent=fields.shown(consent_id), holder=fields.shown(to))
    ctx.out.say(f"You {means}.")
    ctx.out.confirm("Sign it?")
    files.write(out, use.sign_extension(consent_id, to, ctx.wallet(own).signer, ctx.chain(), deadline).encode())
    return ctx.out.emit(
        {"path": str(out), "id": fields.shown(consent_id), "holder": fields.shown(to), "deadline": deadline},
        text=f"Wrote {out}.\nNext: anybody sends it with `provenance consent extend {out.name}`.",
    )


def _extension(consent_id: ConsentId, subject: Address, to: Address) -> str:
    return f"let the consent {fields.shown(consent_id)} of {shown_address(subject)} serve {shown_address(to)} too, for good"


def _extended(
    ctx: Context, call: Call, consent_id: ConsentId, subject: Address, to: Address, account: str | None
) -> None:
    wallet = ctx.wallet(account)
    mined = ctx.transact(call, "extend consent", wallet, means=_extension(consent_id, subject, to))
    ctx.out.emit(
        {
            "id": fields.shown(consent_id),
            "subject": fields.shown(subject),
            "holder": fields.shown(to),
            "tx": fields.shown(mined.tx),
            "block": mined.block.number,
        },
        text=f"Consent {fields.shown(consent_id)} serves {shown_address(to)} too since block {mined.block.number}.\n"
        "Next: that holder offers the dataset with `provenance license offer`.",
    )


@command(consent, "show", example=("provenance consent show consent.json", "provenance consent show 0x3f… --json"))
@click.argument("name", metavar="ID|FILE")
def show(ctx: Context, name: str) -> None:
    """Show what a consent says, its words if they lie beside it, and whether it stands."""
    consent_id, given, words = _consent_named(ctx, name)
    use.check_signed(given, ctx.chain())
    row = _row(consent_id, given, use.state(consent_id, given, ctx.chain(), ctx.clock.now()))
    ctx.out.emit(
        {**row, "words": words.text if words else None},
        text=(plain(_readable(row)) + (f"\n\n{paragraphs(words.text)}" if words else "")).splitlines(),
    )


@command(consent, "list", example=("provenance consent list", "provenance consent list --json"))
def list_(ctx: Context) -> None:
    """List the consents granted from this home."""
    chain, now = ctx.chain(), ctx.clock.now()
    rows: list[dict[str, Json]] = [
        {"voice": grant.voice, **_row(grant.id, grant.consent, use.state(grant.id, grant.consent, chain, now))}
        for grant in use.journaled(journal.read(ctx.journals / JOURNAL), chain.deployment.chain_id)
    ]
    ctx.out.emit(rows, text=plain([_readable(row) for row in rows], COLUMNS).splitlines())


def _closed(ctx: Context, consent_id: ConsentId) -> dict[str, int] | None:
    """How many recordings of which dataset rest on the consent; None where no gateway says so."""
    if not ctx.network.gateway:
        return None
    gateway, name = ctx.gateway(), fields.shown(consent_id)
    try:
        rows = gateway.listing("consents", consent=name).rows
        closed = {dataset: 0 for row in rows for dataset in fields.texts(row, "datasets", most=1 << 17, max_chars=66)}
        for dataset in closed:
            for row in gateway.listing("recordings", dataset=dataset).rows:
                closed[dataset] += name in fields.texts(row, "consentIds", most=1 << 10, max_chars=66)
    except ProvenanceError:  # it is withdrawn whatever the gateway answers
        return None
    return closed


def _effect(closed: dict[str, int] | None) -> tuple[str, ...]:
    """What a withdrawal did, and what can be done about it."""
    return (
        "Nobody opens what rests on it any more, under any license; who opened it before may have kept the audio.",
        *(f"Closed: {fields.counted(n, 'recording')} of {dataset}" for dataset, n in (closed or {}).items()),
        "It cannot be taken back: a new consent is given with `consent grant`.",
    )


def _would(ctx: Context, asked: use.Grant) -> None:
    ctx.would(
        f"sign a consent for {purposes.label(asked.purposes)} to {shown_address(asked.holder)},"
        f" from {shown_time(asked.not_before)} to {shown_time(asked.not_after)}",
        holder=fields.shown(asked.holder),
        notBefore=asked.not_before,
        notAfter=asked.not_after,
    )


def _consent_named(ctx: Context, name: str) -> tuple[ConsentId, SignedConsent, Words | None]:
    """The consent in a file, or the one of an id in this home's journal; with its words, where they are."""
    deployment = ctx.chain().deployment
    if name.lower().startswith("0x") and not Path(name).exists():
        grant = use.find(name, journal.read(ctx.journals / JOURNAL), deployment.chain_id)
        return grant.id, grant.consent, grant.words
    given = files.document(Path(name), SignedConsent.parse)
    return given.id(deployment.domains.consent), given, private.of(Path(name), given.scope)


def _row(consent_id: ConsentId, given: SignedConsent, state: str) -> dict[str, Json]:
    consent, scope = given.consent, given.scope
    return {
        "id": fields.shown(consent_id),
        "subject": fields.shown(consent.subject),
        "holder": fields.shown(consent.holder),
        "voiceId": fields.shown(consent.voice_id),
        "purposes": list(purposes.codes(consent.purposes)),
        "territories": list(given.territories),
        "notBefore": consent.not_before,
        "notAfter": consent.not_after,
        "recordings": "all" if scope.recordings is None else len(scope.recordings),
        "codes": list(scope.codes),
        "wordsHash": fields.shown(scope.words) if scope.words else None,
        "state": state,
    }


def _readable(row: dict[str, Json]) -> dict[str, Json]:
    """A row as people read it: checksummed addresses, times in UTC."""
    return {
        **row,
        **{name: shown_address(Address(bytes.fromhex(str(row[name])[2:]))) for name in ("subject", "holder")},
        **{name: shown_time(UnixSeconds(int(str(row[name])))) for name in ("notBefore", "notAfter")},
    }
