"""A licensee reads over a real gateway and a real chain: what is opened, refused, resumed and never left half-done."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provenance.adapters.journal import FileJournal, read
from provenance.adapters.keys.keystore import SystemRandom
from provenance.adapters.seal import Pao1
from provenance.app import access, download
from provenance.app.ports import RecordingKey
from provenance.domain import batch, merkle, refusal
from provenance.domain.events import AccessRecorded
from provenance.domain.rules.reason import Reason
from provenance.errors import Conflict, Denied, Failed, Invalid, Unavailable
from provenance.types import ZERO32, Bytes32
from tests.fakes.content import MemoryContent
from tests.live_gateway import LiveGateway, Package, live_gateway, speech
from tests.unit.app.publishing import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.anvil import World

READ, TRAIN = 0b10, 0b100


@pytest.fixture(scope="module")
def live(chain_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    with live_gateway(chain_world, tmp_path_factory.mktemp("gateway")) as made:
        yield made


class Died(BaseException):
    """The process ended here."""


@dataclass
class Reader:
    """A licensee's home: what is on its disk survives, everything else is made anew for each command."""

    live: LiveGateway
    package: Package
    license_id: Bytes32
    folder: Path
    name: str = "licensee"

    def run(self, what, *names: str, purpose: int = READ, territory: bytes = b"DE", changed=None, **options):
        """One command: a new process with the same home."""
        content = MemoryContent()
        for data in (self.package.manifest.encode(), self.package.terms.encode()):
            content.put(data)
        wallet = self.live.wallets[self.name]
        chain = self.live.world.connect()
        with FileJournal(self.folder / "leases.jsonl") as journal:
            world = access.AccessWorld(
                chain=chain,
                content=content,
                gateway=self.live.client(self.name),
                wallet=wallet,
                cipher=Pao1(),
                journal=journal,
                clock=self.live.node.clock,
                random=SystemRandom(),
                progress=SilentProgress(),
                send=lambda call, _title: chain.send(call, wallet.signer),
                pause=time.sleep,
            )
            use = access.LicensedUse(self.license_id, purpose, territory)
            return what(changed(world) if changed else world, use, *options.values(), names)

    def open(self, *names: str, **options):
        return self.run(access.open_lease, *names, **options)

    def download(self, *names: str, **options):
        return self.run(download.download, *names, out=self.folder / "out", **options)

    def recorded(self) -> int:
        return sum(isinstance(one.event, AccessRecorded) for one in self.live.world.chain.about(self.license_id))

    def files(self) -> dict[str, bytes]:
        return {one.name: one.read_bytes() for one in sorted((self.folder / "out").iterdir())}


@pytest.fixture
def reader(live: LiveGateway, tmp_path: Path, request: pytest.FixtureRequest) -> Reader:
    """Three takes of two voices: 0 and 2 of one, 1 of the other."""
    first, second = live.consent(voice="voice"), live.consent(voice="voice-2")
    seed = sum(request.node.name.encode()) * 10
    audio = [speech(seed + n, 1.0) for n in range(3)]
    package = live.published(audio, consents=[first, second, first], title=request.node.name)
    return Reader(live, package, live.license(package), tmp_path)


def withdraw(reader: Reader, index: int, voice: str) -> Bytes32:
    (consent_id,) = reader.package.manifest.recordings[index].consent_ids
    reader.live.send(voice, "ConsentRegistry", "revokeConsent", consent_id, ZERO32)
    return consent_id


def test_what_is_downloaded_is_the_original_byte_for_byte(reader: Reader):
    done = reader.download()
    assert [one.path.name for one in done.files] == ["0001.wav", "0002.wav", "0003.wav"]
    assert list(reader.files().values()) == reader.package.plain
    assert reader.recorded() == 1
    (found,) = [
        one.event for one in reader.live.world.chain.about(reader.license_id) if type(one.event) is AccessRecorded
    ]
    assert (found.units, found.purpose) == (3, READ)


def test_repeating_a_command_changes_nothing(reader: Reader):
    first = reader.open()
    assert reader.open() == first
    reader.download()
    again = reader.download()
    assert (len(again.files), again.there_before) == (3, 3)
    assert reader.recorded() == 1


def test_a_damaged_or_missing_file_is_written_again(reader: Reader):
    reader.download()
    out = reader.folder / "out"
    (out / "0001.wav").unlink()
    whole = (out / "0002.wav").read_bytes()
    (out / "0002.wav").write_bytes(whole[:-1] + bytes((whole[-1] ^ 1,)))
    done = reader.download()
    assert (len(done.files), done.there_before) == (3, 1)
    assert list(reader.files().values()) == reader.package.plain


