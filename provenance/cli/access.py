"""The commands of a licensee who reads: `provenance access …`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NoReturn

import click

from provenance.adapters.journal import FileJournal
from provenance.app import access as use_case, download as files
from provenance.cli.context import Context
from provenance.cli.frame import PATH, command, group
from provenance.cli.values import ID, shown_time
from provenance.domain.fields import counted
from provenance.types import Bytes32, Json


@group("access")
def access() -> None:
    """Open and download licensed recordings."""


_license = click.argument("license_id", type=ID, metavar="LICENSE")
_recordings = click.argument("recordings", nargs=-1, metavar="[RECORDING]...")
_member = click.option(
    "--member",
    type=ID,
    metavar="DATASET",
    help="Under a pool's license: whose recordings, a member that `pool show` lists.",
)
_purpose = click.option("--purpose", required=True, metavar="CODE", help="What the recordings are read for.")
_territory = click.option("--territory", required=True, metavar="CC", help="Country of the use, two letters.")


@command(
    access,
    "open",
    example=(
        "provenance access open 0x8b…07 --purpose train.tts --territory DE",
        "provenance access open 0x8b…07 0001.wav 0002.wav --purpose train.tts --territory DE",
        "provenance access open 0x8b…07 --member 0x5a…c1 --purpose train.tts --territory DE",
    ),
)
@_license
@_recordings
@_member
@_purpose
@_territory
def open_(
    ctx: Context,
    license_id: Bytes32,
    recordings: tuple[str, ...],
    member: Bytes32 | None,
    purpose: str,
    territory: str,
) -> int:
    """Open a lease under LICENSE: checked, put on chain, its keys kept here. All recordings if none is named."""
    use = use_case.LicensedUse.of(license_id, purpose, territory, member)
    if ctx.dry_run:
        _would(ctx, use, recordings, "open")
    with _world(ctx, use) as world:
        done = use_case.open_lease(world, use, recordings)
    ctx.out.emit(
        {
            "license": f"0x{license_id.hex()}",
            "opened": list(done.opened),
            "names": [done.dataset.manifest.recordings[index].name for index in done.opened],
            "accesses": [
                {
                    "access": f"0x{lease.id.hex()}",
                    "recordings": len(lease.recordings),
                    "until": shown_time(lease.access.valid_until),
                }
                for lease in done.leases
            ],
            "refused": list(done.refused),
        },
        text=(
            f"Opened {counted(len(done.opened), 'recording')} under {counted(len(done.leases), 'lease')}.",
            *_refusal_lines(done.refused),
        ),
    )
    return 1 if done.refused else 0


@command(
    access,
    "download",
    example="provenance access download 0x8b…07 --purpose train.tts --territory DE --out voices",
)
@_license
@_recordings
@_member
@_purpose
@_territory
@click.option("--out", type=PATH, metavar="DIR", help="Folder to write to; the license's id under the present one.")
def download(
    ctx: Context,
    license_id: Bytes32,
    recordings: tuple[str, ...],
    member: Bytes32 | None,
    *,
    purpose: str,
    territory: str,
    out: Path | None,
) -> int:
    """Write decrypted recordings to DIR, opening leases where needed; what is there already is left."""
    use = use_case.LicensedUse.of(license_id, purpose, territory, member)
    folder = out or Path(license_id.hex()[:16], *([member.hex()[:16]] if member else []))
    if ctx.dry_run:
        _would(ctx, use, recordings, "write", where=f" to {folder}", path=str(folder))
    with _world(ctx, use) as world:
        done = files.download(world, use, folder, recordings)
    ctx.out.emit(
        {
            "license": f"0x{license_id.hex()}",
            "files": [{"recordingId": f"0x{file.recording_id.hex()}", "path": str(file.path)} for file in done.files],
            "thereBefore": done.there_before,
            "refused": list(done.refused),
        },
        text=(
            f"{counted(len(done.files), 'recording')} in {folder} (there before: {done.there_before}).",
            *_refusal_lines(done.refused),
        ),
    )
    return 1 if done.refused else 0


def _would(
    ctx: Context, use: use_case.LicensedUse, recordings: tuple[str, ...], verb: str, *, where: str = "", **facts: Json
) -> NoReturn:
    """Refused as the gateway would refuse, as far as this side can tell; else what it would cost."""
    who = ctx.address()
    prospects = use_case.preview(ctx.chain(), ctx.content(), use, who, recordings)
    for line in _refusal_lines(prospects.refused):
        ctx.out.warn(line)
    ctx.would_send(
        f"{verb} {counted(len(prospects.opened), 'recording')}{where} and record the access: DataAccess.recordAccess",
        (prospects.record,),
        who,
        license=f"0x{use.license_id.hex()}",
        recordings=list(recordings),
        opened=list(prospects.opened),
        refused=list(prospects.refused),
        **facts,
    )


@contextmanager
def _world(ctx: Context, use: use_case.LicensedUse) -> Iterator[use_case.AccessWorld]:
    from provenance.adapters.seal import Pao1

    wallet = ctx.wallet()
    name = "-".join(part.hex() for part in (use.license_id, use.member) if part)
    with FileJournal(ctx.journals / "leases" / f"{name}.jsonl") as journal:
        yield use_case.AccessWorld(
            chain=ctx.chain(),
            content=ctx.content(),
            gateway=ctx.gateway(wallet),
            wallet=wallet,
            cipher=Pao1(),
            journal=journal,
            clock=ctx.clock,
            random=ctx.random,
            progress=ctx.out.progress,
            send=partial(ctx.transact, means=f"record that recordings of license 0x{use.license_id.hex()} are read"),
            pause=time.sleep,
        )


def _refusal_lines(refused: Sequence[dict[str, Json]]) -> tuple[str, ...]:
    """One line per refused recording, with its reason and the license or consent behind it."""
    return tuple(
        f"Refused: recording {decision.get('recording')}, {decision.get('code')}"
        + "".join(f", {name} {decision[name]}" for name in ("license", "consent") if decision.get(name))
        for decision in refused
    )
