"""One devnet with its operator, and the steps that several tests take on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import provenance
from provenance import config
from provenance.adapters import wire
from provenance.adapters.chain import EvmChain
from provenance.adapters.keys.keystore import Keystore
from provenance.app import settle
from provenance.app.ports import Call
from provenance.domain import fields
from provenance.types import Address, Bytes32
from tests.e2e.parties import Parties, parties
from tests.live_gateway import speech

PURPOSE = "inference.reference"
WINDOW_S = 3_700
PRICE = 1_000  # base units per output
PER_OUTPUT = f"output={fields.decimal(PRICE, 6)}"
HEX = 66  # 0x and 32 bytes


@dataclass(frozen=True, slots=True)
class OperatedNetwork:
    """What wallet commands see of the devnet; all named accounts live in one home."""

    here: Parties

    @property
    def room(self) -> Path:
        return self.here.room

    def run(self, *arguments: str, status: int = 0) -> Any:
        return self.here.inside(*arguments, status=status)

    def chain(self) -> EvmChain:
        return wire.chain(config.load(self.here.settings))

    def address(self, name: str) -> Address:
        return Keystore(self.room / "home" / "keystore").address(name)

    def tokens(self, name: str) -> int:
        (found,) = self.chain().read(Call("Token", "balanceOf", (self.address(name),)))
        assert isinstance(found, int)
        return found

    def takes(self, folder: str, names: Iterable[str], *, seed: int) -> Path:
        """A folder of audio like speech, each file another."""
        made = self.room / folder
        made.mkdir()
        for number, name in enumerate(names):
            (made / name).write_bytes(speech(seed * 1_000 + number, 3.0))
        return made

    def terms(self, name: str, account: str) -> str:
        file = self.room / f"{name}.json"
        self.run("terms", "new", str(file), "--purpose", PURPOSE, "--territory", "WW", "--per-license", "0",
                 "--per-unit", PER_OUTPUT, "--account", account)  # fmt: skip
        return str(file)

    def consent(self, name: str, voice: str, holder: str) -> tuple[str, str]:
        """(file, consent id) of a consent to everything by this holder."""
        file = self.room / f"{name}.json"
        made = self.run("consent", "grant", "--voice", "me", "--holder", holder, "--purpose", PURPOSE, "--territory",
                        "WW", "--until", "1y", "--out", str(file), "--account", voice)  # fmt: skip
        return str(file), str(made["id"])

    def upload(self, folder: Path, title: str, terms: str, account: str, *more: str) -> Any:
        return self.run("upload", str(folder), "--dataset", title, "--terms", terms, "--kind", "voice", "--language",
                        "en", "--accept-review", "--account", account, *more)  # fmt: skip

    def license(self, dataset: str, holder: str, tokens: str | None = None, *, days: int = 180) -> str:
        """A license of the licensee's, funded."""
        file = self.room / f"offer-{dataset[:10]}-{len(list(self.room.glob('offer-*')))}.json"
        self.run("license", "offer", dataset, "--purpose", PURPOSE, "--licensee", "licensee", "--expires", f"{days}d",
                 "--out", str(file), "--account", holder)  # fmt: skip
        made: str = self.run("license", "accept", str(file), "--account", "licensee")["license"]
        if tokens:
            self.fund(made, tokens)
        return made

    def fund(self, license_id: str, tokens: str) -> None:
        self.run("license", "fund", license_id, tokens, "--account", "licensee")

    def open(self, license_id: str, *names: str, status: int = 0) -> Any:
        return self.run("access", "open", license_id, *names, "--purpose", PURPOSE, "--territory", "DE", "--account",
                        "licensee", status=status)  # fmt: skip

    def meter(self, license_id: str, units: int, *, hours: int = 1) -> provenance.Meter:
        settings = config.load(self.here.settings, {"account": "licensee"})
        return provenance.Meter(license_id, model="tiny@1", purpose=PURPOSE, territory="DE", max_units=units,
                                hours=hours, settings=settings)  # fmt: skip

    def use(self, license_id: str, weights: Mapping[Bytes32, float], outputs: int, *, most: int) -> None:
        """So many delivered outputs in one session, all acknowledged."""
        with self.meter(license_id, most) as meter:
            for number in range(outputs):
                meter.record(output=f"{license_id} {number}".encode(), weights=weights)

    def epoch(self) -> Mapping[str, Any]:
        """Everything is anchored, settled, past its window and paid; the epoch's manifest."""
        self.run("node", "anchor")
        self.run("node", "settle")
        self.run("devnet", "advance", str(WINDOW_S))
        self.run("node", "pay")
        return settle.latest(self.chain(), wire.store(config.load(self.here.settings)))[1].manifest

    def statement(self, account: str) -> Any:
        return self.run("earnings", "statement", "--account", account)

    def audited(self) -> Any:
        return self.run("audit", "run")


def pot(manifest: Mapping[str, Any], license_id: str) -> dict[str, int]:
    """What an epoch says of one license's money."""
    [found] = [one for one in manifest["pots"] if one["licenseId"] == license_id]
    names = ("due", "arrears", "balance", "gross", "fee", "held", "pot", "owed")
    return {name: fields.integer(found, name, bits=256) for name in names}


@contextmanager
def operated_network(room: Path) -> Iterator[OperatedNetwork]:
    with parties(room) as made:
        made.start_operator()
        yield OperatedNetwork(made)
