"""Registered datasets, and what their holders and the guardian do with them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from provenance.app import dataset as use, license as licenses, payee
from provenance.app.ports import Mined
from provenance.app.publish import register, rotate as rotation
from provenance.app.publish.private import private
from provenance.app.publish.takes import sha256_of
from provenance.cli import conditions, dates, files, published
from provenance.cli.context import Context
from provenance.cli.frame import PATH, command, group
from provenance.cli.out import paragraphs, plain
from provenance.cli.upload import sealing_ports, splits_of
from provenance.cli.values import ID, shown_address, shown_time
from provenance.domain import canonical, fields, ledger
from provenance.domain.events import SplitSet
from provenance.domain.hashes import sha256
from provenance.domain.manifest import Manifest
from provenance.errors import Invalid
from provenance.types import ZERO_ADDRESS, Address, Bytes32, Json, UnixSeconds

EVIDENCE_NEXT = "keep the file unchanged and give it to the network's guardian, who may rule."
SPLIT_NEXT = "tell the accounts; until then the shares of before are paid."
SPLIT_DAYS = 7  # the contract's own wait
ROTATE_GAS = 100_000  # more than one rotation uses, which can be estimated only once the gateway has the new bytes
ABOUT = ("title", "datasetId", "kind", "language", "tags", "items", "minutes", "holder", "status", "time", "tx")
COLUMNS = ("datasetId", "title", "kind", "language", "items", "minutes", "holder", "status")


@group("dataset")
def dataset() -> None:
    """Registered datasets."""


@command(dataset, "list", example=("provenance dataset list", "provenance dataset list --holder holder-1 --json"))
@click.option("--holder", metavar="NAME|ADDRESS", help="Only those of this rights holder.")
def list_(ctx: Context, holder: str | None) -> None:
    """List the datasets in the gateway's catalogue."""
    rows = ctx.gateway().listing("datasets").rows
    if holder:
        wanted = fields.shown(ctx.address(holder))
        rows = tuple(row for row in rows if row.get("holder") == wanted)  # the holder now, not who registered it
    _emit_rows(ctx, rows)


@command(dataset, "search", example=("provenance dataset search digits", "provenance dataset search 'голос 声音'"))
@click.argument("words", nargs=-1, required=True)
def search(ctx: Context, words: tuple[str, ...]) -> None:
    """Search titles, tags, kinds and languages for all of WORDS."""
    _emit_rows(ctx, ctx.gateway().listing("datasets", q=fields.text({"WORDS": " ".join(words)}, "WORDS")).rows)


@command(
    dataset,
    "show",
    example=("provenance dataset show 0x5a…c1 --json", "provenance dataset show 0x5a…c1 --private --account holder-1"),
)
@click.argument("dataset_id", type=ID, metavar="DATASET")
@click.option("--private", is_flag=True, help="What was sealed at upload: people, words, file names, ISCC.")
def show(ctx: Context, dataset_id: Bytes32, *, private: bool) -> None:
    """Show one dataset: recordings, what its terms allow and ask, whether its consents stand, open offers."""
    if private:
        return _show_private(ctx, dataset_id)

    gateway, name = ctx.gateway(), fields.shown(dataset_id)
    listed = gateway.listing("datasets", dataset=name).rows
    if not listed:
        raise use.UnknownDataset(f"the gateway lists no dataset {name}", dataset=name)
    recordings = gateway.listing("recordings", dataset=name).rows
    consents = gateway.listing("consents", dataset=name).rows
    acceptable = ("OPEN", listed[0]["holder"], "ACTIVE")
    offers = [
        offer
        for offer in gateway.listing("offers", dataset=name).rows
        if (offer["state"], offer["holder"], listed[0]["status"]) == acceptable
    ]
    money, terms = conditions.Money.of(ctx), conditions.terms_of(ctx, fields.word(listed[0], "termsHash"))
    facts = _readable(listed[0]) | (conditions.terms_row(terms, money) if terms else {})
    parts = (
        plain({column: facts[column] for column in dict.fromkeys((*ABOUT, *facts)) if column in facts}),
        plain([_take(row) for row in recordings], ("index", "name", "seconds", "verdict", "voices", "consents")),
        plain([conditions.consent_row(row) for row in consents], conditions.CONSENT_COLUMNS),
        plain([conditions.offer_row(row, money) for row in offers], conditions.OFFER_COLUMNS) or "No open offers.",
    )
    return ctx.out.emit(
        {
            **listed[0],
            "recordings": list(recordings),
            "conditions": canonical.loads(terms.encode()) if terms else None,
            "consents": list(consents),
            "offers": list(offers),
        },
        text="\n\n".join(filter(None, parts)).splitlines(),
    )