def test_single_recordings_are_named_by_number_name_or_id(reader: Reader):
    by_id = access.recording_id(reader.live.dataset_id(reader.package), 2)
    assert reader.open("0", "0002.wav", "0x" + by_id.hex()).opened == (0, 1, 2)
    assert reader.open("1").opened == (1,)
    for wrong in ("3", "0004.wav", "-1", "", "../0001.wav", "²"):
        with pytest.raises(refusal.UnknownRecording):
            reader.open(wrong)


def test_one_voice_withdraws_and_only_her_recordings_are_closed(reader: Reader):
    consent_id = withdraw(reader, 1, "voice-2")
    with pytest.raises(refusal.ConsentWithdrawn) as caught:
        reader.open("0", "1")
    assert caught.value.exit_status == 5
    assert caught.value.facts["consent"] == "0x" + consent_id.hex()
    assert reader.recorded() == 0
    done = reader.open()
    assert done.opened == (0, 2)
    assert [(one["recording"], one["code"]) for one in done.refused] == [(1, "consent-withdrawn")]
    assert reader.recorded() == 1
    assert reader.download().refused[0]["consent"] == "0x" + consent_id.hex()
    assert set(reader.files()) == {"0001.wav", "0003.wav"}


def test_a_withdrawal_closes_what_was_open(reader: Reader):
    """The key may be here; the command does not use it, and the refusal is on record at the gateway."""
    reader.open()
    withdraw(reader, 0, "voice")
    done = reader.download()
    assert set(reader.files()) == {"0002.wav"}
    assert {one["code"] for one in done.refused} == {"consent-withdrawn"}
    rows = reader.live.client().listing("refusals", license="0x" + reader.license_id.hex()).rows
    asked = merkle.root(merkle.leaf(index) for index in (0, 2))
    assert {(row["code"], row["recording"], row["count"], row["root"]) for row in rows} == {
        ("consent-withdrawn", 0, 2, "0x" + asked.hex())
    }


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"purpose": 0b1}, refusal.PurposeNotLicensed),
        ({"purpose": 0b110}, Invalid),
        ({"territory": b"US"}, refusal.TerritoryNotLicensed),
    ],
)
def test_every_refusal_names_the_license_and_nothing_is_put_on_chain(reader: Reader, changes, error):
    with pytest.raises(error) as caught:
        reader.open(**changes)
    if error is not Invalid:
        assert caught.value.facts["license"] == "0x" + reader.license_id.hex()
        assert len(caught.value.facts["refused"]) == 3
    assert reader.recorded() == 0
    assert list(read(reader.folder / "leases.jsonl")) == []


def test_another_account_reads_nothing(reader: Reader):
    with pytest.raises(Denied) as caught:
        replace(reader, name="thief").open()
    assert caught.value.code == "wrong-licensee"
    assert reader.recorded() == 0


def test_a_license_for_nothing_is_unknown(reader: Reader):
    with pytest.raises(refusal.UnknownLicense):
        replace(reader, license_id=Bytes32(b"\x01" * 32)).open()


def test_use_for_another_purpose_is_another_lease(reader: Reader):
    reader.open("0")
    reader.open("0", purpose=TRAIN)
    assert reader.recorded() == 2


class Dying:
    """Passes everything on, and dies before or after one method's n-th call."""

    def __init__(self, inner, method: str, *, after: bool) -> None:
        self._inner, self._method, self._after = inner, method, after

    def __getattr__(self, name: str):
        found = getattr(self._inner, name)
        if name != self._method:
            return found

        def dying(*args, **named):
            if self._after:
                found(*args, **named)
            raise Died

        return dying


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("part", "method"),
    [
        ("gateway", "open_access"),
        ("journal", "append"),
        ("gateway", "envelopes"),
        ("gateway", "save_content"),
        ("send", "__call__"),
    ],
)
def test_killed_anywhere_it_goes_on_and_records_each_access_once(reader: Reader, part: str, method: str, after: bool):
    def changed(world: access.AccessWorld) -> access.AccessWorld:
        if part != "send":
            return replace(world, **{part: Dying(getattr(world, part), method, after=after)})

        def send(call, title):
            if after:
                world.send(call, title)
            raise Died

        return replace(world, send=send)

    with pytest.raises(Died):
        reader.download(changed=changed)
    done = reader.download()
    assert list(reader.files().values()) == reader.package.plain
    assert len(done.files) == 3
    assert reader.recorded() == 1


def dying_send(world: access.AccessWorld) -> access.AccessWorld:
    def send(call, title):
        raise Died(call, title)

    return replace(world, send=send)


