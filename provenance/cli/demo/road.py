"""In which order does everybody act, from a recording to a paid, audited royalty?"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from provenance import config
from provenance.cli.demo import licensee, royalties
from provenance.cli.demo.licensee import PURPOSE, TERRITORY
from provenance.errors import Unavailable
from provenance.types import Bytes32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.cli.demo.cast import Folder
    from provenance.cli.demo.stage import Stage

NOT_LICENSED: Final = "train.voice-clone"
PER_OUTPUT: Final = 10_000  # base units: one cent of a 6-decimal token
PER_LICENSE: Final = 5_000_000
FUNDED_TOKENS: Final = "25"
OUTPUTS: Final = 24
LATE_OUTPUTS: Final = 2
WINDOW_S: Final = 3_700  # a little more than the devnet's challenge window of one hour
READY_WITHIN_S: Final = 30


@dataclass(slots=True)
class Holding:
    """One rights holder's part of the road."""

    number: int
    folder: Folder
    dataset: str = ""
    recordings: int = 0
    license: str = ""
    consent: Path | None = None
    shelf: licensee.Shelf | None = None

    @property
    def holder(self) -> str:
        """The rights holder's account."""
        return f"holder-{self.number}"

    @property
    def voice(self) -> str:
        """The voice owner's account."""
        return f"voice-{self.number}"


def walk(stage: Stage, room: Path, folders: Sequence[Folder]) -> dict[str, Any]:
    """The whole road was walked; what it came to, as `--json` prints it. The present folder is `room`."""
    holdings = [Holding(number, folder) for number, folder in enumerate(folders, 1)]
    _open(stage, room)
    stage.act("Voice owners consent, rights holders register")
    for one in holdings:
        _register(stage, room, one)
    stage.act("The licensee accepts offers, funds its licenses and opens access")
    for one in holdings:
        _license(stage, one)
    stage.remark("A purpose that the license does not name is refused, by name:")
    _open_access(stage, holdings[0], NOT_LICENSED, refusal="purpose-not-licensed")
    accesses = 0
    for one in holdings:
        accesses += len(_open_access(stage, one, PURPOSE)["accesses"])
        _download(stage, one)
    stage.act("The licensee's model makes outputs; every use is metered, signed and acknowledged")
    studio = licensee.Studio(stage, room)
    studio.make([one.shelf for one in holdings if one.shelf], outputs=OUTPUTS)
    stage.operate("node", "anchor")
    stage.act("One voice owner withdraws her consent")
    last = holdings[-1]
    stage.play("consent", "revoke", str(last.consent), "--account", last.voice)
    stage.remark("From the next block on, her recordings are refused:")
    _open_access(stage, last, PURPOSE, refusal="consent-withdrawn")
    stage.remark("What the licensee makes of them all the same is charged, held, and not paid out:")
    studio.make([last.shelf] if last.shelf else [], outputs=LATE_OUTPUTS)
    stage.operate("node", "anchor")
    settled = _settle(stage, holdings)
    stage.act("An auditor recomputes everything, from the node and the content alone")
    audit = stage.play("audit", "run")
    stage.play("audit", "trace", studio.receipts[0])
    return {
        "verdict": audit["verdict"],
        "datasets": len(holdings),
        "recordings": sum(one.recordings for one in holdings),
        "licenses": len(holdings),
        "accesses": accesses,
        "denied": stage.denied,
        "receipts": len(studio.receipts),
        **settled,
        "audit": {
            "verdict": audit["verdict"],
            "checks": [{"name": one["name"], "verdict": one["verdict"]} for one in audit["checks"]],
        },
        "gas": stage.gas,
    }


def _open(stage: Stage, room: Path) -> None:
    """The chain runs, the operator serves."""
    port = _free_port()
    config.save({"": {"home": "home", "network": "devnet"}, "node": {"listen": f"127.0.0.1:{port}"}}, path=stage.config)
    stage.act("A local chain, the contracts, a token, and an operator")
    stage.remark(f"cd {room}")
    stage.play("devnet", "up")
    config.save_network("devnet", {"gateway": f"http://127.0.0.1:{port}"}, path=stage.config)
    stage.start("node", "follow", log=room / "follow.log")
    stage.start("node", "serve", log=room / "serve.log")
    _await_ready(stage)