def _show_private(ctx: Context, dataset_id: Bytes32) -> None:
    """The private part, opened with this home's key."""
    private_part = private(licenses.dataset(ctx.chain(), ctx.content(), dataset_id).manifest, sealing_ports(ctx))
    people: list[Json] = [
        {
            "name": contributor.name or None,
            "role": contributor.role or None,
            "account": shown_address(contributor.account) if contributor.account else None,
            "voice": fields.shown(contributor.voice) if contributor.voice else None,
        }
        for contributor in private_part.contributors
    ]
    takes = plain(
        [{"file": original.file, "iscc": original.marks.iscc or None} for original in private_part.recordings]
    )
    words = [
        f"Words of consent {fields.shown(consent)}\n{paragraphs(text.text)}"
        for consent, text in private_part.words.items()
    ]
    ctx.out.emit(
        canonical.loads(private_part.encode()),
        text="\n\n".join(filter(None, (plain(people), *words, takes))).splitlines(),
    )


@command(dataset, "sign", example="provenance dataset sign register.json --account holder-1 --out signed.json")
@click.argument("file", type=PATH)
@click.option("--until", default="7d", show_default=True, metavar="DATE", help="Last second at which it counts.")
@click.option("--out", type=PATH, required=True, metavar="F", help="File to make; it is given to the contributor.")
def sign(ctx: Context, file: Path, until: str, out: Path) -> None:
    """Sign the registration in FILE, which `upload --for` asked for, after looking at its manifest."""
    asked = files.document(file, register.parse).register
    manifest = Manifest.parse(ctx.content().get_digest(asked.manifest_digest)[1])
    register.match(asked, manifest)
    payee.check(ctx.chain().deployment, (split.account for split in manifest.splits), "splits")
    files.fresh(out)
    shares = ", ".join(f"{shown_address(split.account)} {split.bps} bps" for split in manifest.splits)
    summary = f"{manifest.title!r}, {fields.counted(len(manifest.recordings), 'recording')}, shares {shares}"
    if ctx.dry_run:
        ctx.would(f"sign the registration of {summary}", title=manifest.title)
    ctx.out.say(f"You sign the registration of {summary}, for ever public.")
    ctx.out.confirm("Sign it?")
    deadline = dates.seconds(until, ctx.clock.now(), option="--until")
    signed = register.sign(asked, ctx.wallet().signer, ctx.chain(), deadline)
    files.write(out, register.encode(signed.register, signed.signature))
    ctx.out.emit(
        {"path": str(out), "manifestRoot": fields.shown(asked.manifest_root), "deadline": deadline},
        text=f"Wrote {out}",
    )


@command(
    dataset,
    "suspend",
    example=(
        "provenance dataset suspend 0x5a…c1 --account holder-1",
        "provenance dataset suspend 0x5a…c1 --lift",
        "provenance dataset suspend 0x5a…c1 --account guardian --ruling ruling.json",
    ),
)
@click.argument("dataset_id", type=ID, metavar="DATASET")
@click.option("--lift", is_flag=True, help="End the suspension.")
@click.option("--for-good", is_flag=True, help="Revoke: no new license ever.")
@click.option("--ruling", type=PATH, metavar="FILE", help="The guardian's published ruling.")
def suspend(ctx: Context, dataset_id: Bytes32, *, lift: bool, for_good: bool, ruling: Path | None) -> None:
    """Stop new licenses of DATASET. A guardian's suspension, under a ruling, also stops access under old ones."""
    if lift and for_good:
        raise Invalid("--lift and --for-good exclude each other", next="Give one of them.")
    wanted = ledger.DATASET_ACTIVE if lift else ledger.DATASET_REVOKED if for_good else ledger.DATASET_SUSPENDED
    document = published.ruling(ruling) if ruling else None
    call = use.suspension(
        dataset_id,
        ctx.wallet().signer.address,
        ctx.chain(),
        wanted=wanted,
        ruling=sha256(document) if document else None,
    )
    address = published.publish(ctx, document) if document else None
    status = use.STATUS[int(str(call.args[1]))]
    name = fields.shown(dataset_id)
    means = f"make dataset {name} {status}" + (", for good" if for_good else "")
    mined = ctx.transact(call, "set dataset status", means=means)
    _emit_done(ctx, mined, {"datasetId": name, "status": status, "ruling": str(address) if address else None})


