"""`upload` ends in one registered dataset, whatever is thrown at it and wherever it is killed."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from indexer.store.database import connect
from provenance import config
from provenance.adapters import wire
from provenance.cli import main
from provenance.cli.context import Session
from provenance.cli.dataset import ROTATE_GAS
from provenance.types import Bytes32
from tests.documents import word
from tests.e2e.parties import Answer, Parties, eventually, parties
from tests.live_gateway import speech

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parties]:
    with parties(tmp_path_factory.mktemp("upload")) as made:
        made.start_operator()
        act(made, "terms", "new", "terms.json", "--per-unit", "output=0.001", "--account", "holder-1")
        yield made


def act(here: Parties, *arguments: str, status: int | None = 0) -> Answer:
    """The command has ended, in this process: starting one costs more than most commands."""
    session = Session(io.StringIO(), io.StringIO())
    with contextlib.chdir(here.room):
        ended = main.run([*arguments, "--config", str(here.settings), "--yes", "--json"], session)
    answer = Answer(ended, session.stdout.getvalue(), session.stderr.getvalue())
    assert status is None or ended == status, answer
    return answer


def told(here: Parties, *arguments: str, status: int = 0) -> Any:
    """What the command printed."""
    return act(here, *arguments, status=status).document


def takes(here: Parties, name: str, count: int) -> Path:
    """A folder of audio like speech, which no other folder of these tests has."""
    folder = here.room / name
    folder.mkdir()
    for i in range(count):
        (folder / f"{i:03}.wav").write_bytes(speech(int.from_bytes(word(name)[:4]) + i, 3.0))
    return folder


def upload(folder: Path | str, title: str, *more: str, account: str = "holder-1") -> tuple[str, ...]:
    """The command line; what `more` says again takes the place of what is said by default."""
    usual = {"--dataset": title, "--terms": "terms.json", "--kind": "voice", "--language": "en", "--account": account}
    kept = (word for option in usual.items() if option[0] not in more for word in option)
    return ("upload", str(folder), *kept, "--accept-review", *more)


def consent(here: Parties, out: str, *more: str, holder: str = "holder-1", voice: str = "voice-1") -> str:
    act(
        here,
        *("consent", "grant", "--voice", "me", "--holder", holder, "--purpose", "train.tts", "--territory", "WW"),
        *("--until", "1y", "--out", out, "--account", voice, *more),
    )
    return out


def journal(here: Parties) -> list[dict[str, object]]:
    """The entries of the newest journal."""
    files = sorted(
        (here.room / "home" / "devnet" / "uploads").glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns
    )
    return [json.loads(line) for line in files[-1].read_text().splitlines()] if files else []


def registered(here: Parties, account: str) -> list[str]:
    """Every dataset that the chain has of this holder, in order."""
    from provenance.adapters.keys.keystore import Keystore
    from provenance.domain.events import DatasetRegistered

    chain = wire.chain(config.load(here.settings))
    holder = Keystore(here.room / "home" / "keystore").address(account)
    found = [one.event for one in chain.upto(chain.head().number)]
    return ["0x" + e.dataset_id.hex() for e in found if isinstance(e, DatasetRegistered) and e.holder == holder]


def test_a_voice_waits_for_its_owner_and_is_registered_then(here: Parties) -> None:
    folder = takes(here, "first", 3)
    asked = act(here, *upload(folder, "First"), status=2)
    assert asked.document["type"] == "/problems/consent-needed"
    assert registered(here, "holder-1") == []
    file = consent(here, "first.json", "--recordings", asked.document["file"])
    foreseen = told(here, *upload(folder, "First", "--consent", file, "--dry-run"))
    assert foreseen["would"].endswith(
        "whether a consent that lists recordings lists these is known once they are sealed"
    )
    made = here.document(*upload(folder, "First", "--consent", file))
    assert (made["recordings"], made["refused"]) == (3, [])
    assert registered(here, "holder-1") == [made["datasetId"]]
    again = told(here, *upload(folder, "First", "--consent", file))
    assert (again["datasetId"], again["tx"]) == (made["datasetId"], None)
    shown = told(here, "dataset", "show", made["datasetId"])
    assert [one["name"] for one in shown["recordings"]] == ["0001.wav", "0002.wav", "0003.wav"]


def test_an_account_that_cannot_pay_the_registration_gives_nothing_away(here: Parties) -> None:
    folder, node = takes(here, "broke", 1), wire.chain(config.load(here.settings)).node
    line, before = upload(folder, "Broke", "--kind", "sound", account="holder-6"), deposited(here)
    holder = told(here, "account", "show", "holder-6")["address"]
    node.rpc.call("anvil_setBalance", holder, "0x1")
    for how in ((), ("--dry-run",)):
        failed = act(here, *line, *how, status=7).document
        assert (failed["type"], failed["account"]) == ("/problems/insufficient-funds", holder.lower())
    assert deposited(here) == before
    node.rpc.call("anvil_setBalance", holder, hex(10**18))
    made = told(here, *line)
    assert (made["recordings"], deposited(here)) == (1, before + 1)
    rotating = ("dataset", "rotate", made["datasetId"], "0", "--account", "holder-6")
    asked = told(here, *rotating, "--dry-run")
    [row] = told(here, *rotating)
    mined = node.receipt(Bytes32(bytes.fromhex(row["tx"][2:])))
    assert mined is not None
    assert mined.gas_used < ROTATE_GAS
    assert int(asked["feeWei"]) > 0
    node.rpc.call("anvil_setBalance", holder, "0x1")
    assert told(here, *rotating, "--dry-run", status=7)["type"] == "/problems/insufficient-funds"
    node.rpc.call("anvil_setBalance", holder, hex(10**18))


def deposited(here: Parties) -> int:
    """How many recordings the gateway has taken."""
    database = connect(config.load(here.settings).database_url)
    with database.read() as connection:
        (count,) = connection.exec_driver_sql("SELECT count(*) FROM deposited_recordings").one()
    database.dispose()
    return int(count)


KILLS = {
    "while sealing the first": lambda at: at("sealed") == 0 and at("begun") == 1,
    "after sealing two": lambda at: at("sealed") >= 2,
    "when the manifest is made": lambda at: at("composed") >= 1,
    "when the transaction is mined": lambda at: at("mined") >= 1,
}


@pytest.mark.parametrize("when", KILLS)
def test_killed_anywhere_the_same_command_ends_in_one_dataset(here: Parties, when: str) -> None:
    number = list(KILLS).index(when) + 2
    account, title = f"holder-{number}", f"Killed {number}"
    folder = takes(here, "k" * (number + 8), 4)
    given = consent(here, f"killed-{number}.json", holder=account)
    seals = here.room / "home" / "devnet" / "uploads"
    before = {path.name for path in seals.glob("*.jsonl")} if seals.exists() else set()
    chain = _blocks(here)

    def at(step: str) -> int:
        new = [path for path in seals.glob("*.jsonl") if path.name not in before] if seals.exists() else []
        if step == "begun":
            return len(new)
        if step == "mined":
            return int(_blocks(here) > chain)
        return sum(path.read_bytes().count(f'"step":"{step}"'.encode()) for path in new)

    command = upload(folder, title, "--consent", given, account=account)
    killed = here.kill_during(*command, when=lambda: KILLS[when](at))
    assert killed or when == "when the transaction is mined"
    made = told(here, *command)
    assert (made["recordings"], made["refused"]) == (4, [])
    assert registered(here, account) == [made["datasetId"]]
    assert told(here, *command)["tx"] is None


def _blocks(here: Parties) -> int:
    from provenance import config
    from provenance.adapters import wire

    return wire.node(config.load(here.settings)).block("latest").number


def _problem(answer: Answer) -> tuple[int, str]:
    assert answer.document["next"]
    return answer.status, answer.document["type"]


def test_every_bad_file_is_refused_with_its_reason_and_the_others_go_on(here: Parties) -> None:
    folder = takes(here, "with bad ones", 2)
    good = (folder / "000.wav").read_bytes()
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.mp3").write_text("just words")
    (folder / "cut.wav").write_bytes(good[: len(good) // 2])
    (folder / "mislabeled.flac").write_bytes(speech(99, 3.0))
    (folder / "bomb.ogg").write_bytes(b"PK\x03\x04" + bytes(1 << 16))
    with wave.open(str(folder / "silent.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8_000)
        out.writeframes(bytes(16_000 * 8))
    shutil.copy(folder / "000.wav", folder / "same again.wav")
    given = consent(here, "bad.json", holder="holder-6")
    done = act(here, *upload(folder, "Some bad", "--consent", given, account="holder-6"), status=1)
    codes = {one["name"]: one["code"] for one in done.document["refused"]}
    assert codes == {
        "bomb.ogg": "unreadable-audio",
        "cut.wav": "unreadable-audio",
        "empty.wav": "unreadable-audio",
        "mislabeled.flac": "unreadable-audio",
        "silent.wav": "take-rejected",
        "text.mp3": "unreadable-audio",
    }
    assert done.document["recordings"] == 2
    assert "same bytes" in done.stderr


def test_the_same_audio_under_another_title_is_registered_already_and_anothers_is_a_conflict(here: Parties) -> None:
    folder = takes(here, "twice the same", 2)
    given = consent(here, "twice.json", holder="holder-7")
    first = told(here, *upload(folder, "Once", "--consent", given, account="holder-7"))
    again = told(here, *upload(folder, "Twice", "--consent", given, account="holder-7"))
    assert (again["datasetId"], again["tx"], len(again["alreadyRegistered"])) == (first["datasetId"], None, 2)
    stolen = consent(here, "stolen.json", holder="holder-8", voice="voice-8")
    command = upload(folder, "Mine", "--consent", stolen, account="holder-8")
    answer = act(here, *command, status=7)
    assert _problem(answer) == (7, "/problems/duplicate-of")
    assert answer.document["dataset"] == first["datasetId"]
    assert registered(here, "holder-8") == []
    disputed = told(here, *command, "--dispute")
    assert registered(here, "holder-8") == [disputed["datasetId"]]


@pytest.mark.parametrize(
    ("more", "status", "kind"),
    [
        (("--split", "holder-1=9999"), 2, "bad-splits"),
        (("--split", "holder-1=5000", "--split", "voice-1=5001"), 2, "bad-splits"),
        (("--split", "holder-1=-1"), 2, "bad-field"),
        (("--split", "holder-1=0.5"), 2, "bad-field"),
        (("--consent", "nowhere.json"), 6, "missing"),
        (("--consent", "terms.json"), 2, "bad-document"),
        (("--language", "english!"), 2, "bad-manifest"),
        (("--dataset", "x" * 300), 2, "bad-field"),
        (("--dataset", "a\u001b[31m"), 2, "bad-field"),
        (("--gateway", "http://127.0.0.1:9"), 69, "gateway-silent"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_registered(
    here: Parties, more: tuple[str, ...], status: int, kind: str
) -> None:
    folder = here.room / "first"
    before = registered(here, "holder-1")
    answer = act(here, *upload(folder, "Never", "--consent", "first.json", *more), status=None)
    assert _problem(answer) == (status, f"/problems/{kind}")
    assert registered(here, "holder-1") == before


def test_another_holders_consent_cannot_be_copied(here: Parties) -> None:
    folder = takes(here, "a copied consent", 1)
    answer = act(here, *upload(folder, "Copied", "--consent", "first.json", account="holder-2"), status=2)
    assert answer.document["type"] == "/problems/foreign-consent"


def test_terms_with_a_wrong_field_are_refused_by_its_name(here: Parties) -> None:
    terms = json.loads((here.room / "terms.json").read_text())
    for name, value, field in (
        ("purposes", ["train.everything"], "purposes"),
        ("notAfter", 1, "notBefore"),
        ("territories", ["XX"], "territories"),
        ("erasureDays", 1.5, None),
    ):
        (here.room / "wrong.json").write_text(json.dumps({**terms, name: value}))
        answer = act(here, "terms", "check", "wrong.json", status=2)
        assert answer.document.get("field") == field
    (here.room / "wrong.json").write_text((here.room / "terms.json").read_text().replace("{", '{"version": 1,', 1))
    assert act(here, "terms", "check", "wrong.json", status=2).document["type"] == "/problems/bad-document"


def test_a_withdrawn_consent_stops_the_next_upload_and_a_stranger_cannot_withdraw_it(here: Parties) -> None:
    given = consent(here, "short.json", voice="voice-2")
    assert act(here, "consent", "revoke", given, "--account", "voice-3", status=5).document["type"] == (
        "/problems/not-the-subject"
    )
    assert told(here, "consent", "revoke", given, "--account", "voice-2")["state"] == "WITHDRAWN"
    assert act(here, "consent", "revoke", given, "--account", "voice-2", status=7)
    assert told(here, "consent", "show", given)["state"] == "WITHDRAWN"
    folder = takes(here, "withdrawn before upload", 1)
    answer = act(here, *upload(folder, "Withdrawn", "--consent", given), status=5)
    assert answer.document["type"] == "/problems/consent-withdrawn"


def test_a_contributor_uploads_for_a_holder_who_signs(here: Parties) -> None:
    folder = takes(here, "for somebody else!", 2)
    given = consent(here, "for.json", holder="holder-3")
    command = upload(folder, "For", "--consent", given, "--for", "holder-3", account="licensee")
    asked = act(here, *command, status=5)
    assert asked.document["type"] == "/problems/authorization-needed"
    assert act(
        here, "dataset", "sign", asked.document["file"], "--out", "no.json", "--account", "holder-4", status=None
    ).status in (2, 5)
    act(here, "dataset", "sign", asked.document["file"], "--out", "signed.json", "--account", "holder-3")
    made = told(here, *command, "--authorization", "signed.json")
    assert made["datasetId"] == registered(here, "holder-3")[-1]


def test_after_a_rotation_only_the_new_key_opens_and_the_audio_is_the_same(here: Parties) -> None:
    folder = takes(here, "to be rotated", 2)
    given = consent(here, "rotate.json", holder="holder-4")
    dataset = told(here, *upload(folder, "Rotating", "--consent", given, account="holder-4"))["datasetId"]
    cids = {one["index"]: one["cid"] for one in told(here, "dataset", "show", dataset)["recordings"]}
    old = ("dataset", "rotate", dataset, "1", "--account", "holder-4")
    assert act(here, *old[:3], "7", *old[4:], status=5).document["type"] == "/problems/unknown-recording"
    assert act(here, *old[:5], "holder-3", status=5).document["type"] == "/problems/not-holder"
    (first,) = told(here, *old)
    assert first["keyVersion"] == 2
    (second,) = told(here, *old)
    assert second["keyVersion"] == 3
    store = here.room / "home" / "content"
    assert not (store / cids[1]).exists()
    assert not (store / first["cid"]).exists()
    assert (store / second["cid"]).exists()
    licensed = ("--purpose", "train.tts", "--expires", "30d", "--out", "offer.json", "--account", "holder-4")
    act(here, "license", "offer", dataset, *licensed)
    license_ = told(here, "license", "accept", "offer.json", "--account", "licensee")["license"]
    use = ("--purpose", "train.tts", "--territory", "DE", "--account", "licensee")
    act(here, "access", "download", license_, *use, "--out", "licensed")
    for name, plain in (("0001.wav", "000.wav"), ("0002.wav", "001.wav")):
        assert (here.room / "licensed" / name).read_bytes() == (folder / plain).read_bytes()


def test_holders_and_the_guardian_move_a_dataset_within_their_rights(here: Parties) -> None:
    first = registered(here, "holder-1")[0]
    assert act(here, "dataset", "suspend", first, "--account", "holder-2", status=5)
    assert told(here, "dataset", "suspend", first, "--account", "holder-1")["status"] == "SUSPENDED"
    assert act(here, "dataset", "suspend", first, "--account", "holder-1", status=7)
    assert told(here, "dataset", "suspend", first, "--lift", "--account", "holder-1")["status"] == "ACTIVE"
    assert act(here, "dataset", "suspend", first, "--account", "guardian", status=2)
    (here.room / "ruling.json").write_text('{"format":"provenance/ruling","version":1}')
    ruled = ("dataset", "suspend", first, "--ruling", "ruling.json", "--account", "guardian")
    assert told(here, *ruled)["status"] == "HALTED"
    assert act(here, "dataset", "suspend", first, "--lift", "--account", "holder-1", status=7)
    assert told(here, *ruled, "--lift")["status"] == "ACTIVE"
    act(here, "dataset", "split", first, "holder-1=6000", "voice-1=4000", "--account", "holder-1")
    act(here, "dataset", "transfer", first, "holder-2", "--account", "holder-1")
    assert act(here, "dataset", "transfer", first, "--accept", "--account", "holder-3", status=5)
    act(here, "dataset", "transfer", first, "--accept", "--account", "holder-2")
    newer = registered(here, "holder-2")[0]
    act(here, "dataset", "supersede", first, newer, "--account", "holder-2")
    eventually(lambda: _holds(here, {first: newer, newer: None}))  # the mirror is a poll behind the chain
    assert told(here, "dataset", "search", "first")[0]["datasetId"] == first


def _holds(here: Parties, expected: dict[str, str | None]) -> bool:
    mine = told(here, "dataset", "list", "--holder", "holder-2")
    return {one["datasetId"]: one["supersededBy"] for one in mine} == expected