def _await_ready(stage: Stage) -> None:
    """The gateway says that it is ready; bounded, because a server that never starts is an answer too."""
    from provenance.adapters import wire

    gateway = wire.gateway(config.load(stage.config))
    until = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            gateway.ready()
        except Unavailable:
            if time.monotonic() > until or not stage.alive():
                raise
            time.sleep(0.1)
        else:
            return


def _register(stage: Stage, room: Path, one: Holding) -> None:
    """The voice owner consents to these recordings, and the dataset is on chain."""
    stage.remark(f"{one.holder} has the recordings of {one.folder.name}; the voice is {one.voice}'s.")
    terms, consent = Path(f"terms-{one.number}.json"), Path(f"consent-{one.number}.json")
    stage.play(
        "terms", "new", str(terms), "--purpose", PURPOSE, "--purpose", "evaluate", "--territory", "WW",
        "--per-license", str(PER_LICENSE), "--per-unit", f"output={PER_OUTPUT}", "--account", one.holder,
    )  # fmt: skip
    upload = [
        "upload", str(one.folder.path), "--dataset", f"Voice {one.number}", "--terms", str(terms), "--kind", "voice",
        "--language", "en", "--accept-review", "--account", one.holder,
    ]  # fmt: skip
    if one.number == 2:
        upload += ["--split", f"{one.holder}=7000", "--split", f"{one.voice}=3000"]
    asked = stage.play(*upload, refusal="consent-needed")
    stage.play(
        "consent", "grant", "--voice", "me", "--holder", one.holder, "--purpose", PURPOSE, "--purpose", "evaluate",
        "--territory", "WW", "--until", "1y", "--recordings", str(Path(asked["file"]).relative_to(room)), "--out", str(consent),
        "--account", one.voice,
    )  # fmt: skip
    made = stage.play(*upload, "--consent", str(consent), partly=True)
    one.consent, one.dataset, one.recordings = consent, made["datasetId"], int(made["recordings"])


def _license(stage: Stage, one: Holding) -> None:
    """The licensee holds a funded license."""
    offer = Path(f"offer-{one.number}.json")
    stage.play(
        "license", "offer", one.dataset, "--purpose", PURPOSE, "--licensee", "licensee", "--expires", "180d",
        "--out", str(offer), "--account", one.holder,
    )  # fmt: skip
    one.license = stage.play("license", "accept", str(offer), "--account", "licensee")["license"]
    stage.play("license", "fund", one.license, FUNDED_TOKENS, "--account", "licensee")


def _open_access(stage: Stage, one: Holding, purpose: str, refusal: str = "") -> Any:
    return stage.play(
        "access", "open", one.license, "--purpose", purpose, "--territory", TERRITORY, "--account", "licensee",
        refusal=refusal,
    )  # fmt: skip


def _download(stage: Stage, one: Holding) -> None:
    had = stage.play(
        "access", "download", one.license, "--purpose", PURPOSE, "--territory", TERRITORY, "--out",
        str(Path("licensed") / one.holder), "--account", "licensee",
    )  # fmt: skip
    paths = {Bytes32(bytes.fromhex(file["recordingId"][2:])): Path(file["path"]) for file in had["files"]}
    one.shelf = licensee.shelf(one.license, paths)


def _settle(stage: Stage, holdings: Sequence[Holding]) -> dict[str, Any]:
    """The epoch is proposed, its window has passed, and everybody is paid."""
    stage.act("The operator settles; after the window everybody is paid")
    stage.operate("node", "settle")
    stage.play("devnet", "advance", str(WINDOW_S))
    first = holdings[0]
    stage.play("earnings", "show", "--account", first.holder)
    stage.play("earnings", "statement", "--account", first.holder)
    stage.play("earnings", "claim", "--account", first.holder)
    stage.operate("node", "pay")
    names = {one.holder: one.folder.name for one in holdings} | {one.voice: one.folder.name for one in holdings}
    found = royalties.table(config.load(stage.config), names)
    for line in found.lines():
        stage.remark(line)
    return found.document()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