@command(dataset, "supersede", example="provenance dataset supersede 0x5a…c1 0x77…02 --account holder-1")
@click.argument("old", type=ID, metavar="OLD")
@click.argument("new", type=ID, metavar="NEW")
def supersede(ctx: Context, old: Bytes32, new: Bytes32) -> None:
    """Name NEW as the version that replaces OLD; licenses of OLD go on."""
    call = use.superseding(old, new, ctx.wallet().signer.address, ctx.chain())
    means = f"name {fields.shown(new)} as the version that replaces {fields.shown(old)}"
    mined = ctx.transact(call, "supersede dataset", means=means)
    _emit_done(ctx, mined, {"datasetId": fields.shown(old), "supersededBy": fields.shown(new)})


@command(
    dataset,
    "transfer",
    example=(
        "provenance dataset transfer 0x5a…c1 holder-2 --account holder-1",
        "provenance dataset transfer 0x5a…c1 --accept --account holder-2",
    ),
)
@click.argument("dataset_id", type=ID, metavar="DATASET")
@click.argument("to", required=False, metavar="[TO]")
@click.option("--accept", is_flag=True, help="Take over a dataset that was offered to this account.")
@click.option("--withdraw", is_flag=True, help="Withdraw the offer.")
def transfer(ctx: Context, dataset_id: Bytes32, to: str | None, *, accept: bool, withdraw: bool) -> None:
    """Offer DATASET to a new holder, who takes it over with --accept. Licenses go on; old offers end."""
    if [bool(to), accept, withdraw].count(True) != 1:
        raise Invalid("one of TO, --accept and --withdraw is needed", next="Name the new holder, or accept.")
    account = ctx.wallet().signer.address
    call = (
        use.acceptance(dataset_id, account, ctx.chain())
        if accept
        else use.transfer(dataset_id, ZERO_ADDRESS if to is None else ctx.address(to), account, ctx.chain())
    )
    name = fields.shown(dataset_id)
    means = f"take over dataset {name}" if accept else f"withdraw the offer of dataset {name}"
    if to is not None:
        means = f"offer dataset {name}, and all that it earns from then on, to {shown_address(ctx.address(to))}"
    mined = ctx.transact(call, "accept dataset" if accept else "transfer dataset", means=means)
    _emit_done(ctx, mined, {"datasetId": name, "accepted": accept})


@command(dataset, "split", example="provenance dataset split 0x5a…c1 holder-1=6000 voice-1=4000 --account holder-1")
@click.argument("dataset_id", type=ID, metavar="DATASET")
@click.argument("shares", nargs=-1, required=True, metavar="ACCT=BPS…")
def split(ctx: Context, dataset_id: Bytes32, shares: tuple[str, ...]) -> None:
    """Announce new shares of DATASET, in basis points; they count for windows that start 7 days from now.

    Up to 100 accounts. A transfer of DATASET before then voids them.
    """
    account, name = ctx.address(), fields.shown(dataset_id)
    wanted = splits_of(ctx, shares, account)
    call = use.resharing(dataset_id, wanted, account, ctx.chain())
    means = (
        f"share what dataset {name} earns from {SPLIT_DAYS} days on as"
        f" {', '.join(f'{shown_address(share.account)} {share.bps}' for share in wanted)} of 10,000"
    )
    mined = ctx.transact(call, "set split", means=means)
    from_ = next((log.event.effective_at for log in mined.logs if isinstance(log.event, SplitSet)), None)
    listed: list[Json] = [{"account": shown_address(share.account), "bps": share.bps} for share in wanted]
    _emit_done(ctx, mined, {"datasetId": name, "shares": listed, "effectiveAt": from_}, SPLIT_NEXT)


