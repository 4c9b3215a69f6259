"""What is installed, reachable or misconfigured here, with the next step for each."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

from provenance.cli.context import Context
from provenance.cli.frame import command
from provenance.config import DEFAULT_NETWORK
from provenance.errors import ProvenanceError, Unavailable
from provenance.types import Json

State = Literal["ok", "absent", "problem"]

EXTRAS: Final = {
    "node": ("sqlmodel", "the operator's commands"),
    "media": ("av", "m4a and other containers"),
    "ipfshttpclient": ("ipfshttpclient", "Kubo through ipfshttpclient"),
}
PROGRAMS: Final = (
    ("node", ("node",), "the local chain and the contract tools", "Install Node.js 20 or newer."),
    ("postgresql", ("postgres", "pg_ctl"), "an operator's database on PostgreSQL", "apt-get install postgresql"),
    ("chromium", ("chromium", "chromium-browser"), "tests in a browser", "apt-get install chromium"),
    ("kubo", ("ipfs",), "content on a Kubo node", "Install Kubo 0.40 or newer; the embedded store needs none."),
)
FREE_BYTES: Final = 1 << 30
PRIVATE: Final = 0o077


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing looked at. `absent` is optional and not there; `problem` wants doing."""

    name: str
    state: State
    detail: str
    next_step: str = ""

    def row(self) -> dict[str, Json]:
        """The finding as part of a document."""
        return {"name": self.name, "state": self.state, "detail": self.detail, "next": self.next_step or None}


@command(None, "doctor", example=("provenance doctor", "provenance doctor --network devnet --json"))
def doctor(ctx: Context) -> int:
    """Look at what is installed, reachable and configured; say the next step for each problem.

    Exits 1 when something wants doing; what is optional and absent does not count.
    """
    findings = list(examine(ctx))
    problems = sum(finding.state == "problem" for finding in findings)
    marks = {"ok": "ok     ", "absent": "absent ", "problem": "PROBLEM"}
    lines: list[str] = []
    for finding in findings:
        lines.append(f"{marks[finding.state]}  {finding.name}: {finding.detail}")
        lines += [f"         Next: {finding.next_step}"] if finding.next_step else []
    lines += ["", f"{problems} to put right." if problems else "Everything that is needed is there."]
    ctx.out.emit({"problems": problems, "findings": [finding.row() for finding in findings]}, text=lines)
    return 1 if problems else 0


def examine(ctx: Context) -> Iterator[Diagnosis]:
    """Every finding, from what is installed to what can be reached."""
    yield _python()
    yield from _extras()
    yield from _programs()
    settings = _tried(
        "settings", lambda: Diagnosis("settings", "ok", str(ctx.settings.file or "defaults; no settings file"))
    )
    yield settings
    if settings.state == "problem":
        return
    yield _tried("home", lambda: _home(ctx.home))
    yield _tried("accounts", lambda: _accounts(ctx))
    if ctx.settings.network not in ctx.settings.networks:
        yield _unknown_network(ctx)
        return
    yield _tried("chain", lambda: _chain(ctx))
    yield _tried("gateway", lambda: _gateway(ctx))
    yield _tried("content", lambda: _content(ctx))


def _tried(name: str, look: Callable[[], Diagnosis]) -> Diagnosis:
    try:
        return look()
    except ProvenanceError as error:
        return Diagnosis(name, "problem", error.detail, error.next_step)
    except OSError as error:
        return Diagnosis(name, "problem", str(error), "Correct the path or its permissions.")


def _python() -> Diagnosis:
    here = ".".join(map(str, sys.version_info[:3]))
    try:
        return Diagnosis("provenance", "ok", f"{version('provenance-network')} on Python {here}")
    except PackageNotFoundError:
        return Diagnosis("provenance", "problem", "the package is not installed", "make setup")


def _extras() -> Iterator[Diagnosis]:
    for name, (module, purpose) in EXTRAS.items():
        there = find_spec(module) is not None
        step = "" if there else f"pip install 'provenance-network[{name}]'"
        yield Diagnosis(f"extra {name}", "ok" if there else "absent", purpose, step)