def dying_keys(world: access.AccessWorld) -> access.AccessWorld:
    return replace(world, gateway=Dying(world.gateway, "envelopes", after=False))


@pytest.mark.parametrize("again", [None, dying_send, dying_keys])
def test_several_leases_are_put_on_record_at_once(reader: Reader, again):
    """Two commands died with a lease each; the third, which may die as well, records theirs and its own together."""
    for name in ("0", "1"):
        with pytest.raises(Died):
            reader.open(name, changed=dying_send)
    if again is not None:
        with pytest.raises(Died):
            reader.open(changed=again)
    assert len(reader.download().files) == 3
    assert list(reader.files().values()) == reader.package.plain
    [recorded] = [
        one.event for one in reader.live.world.chain.about(reader.license_id) if type(one.event) is AccessRecorded
    ]
    entries = list(read(reader.folder / "leases.jsonl"))
    ids = [bytes.fromhex(entry["access"][2:]) for entry in entries if entry["step"] == "opened"]
    assert (recorded.units, recorded.receipt_hash) == (3, batch.receipts([Bytes32(one) for one in ids])[0])
    assert len(ids) == 3
    rows = reader.live.client().listing("accesses", license="0x" + reader.license_id.hex()).rows
    assert [row["recorded"]["tx"] for row in rows] == [rows[0]["recorded"]["tx"]] * 3
    assert reader.recorded() == 1


def test_a_lease_that_a_withdrawal_overtook_is_never_put_on_record(reader: Reader):
    with pytest.raises(Died):
        reader.open("1", changed=dying_send)
    withdraw(reader, 1, "voice-2")
    assert reader.open().opened == (0, 2)
    [recorded] = [
        one.event for one in reader.live.world.chain.about(reader.license_id) if type(one.event) is AccessRecorded
    ]
    assert recorded.units == 2


def test_a_stranger_key_is_refused_before_anything_is_kept(reader: Reader):
    """A gateway that hands out another recording's key: the commitment says so."""

    def changed(world: access.AccessWorld) -> access.AccessWorld:
        class Lying(Dying):
            def __getattr__(self, name: str):
                found = getattr(self._inner, name)
                if name != "envelopes":
                    return found

                def swapped(*asked):
                    one, two, three = found(*asked)
                    return (
                        one,
                        RecordingKey(1, two.recording_id, three.envelope),
                        RecordingKey(2, three.recording_id, two.envelope),
                    )

                return swapped

        return replace(world, gateway=Lying(world.gateway, "", after=False))

    with pytest.raises((Denied, Failed)):
        reader.open(changed=changed)
    assert [entry["step"] for entry in read(reader.folder / "leases.jsonl")] == ["opened"]
    assert reader.open().opened == (0, 1, 2)
    assert reader.recorded() == 1


def test_changed_audio_leaves_no_file(reader: Reader):
    def changed(world: access.AccessWorld) -> access.AccessWorld:
        class Flipping(Dying):
            def __getattr__(self, name: str):
                found = getattr(self._inner, name)
                if name != "save_content":
                    return found

                def flipped(cid, path):
                    found(cid, path)
                    data = path.read_bytes()
                    path.write_bytes(data[:100] + bytes((data[100] ^ 1,)) + data[101:])

                return flipped

        return replace(world, gateway=Flipping(world.gateway, "", after=False))

    with pytest.raises(Failed):
        reader.download(changed=changed)
    assert list((reader.folder / "out").iterdir()) == []


def test_a_contract_that_refuses_wins_over_a_gateway_that_allows(reader: Reader, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        access, "contract_verdict", lambda *_args, **_more: (Reason.CONSENT_WITHDRAWN, Bytes32(b"\x07" * 32))
    )
    with pytest.raises(refusal.ConsentWithdrawn) as caught:
        reader.open()
    assert caught.value.facts["consent"] == "0x" + "07" * 32
    assert reader.recorded() == 0


def test_keys_that_never_come_are_unavailable_and_come_later(reader: Reader, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(access, "KEYS_TRIES", 2)

    def changed(world: access.AccessWorld) -> access.AccessWorld:
        class Silent(Dying):
            def __getattr__(self, name: str):
                if name == "envelopes":
                    return lambda *_asked: (_ for _ in ()).throw(Unavailable("silent"))
                return getattr(self._inner, name)

        return replace(world, gateway=Silent(world.gateway, "", after=False))

    with pytest.raises(Unavailable):
        reader.open(changed=changed)
    assert reader.open().opened == (0, 1, 2)
    assert reader.recorded() == 1


def test_two_commands_of_one_license_do_not_run_at_once(reader: Reader):
    with FileJournal(reader.folder / "leases.jsonl"), pytest.raises(Conflict):
        reader.open()
