"""The demo's order of events, from a recording to a paid, audited royalty: who runs which command when."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from provenance import config
from provenance.adapters import wire
from provenance.cli.demo import licensee, royalties
from provenance.cli.demo.licensee import PURPOSE, TERRITORY
from provenance.errors import Failed, Unavailable
from provenance.types import Bytes32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.adapters.remote import HttpGateway
    from provenance.cli.demo.holders import Folder
    from provenance.cli.demo.runner import Runner

NOT_LICENSED: Final = "train.voice-clone"
PER_OUTPUT: Final = "0.01"  # tokens
PER_LICENSE: Final = "5"
FUNDED_TOKENS: Final = "25"
OUTPUTS: Final = 24
LATE_OUTPUTS: Final = 2
WINDOW_S: Final = 3_700  # a little more than the devnet's challenge window of one hour
READY_WITHIN_S: Final = 300  # on a machine under load; a server that dies ends the wait at once


@dataclass(slots=True)
class Holding:
    """One rights holder's part of the walkthrough."""

    number: int
    folder: Folder
    dataset: str = ""
    recordings: int = 0
    license: str = ""
    consent: Path | None = None
    audio: licensee.LicensedAudio | None = None

    @property
    def holder(self) -> str:
        """The rights holder's account."""
        return f"holder-{self.number}"

    @property
    def voice(self) -> str:
        """The voice owner's account."""
        return f"voice-{self.number}"


def run(runner: Runner, folder: Path, folders: Sequence[Folder]) -> dict[str, Any]:
    """Everybody has acted; what it came to, as `--json` prints it. The present folder is `folder`."""
    holdings = [Holding(number, folder) for number, folder in enumerate(folders, 1)]
    _open(runner, folder)
    runner.section("Voice owners consent, rights holders register")
    for holding in holdings:
        _register(runner, folder, holding)
    runner.section("The licensee accepts offers, funds its licenses and opens access")
    for holding in holdings:
        _license(runner, holding)
    runner.note("A purpose that the license does not name is refused, by name:")
    _open_access(runner, holdings[0], NOT_LICENSED, refusal="purpose-not-licensed")
    accesses = 0
    for holding in holdings:
        accesses += len(_open_access(runner, holding, PURPOSE)["accesses"])
        _download(runner, holding)
    runner.section("The licensee's model makes outputs; every use is metered, signed and acknowledged")
    model_server = licensee.ModelServer(runner, folder)
    model_server.make([holding.audio for holding in holdings if holding.audio], outputs=OUTPUTS)
    runner.operator("node", "anchor")
    runner.section("One voice owner withdraws her consent")
    last = holdings[-1]
    runner.wallet("consent", "revoke", str(last.consent), "--account", last.voice)
    runner.note("From the next block on, her recordings are refused:")
    _open_access(runner, last, PURPOSE, refusal="consent-withdrawn")
    runner.note("What the licensee makes of them all the same is charged, held, and not paid out:")
    model_server.make([last.audio] if last.audio else [], outputs=LATE_OUTPUTS)
    runner.operator("node", "anchor")
    settled = _settle(runner, holdings)
    runner.section("An auditor recomputes everything, from the node and the content alone")
    audit = runner.wallet("audit", "run")
    runner.wallet("audit", "trace", model_server.receipts[0])
    return {
        "verdict": audit["verdict"],
        "datasets": len(holdings),
        "recordings": sum(holding.recordings for holding in holdings),
        "licenses": len(holdings),
        "accesses": accesses,
        "denied": runner.denied,
        "receipts": len(model_server.receipts),
        **settled,
        "audit": {
            "verdict": audit["verdict"],
            "checks": [{"name": check["name"], "verdict": check["verdict"]} for check in audit["checks"]],
        },
        "gas": runner.gas,
    }


def _open(runner: Runner, folder: Path) -> None:
    """The chain runs, the operator serves."""
    port = _free_port()
    config.save(
        {"": {"home": "home", "network": "devnet"}, "node": {"listen": f"127.0.0.1:{port}"}}, path=runner.config
    )
    runner.section("A local chain, the contracts, a token, and an operator")
    runner.note(f"cd {folder}")
    runner.wallet("devnet", "up")
    config.save_network("devnet", {"gateway": f"http://127.0.0.1:{port}"}, path=runner.config)
    runner.serve("node", "follow", log=folder / "follow.log")
    runner.serve("node", "serve", log=folder / "serve.log")
    await_ready(runner, wire.gateway(config.load(runner.config)))