def _programs() -> Iterator[Diagnosis]:
    for name, commands, purpose, step in PROGRAMS:
        places = [shutil.which(program) for program in commands]
        places += [str(path) for path in Path("/usr/lib/postgresql").glob("*/bin/pg_ctl") if name == "postgresql"]
        place = next(filter(None, places), None)
        yield Diagnosis(name, "ok" if place else "absent", f"{place or 'not found'} ({purpose})", "" if place else step)
    yield _tried_tool("anvil")
    yield _fingerprints()


def _tried_tool(name: str) -> Diagnosis:
    from provenance.adapters.anvil import tool

    try:
        return Diagnosis(name, "ok", f"{tool(name)} (the local chain)")
    except ProvenanceError as error:
        return Diagnosis(name, "absent", error.detail, error.next_step)


def _fingerprints() -> Diagnosis:
    from provenance.adapters import marks

    purpose = "fingerprints in the private part of a manifest"
    if marks.chromaprint() is None:
        step = "apt-get install libchromaprint1, or brew install chromaprint; uploads go on without."
        return Diagnosis("chromaprint", "absent", f"{marks.LIBRARY} is not installed ({purpose})", step)
    return Diagnosis("chromaprint", "ok", purpose)


def _unknown_network(ctx: Context) -> Diagnosis:
    """The default network may be absent; one that somebody asked for must be there."""
    name, known = ctx.settings.network, ", ".join(sorted(ctx.settings.networks))
    asked = "network" in ctx.settings.model_fields_set
    step = f"Add [networks.{name}] to the settings file" + (f", or name one that is there: {known}." if known else ".")
    if name == DEFAULT_NETWORK or not asked:
        step = "`provenance devnet up` makes one."
    return Diagnosis("network", "problem" if asked else "absent", f"{name} is not in the settings", step)


def _home(home: Path) -> Diagnosis:
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if free < FREE_BYTES:
        return Diagnosis(
            "home", "problem", f"{home}: less than 1 GiB free", "Free some space, or choose another --home."
        )
    kept = [home / name for name in ("keystore", "keys") if (home / name).is_dir()]
    loose = [path for folder in kept for path in folder.rglob("*") if path.is_file() and path.stat().st_mode & PRIVATE]
    if loose:
        return Diagnosis("home", "problem", f"others can read {loose[0]}", f"chmod -R go= {loose[0].parent}")
    return Diagnosis("home", "ok", str(home) if home.exists() else f"{home} (made when needed)")


def _accounts(ctx: Context) -> Diagnosis:
    names = ctx.keystore.names()
    if not names:
        return Diagnosis("accounts", "absent", "none yet", "`provenance account create NAME` makes one.")
    faults = [account.fault for account in ctx.keystore.accounts() if account.fault]
    if faults:
        return Diagnosis("accounts", "problem", faults[0].detail, faults[0].next_step)
    return Diagnosis("accounts", "ok", ", ".join(names))


def _chain(ctx: Context) -> Diagnosis:
    number = ctx.chain().head().number
    return Diagnosis("chain", "ok", f"{ctx.settings.network}: block {number}, contracts as deployed")


def _gateway(ctx: Context) -> Diagnosis:
    url = ctx.network.gateway
    if not url:
        return Diagnosis("gateway", "absent", "none in the settings", "Set `gateway` in the network's settings.")
    gateway = ctx.gateway()
    gateway.health()
    try:
        gateway.ready()
    except Unavailable as error:
        return Diagnosis("gateway", "problem", f"{url}: {error.detail}", error.next_step)
    return Diagnosis("gateway", "ok", url)


def _content(ctx: Context) -> Diagnosis:
    ctx.content()
    named = ", ".join(ctx.network.content)
    return Diagnosis("content", "ok", f"{ctx.home / 'content'}" + (f", then {named}" if named else ""))