@command(dataset, "dispute", example="provenance dataset dispute 0x5a…c1 evidence.zip --account holder-1")
@click.argument("dataset_id", type=ID, metavar="DATASET")
@click.argument("evidence", type=PATH, metavar="EVIDENCE")
def dispute(ctx: Context, dataset_id: Bytes32, evidence: Path) -> None:
    """Put on record that others registered what your DATASET holds, with the sha-256 of the file EVIDENCE.

    The file itself stays here. A dispute moves no money: the guardian's ruling does.
    """
    digest, name = sha256_of(evidence), fields.shown(dataset_id)
    call = use.dispute(dataset_id, digest, ctx.address(), ctx.chain())
    means = f"claim on record that others registered what dataset {name} holds, by evidence with sha-256 {digest.hex()}"
    mined = ctx.transact(call, "dispute", means=means)
    _emit_done(ctx, mined, {"datasetId": name, "evidence": fields.shown(digest)}, EVIDENCE_NEXT)


@command(dataset, "rotate", example="provenance dataset rotate 0x5a…c1 0 1 --account holder-1")
@click.argument("dataset_id", type=ID, metavar="DATASET")
@click.argument("indexes", nargs=-1, required=True, type=click.IntRange(min=0), metavar="INDEX…")
def rotate(ctx: Context, dataset_id: Bytes32, indexes: tuple[int, ...]) -> None:
    """Encrypt recordings of DATASET again under new keys; leases from now on open these alone.

    Who held the old key may have kept the audio. Licenses and consents stay as they are.
    """
    from provenance.adapters.chain import afford

    for index in indexes:
        rotation.check(dataset_id, index, ctx.address(), ctx.chain(), ctx.content())
    costs = [ctx.chain().node.price(ROTATE_GAS)] * len(set(indexes))
    afford(ctx.chain().node, ctx.address(), costs)
    action = f"encrypt {fields.counted(len(costs), 'recording')} of dataset {fields.shown(dataset_id)} again"
    if ctx.dry_run:
        fee = sum(cost.fee_wei for cost in costs)
        ctx.would(f"{action}, at most {fields.ether(fee)} ETH", dataset=fields.shown(dataset_id), feeWei=str(fee))
    ctx.agree(f"{action}, so that no lease opens the old ones any more", costs, question="Do it?")
    sealing = sealing_ports(ctx)
    gateway, send = ctx.gateway(sealing.wallet), partial(ctx.send, wallet=sealing.wallet)
    rotated = [rotation.rotate(dataset_id, index, sealing, gateway, send) for index in dict.fromkeys(indexes)]
    ctx.out.emit(
        [
            {
                "index": done.index,
                "cid": str(done.cid),
                "keyVersion": done.key_version,
                "tx": fields.shown(done.mined.tx),
            }
            for done in rotated
        ]
    )


def _emit_rows(ctx: Context, rows: tuple[dict[str, Json], ...]) -> None:
    ctx.out.emit(list(rows), text=plain([_readable(row) for row in rows], COLUMNS).splitlines() or "No datasets.")


def _readable(row: dict[str, Json]) -> dict[str, Json]:
    """A row of the catalogue as people read it."""
    facts = row | {
        name: shown_address(Address(bytes.fromhex(str(row[name])[2:])))
        for name in ("holder", "registrant", "gateway")
        if row.get(name)
    }
    duration = facts.pop("durationMs", None)
    facts["minutes"] = (
        None if duration is None else f"{int(str(duration)) // 60_000}:{int(str(duration)) // 1_000 % 60:02}"
    )
    if facts.get("time") is not None:
        facts["time"] = shown_time(UnixSeconds(int(str(facts["time"]))))
    return facts


def _take(row: dict[str, Json]) -> dict[str, Json]:
    duration, voices, consents = int(str(row["durationMs"])), row.get("voiceIds"), row.get("consentIds")
    verdict = row.get("verdict")
    return {
        "index": row["index"],
        "name": row["name"],
        "seconds": f"{duration // 1_000}.{duration // 100 % 10}",
        "verdict": ("pass", "review", "reject")[verdict] if isinstance(verdict, int) and verdict < 3 else verdict,
        "voices": len(voices) if isinstance(voices, list) else 0,
        "consents": [str(consent)[:10] + "…" for consent in consents] if isinstance(consents, list) else [],
    }


def _emit_done(ctx: Context, mined: Mined, facts: dict[str, Json], step: str = "") -> None:
    done: dict[str, Json] = {**facts, "tx": "0x" + mined.tx.hex(), "block": str(mined.block.number)}
    ctx.out.emit(done, text=plain(done) + (f"\nNext: {step}" if step else ""))
