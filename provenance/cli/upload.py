"""Uploads: recordings on this disk become a registered dataset."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final, NoReturn

import click

from provenance.adapters import journal
from provenance.adapters.gate import FileGate
from provenance.adapters.journal import FileJournal
from provenance.adapters.keys.envelopes import KeyFolder
from provenance.app.ports import Chain, Journal
from provenance.app.publish import Given, Outcome, Request, Source, UploadPorts, foresee, upload as run
from provenance.app.publish.register import is_registered, parse
from provenance.app.publish.takes import SealingPorts
from provenance.cli import files, words
from provenance.cli.context import Context
from provenance.cli.frame import PATH, command
from provenance.cli.values import shown_address
from provenance.domain import fields, splits
from provenance.domain.consent import SignedConsent
from provenance.domain.hashes import abi_words, sha256
from provenance.domain.manifest import Manifest
from provenance.domain.printable import escaped
from provenance.domain.splits import Split
from provenance.domain.terms import TERMS_BYTES, Terms
from provenance.errors import Invalid, Missing
from provenance.types import BPS_ONE, Address, Bps, Bytes32, DatasetId

FOLDER: Final = "uploads"
REGISTER_GAS: Final = 100_000
"""More than a registration uses, which can be estimated only once the gateway has the deposit."""
PARTLY: Final = 1
SHOWN_NAMES: Final = 3


@command(
    None,
    "upload",
    example=(
        "provenance upload takes/ --dataset 'Digits' --terms terms.json --kind voice --language en --consent c.json",
        "provenance upload a.wav b.flac --dataset 'Bells' --terms terms.json --kind sound --language zxx --split 0x…=10000",
    ),
)
@click.argument("paths", nargs=-1, required=True, type=PATH, metavar="PATH…")
@click.option("--dataset", "title", required=True, metavar="TITLE", help="Public title; the same one resumes.")
@click.option("--terms", "terms_file", required=True, type=PATH, metavar="F", help="Terms of use.")
@click.option("--kind", required=True, type=click.Choice(["voice", "music", "sound"]), help="What is heard.")
@click.option("--language", required=True, metavar="TAG", help="Such as en or pt-BR; zxx without words.")
@click.option("--consent", "consents", multiple=True, metavar="[GLOB=]F", help="Voice owner's consent; repeatable.")
@click.option("--split", "shares", multiple=True, metavar="ACCT=BPS", help="Share in basis points; sum 10,000.")
@click.option(
    "--credits", "credits_file", type=PATH, metavar="F", help="Who contributed; only you and the gateway read it."
)
@click.option("--tag", "tags", multiple=True, metavar="WORD", help="Public tag; repeatable.")
@click.option("--for", "holder", metavar="HOLDER", help="Upload for another rights holder.")
@click.option("--authorization", type=PATH, metavar="F", help="That holder's signature (`dataset sign`).")
@click.option("--accept-review", is_flag=True, help="Take takes that a person should hear first.")
@click.option("--publish-names", is_flag=True, help="Publish file names in place of numbers.")
@click.option("--dispute", is_flag=True, help="Register what another holder registered; both are held.")
def upload(ctx: Context, paths: tuple[Path, ...], title: str, **options: object) -> int:
    """Judge, seal, store and register recordings as one dataset; run it again to go on where it stopped.

    PATH is a file or a folder of wav, flac, mp3 and ogg. Public for ever are the title, kind, language and
    tags, who holds it, shares and terms, consents, and each recording's length and quality: no names of people
    or files, and no audio. Those are sealed, with ISCC and fingerprint: `dataset show --private` opens them.

    F of --credits: {"contributors": [{"name": "Ann", "role": "narrator", "account": "0x…", "voice": "c.json"}]};
    account and voice (a consent's file) may be left out. The words of a consent lie beside it, in c.words.json.
    """
    request = _request(ctx, paths, title, options)
    if ctx.dry_run:
        _would(ctx, request)
    name = _journal_name(ctx.chain(), request)
    with FileJournal(ctx.journals / FOLDER / f"{name}.jsonl") as journal, closing(ctx.out.progress):
        outcome = run(request, _ports(ctx, request, name, journal), ctx.clock.now())
    return _say(ctx, outcome)


def _would(ctx: Context, request: Request) -> NoReturn:
    """The files are judged, and the registration has its price: at most so much."""
    from provenance.adapters.chain import afford

    with closing(ctx.out.progress):
        good, waiting, refused = foresee(
            request, ctx.chain(), ctx.gateway(), FileGate(), ctx.out.progress, ctx.clock.now()
        )
    size = sum(source.path.stat().st_size for source in request.sources)
    cost = ctx.chain().node.price(REGISTER_GAS)
    afford(ctx.chain().node, ctx.address(), [cost])
    for refusal in refused:
        ctx.out.warn(f"{refusal.name}: {refusal.reason}")
    unsure = [f", once {waiting} of them have a consent of their voice"] if waiting else []
    if any(given.consent.scope.recordings is not None for given in request.consents):
        unsure.append("; whether a consent that lists recordings lists these is known once they are sealed")
    ctx.would(
        f"seal {fields.counted(good, 'recording')}, {len(refused)} refused, of {size:,} bytes, and register them at a cost of"
        f" at most {fields.ether(cost.fee_wei)} ETH" + "".join(unsure),
        recordings=good,
        withoutConsent=waiting,
        refused=[refusal.row() for refusal in refused],
        bytes=size,
        feeWei=str(cost.fee_wei),
    )


def _request(ctx: Context, paths: tuple[Path, ...], title: str, options: Mapping[str, object]) -> Request:
    """What the user asked for, read and checked before anything is done."""
    holder = ctx.address(_text(options["holder"]))
    authorization, terms_file, credits_file = options["authorization"], options["terms_file"], options["credits_file"]
    consents = [given(ctx, consent) for consent in _texts(options["consents"])]
    return Request(
        title=fields.text({"dataset": title}, "dataset"),
        kind=str(options["kind"]),
        language=str(options["language"]),
        terms=files.document(Path(str(terms_file)), Terms.parse, TERMS_BYTES),
        holder=holder,
        splits=splits_of(ctx, _texts(options["shares"]), holder),
        sources=sources(paths),
        consents=tuple(consent for _, consent in consents),
        tags=fields.texts({"tags": list(_texts(options["tags"]))}, "tags"),
        contributors=words.contributors(ctx, Path(str(credits_file)), consents) if credits_file else (),
        accept_review=bool(options["accept_review"]),
        publish_names=bool(options["publish_names"]),
        dispute=bool(options["dispute"]),
        authorization=files.document(Path(str(authorization)), parse) if authorization else None,
    )


def sources(paths: tuple[Path, ...]) -> tuple[Source, ...]:
    """Every audio file that is named, or lies in a folder that is named, each once, by name.

    Raises:
        Missing: a path that is not there.
        Invalid: no audio file at all.
    """
    from provenance.adapters.codec import is_audio

    by_path: dict[Path, Source] = {}
    for path in paths:
        if not path.exists():
            raise Missing(f"no file or folder {path}", next="Check the path.", path=str(path))
        inside = sorted(p for p in path.rglob("*") if p.is_file() and is_audio(p)) if path.is_dir() else [path]
        for file in inside:
            name = file.relative_to(path).as_posix() if path.is_dir() else file.name
            by_path.setdefault(file.resolve(), Source(file.resolve(), escaped(name)[-255:]))
    if not by_path:
        raise Invalid("no audio in these folders", next="Name wav, flac, mp3 or ogg files, or folders of them.")
    return tuple(by_path.values())


def splits_of(ctx: Context, shares: tuple[str, ...], holder: Address) -> tuple[Split, ...]:
    """The shares given, or all for the holder.

    Raises:
        Invalid: not ACCT=BPS, or they do not sum to 10,000.
    """
    if not shares:
        return (Split(holder, BPS_ONE),)
    chosen = []
    for share in shares:
        account, separator, bps = share.rpartition("=")
        if not separator:
            raise Invalid(f"--split {share[:80]!r} is not ACCT=BPS", field="split")
        chosen.append(Split(ctx.keystore.address(account), Bps(fields.integer({"split": bps}, "split", bits=14))))
    return splits.check(chosen)


def given(ctx: Context, text: str) -> tuple[str, Given]:
    """A consent's file, and the consent with the files it is given for and its words: `F` or `GLOB=F`."""
    pattern, separator, file = text.rpartition("=")
    if not separator or Path(text).exists():
        pattern, file = "", text
    consent = files.document(Path(file), SignedConsent.parse)
    words_ = words.of(Path(file), consent.scope)
    if consent.scope.words and not words_:
        ctx.out.say(f"{file}: its words are not beside it ({words.beside(Path(file)).name}); nothing is kept of them")
    return file, Given(consent, pattern or None, words_)


def _journal_name(chain: Chain, request: Request) -> str:
    """One upload's name on this disk: the same holder and title go on with the same journal."""
    title = unicodedata.normalize("NFC", request.title).encode()
    where = abi_words(chain.deployment.chain_id, chain.deployment.contracts["DatasetRegistry"], request.holder)
    return sha256(where + title).hex()[:16]


def sealing_ports(ctx: Context) -> SealingPorts:
    """What sealing needs, of this command."""
    from provenance.adapters.seal import Pao1

    return SealingPorts(
        content=ctx.content(),
        keys=KeyFolder(ctx.home / "keys"),
        cipher=Pao1(),
        gate=FileGate(),
        random=ctx.random,
        wallet=ctx.wallet(),
        chain=ctx.chain(),
        progress=ctx.out.progress,
    )


def _ports(ctx: Context, request: Request, name: str, journal: Journal) -> UploadPorts:

    wallet = ctx.wallet()

    def write(suffix: str, content: bytes) -> Path:
        path = (ctx.journals / FOLDER / f"{name}-{suffix}").absolute()
        files.write(path, content, replace=True)
        return path

    return UploadPorts(
        sealing=sealing_ports(ctx),
        gateway=ctx.gateway(wallet),
        journal=journal,
        transact=lambda call, title: ctx.send(call, title, wallet),
        agree=_agree(ctx, request),
        write=write,
        elsewhere=_elsewhere(ctx, request, name),
    )


def _agree(ctx: Context, request: Request) -> Callable[[Manifest], None]:
    """Asks once, for publishing and its cost, however often the manifest is built anew; the account can pay for the registration."""
    from provenance.adapters.chain import afford

    asked: list[str] = []

    def agree(manifest: Manifest) -> None:
        if not asked:
            asked.append(manifest.title)
            cost = ctx.chain().node.price(REGISTER_GAS)
            afford(ctx.chain().node, ctx.address(), [cost])
            ctx.out.say(public(manifest, names=request.publish_names))
            ctx.agree(
                f"register {manifest.title!r} for {shown_address(manifest.holder)}", [cost], question="Publish it?"
            )

    return agree


def public(manifest: Manifest, *, names: bool) -> str:
    """What everybody reads for ever, once the manifest is registered; `names` says that those of files do."""
    tags = f" tags {', '.join(manifest.tags)};" if manifest.tags else " no tags;"
    files = [recording.name for recording in manifest.recordings[:SHOWN_NAMES]]
    more = ", …" if len(manifest.recordings) > SHOWN_NAMES else ""
    named = f", and the FILE NAMES {', '.join(files)}{more}" if names else ""
    roles = sorted({code for consent in manifest.consents for code in consent.scope.codes})
    consents = fields.counted(len(manifest.consents), "consent") + (f" with {', '.join(roles)}" if roles else "")
    return (
        f"Public for ever: the title {manifest.title!r}, kind {manifest.kind}, language {manifest.language};{tags}"
        f" length and quality of {fields.counted(len(manifest.recordings), 'recording')}{named}; {consents}; holder, shares"
        f" and terms. Names of people{'' if names else ' and files'} and the audio stay sealed."
    )


def _elsewhere(ctx: Context, request: Request, name: str) -> dict[Bytes32, DatasetId]:
    """What this holder registered under the same terms in other uploads of this home, and the chain still knows."""
    same = (fields.shown(request.terms.terms_hash), fields.shown(request.holder))
    datasets: dict[Bytes32, DatasetId] = {}
    for path in sorted((ctx.journals / FOLDER).glob("*.jsonl")):
        for entry in journal.read(path) if path.stem != name else ():
            if entry.get("step") == "registered" and (entry.get("terms"), entry.get("holder")) == same:
                dataset = fields.word(entry, "datasetId")
                if is_registered(dataset, ctx.chain()):
                    datasets |= dict.fromkeys(fields.words(entry, "files", most=1 << 17), dataset)
    return datasets


def _say(ctx: Context, outcome: Outcome) -> int:
    """The result is on stdout; 1 if some files were refused."""
    mined = outcome.mined
    done = "registered" if mined else "registered before"
    lines = [
        f"Dataset {fields.shown(outcome.dataset_id)}",
        f"{fields.counted(outcome.recordings, 'recording')} {done}, {len(outcome.refused)} refused",
        *(f"  {refusal.name}: {refusal.reason}" for refusal in (*outcome.refused, *outcome.already)),
        *([f"Transaction {fields.shown(mined.tx)}, {mined.gas_used:,} gas"] if mined else []),
    ]
    ctx.out.emit(
        {
            "datasetId": fields.shown(outcome.dataset_id),
            "manifest": str(outcome.manifest_cid) if outcome.manifest_cid else None,
            "recordings": outcome.recordings,
            "refused": [refusal.row() for refusal in outcome.refused],
            "alreadyRegistered": [refusal.row() for refusal in outcome.already],
            "tx": fields.shown(mined.tx) if mined else None,
            "gas": mined.gas_used if mined else None,
        },
        text=lines,
    )
    return PARTLY if outcome.refused else 0


def _text(option: object) -> str | None:
    return option if isinstance(option, str) else None


def _texts(option: object) -> tuple[str, ...]:
    return tuple(str(text) for text in option) if isinstance(option, tuple) else ()