def await_ready(runner: Runner, gateway: HttpGateway) -> None:
    """The gateway says that it is ready.

    Raises:
        Failed: a server of the operator has ended.
        Unavailable: none has, and none is ready in time.
    """
    until = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            gateway.ready()
        except Unavailable:
            if not runner.alive():
                raise Failed(
                    "a server of the operator ended before it was ready",
                    next="Run it again with --keep DIR and look at DIR/*.log.",
                ) from None
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def _register(runner: Runner, folder: Path, holding: Holding) -> None:
    """The voice owner consents to these recordings, and the dataset is on chain."""
    runner.note(f"{holding.holder} has the recordings of {holding.folder.name}; the voice is {holding.voice}'s.")
    terms, consent = Path(f"terms-{holding.number}.json"), Path(f"consent-{holding.number}.json")
    runner.wallet(
        "terms", "new", str(terms), "--purpose", PURPOSE, "--purpose", "evaluate", "--territory", "WW",
        "--per-license", PER_LICENSE, "--per-unit", f"output={PER_OUTPUT}", "--account", holding.holder,
    )  # fmt: skip
    upload = [
        "upload", str(holding.folder.path), "--dataset", f"Voice {holding.number}", "--terms", str(terms), "--kind", "voice",
        "--language", "en", "--accept-review", "--account", holding.holder,
    ]  # fmt: skip
    if holding.number == 2:
        upload += ["--split", f"{holding.holder}=7000", "--split", f"{holding.voice}=3000"]
    asked = runner.wallet(*upload, refusal="consent-needed")
    runner.wallet(
        "consent", "grant", "--voice", "me", "--holder", holding.holder, "--purpose", PURPOSE, "--purpose", "evaluate",
        "--territory", "WW", "--until", "1y", "--recordings", str(Path(asked["file"]).relative_to(folder)), "--out", str(consent),
        "--account", holding.voice,
    )  # fmt: skip
    uploaded = runner.wallet(*upload, "--consent", str(consent), partly=True)
    holding.consent, holding.dataset, holding.recordings = consent, uploaded["datasetId"], int(uploaded["recordings"])


def _license(runner: Runner, holding: Holding) -> None:
    """The licensee holds a funded license."""
    offer = Path(f"offer-{holding.number}.json")
    runner.wallet(
        "license", "offer", holding.dataset, "--purpose", PURPOSE, "--licensee", "licensee", "--expires", "180d",
        "--out", str(offer), "--account", holding.holder,
    )  # fmt: skip
    accept = ("license", "accept", str(offer), "--deposit", FUNDED_TOKENS, "--account", "licensee")
    holding.license = runner.wallet(*accept)["license"]


def _open_access(runner: Runner, holding: Holding, purpose: str, refusal: str = "") -> Any:
    return runner.wallet(
        "access", "open", holding.license, "--purpose", purpose, "--territory", TERRITORY, "--account", "licensee",
        refusal=refusal,
    )  # fmt: skip


def _download(runner: Runner, holding: Holding) -> None:
    had = runner.wallet(
        "access", "download", holding.license, "--purpose", PURPOSE, "--territory", TERRITORY, "--out",
        str(Path("licensed") / holding.holder), "--account", "licensee",
    )  # fmt: skip
    paths = {Bytes32(bytes.fromhex(file["recordingId"][2:])): Path(file["path"]) for file in had["files"]}
    holding.audio = licensee.audio(holding.license, paths)


def _settle(runner: Runner, holdings: Sequence[Holding]) -> dict[str, Any]:
    """The epoch is proposed, its window has passed, and everybody is paid."""
    runner.section("The operator settles; after the window everybody is paid")
    runner.operator("node", "settle")
    runner.wallet("devnet", "advance", str(WINDOW_S))
    first = holdings[0]
    runner.wallet("earnings", "show", "--account", first.holder)
    runner.wallet("earnings", "statement", "--account", first.holder)
    runner.wallet("earnings", "claim", "--account", first.holder)
    runner.operator("node", "pay")
    names = {holding.holder: holding.folder.name for holding in holdings} | {
        holding.voice: holding.folder.name for holding in holdings
    }
    table = royalties.table(config.load(runner.config), names)
    for line in table.lines():
        runner.note(line)
    return table.document()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
