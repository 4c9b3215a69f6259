"""Every kind of bad input is refused at the command line with its reason, its next step and its exit status.

Each refusal is asked for twice, in words and as a document; afterwards no transaction was sent.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from provenance import config
from provenance.cli import main
from provenance.cli.context import Session
from provenance.errors import Invalid
from provenance.types import Bytes32
from tests import audio
from tests.e2e.network import PURPOSE, OperatedNetwork
from tests.live_gateway import RATE, speech, wav

KEY = "4c" * 32
NOWHERE = "0x" + "11" * 32
HOLDER, VOICE = "holder-4", "voice-4"


class MistypingUser:
    """Somebody who mistypes."""

    def __init__(self, network: OperatedNetwork, license_id: str, dataset: str) -> None:
        self.network, self.license, self.dataset = network, license_id, dataset
        self.room = network.room / "bad"
        self.room.mkdir()

    def say(self, *arguments: str, settings: Path | None = None) -> tuple[int, str, str]:
        """(status, stdout, stderr) of a command in this process."""
        session = Session(io.StringIO(), io.StringIO())
        line = [*arguments, "--config", str(settings or self.network.here.settings), "--yes"]
        with contextlib.chdir(self.room):
            status = main.run(line, session)
        return status, session.stdout.getvalue(), session.stderr.getvalue()

    def refused(self, *arguments: str, status: int, settings: Path | None = None) -> Any:
        """The problem document of a command that is refused in both forms and sends nothing."""
        before = self.network.chain().head().number
        got, told, words = self.say(*arguments, settings=settings)
        assert got == status, (told, words)
        *_, error, next_ = words.splitlines()
        assert error.startswith("Error: "), words
        assert next_.startswith("Next: "), words
        assert len(next_) > len("Next: x")
        assert not told
        got, told, words = self.say(*arguments, "--json", settings=settings)
        assert got == status, (told, words)
        problem = json.loads(told)
        assert problem["next"]
        assert problem["type"].startswith("/problems/")
        assert self.network.chain().head().number == before, "a transaction was sent"
        assert KEY not in json.dumps(problem) + words + error + next_
        return problem

    def file(self, name: str, data: bytes | str) -> str:
        path = self.room / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return str(path)

    def upload(self, folder: Path, title: str, *more: str) -> tuple[str, ...]:
        return (
            *("upload", str(folder), "--dataset", title, "--terms", str(self.network.room / "bad-terms.json")),
            *("--kind", "sound", "--language", "en", "--account", HOLDER, *more),
        )


@pytest.fixture(scope="module")
def user(network: OperatedNetwork) -> MistypingUser:
    """A license that all is well with."""
    folder, terms = network.takes("well", ("a.wav",), seed=77), network.terms("bad-terms", HOLDER)
    given, _ = network.consent("bad-consent", VOICE, HOLDER)
    made = network.upload(folder, "Well", terms, HOLDER, "--consent", given)
    return MistypingUser(network, network.license(made["datasetId"], HOLDER, "0.01"), made["datasetId"])


def silence(path: Path, hours: int) -> None:
    """A wav file of zeros that takes no room on most disks."""
    size = hours * 3_600 * RATE * 2
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16,
                       b"data", size)  # fmt: skip
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + size)


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("take.wav", bytes(50 << 20))


UNREADABLE: dict[str, Callable[[Path], object]] = {
    "empty.wav": lambda path: path.write_bytes(b""),
    "truncated.wav": lambda path: path.write_bytes(speech(7_001, 3.0)[:20_000]),
    "mislabeled.mp3": lambda path: path.write_bytes(speech(7_002, 3.0)),
    "unreadable.flac": lambda path: path.write_bytes(b"fLaC" + bytes(range(256)) * 40),
    "bomb.ogg": bomb,
    "hours.wav": lambda path: silence(path, 5),
}


def test_unreadable_audio_is_refused_by_file_and_the_others_go_on(user: MistypingUser) -> None:
    folder = user.room / "unreadable"
    folder.mkdir()
    for name, make in UNREADABLE.items():
        make(folder / name)
    (folder / "good.wav").write_bytes(speech(7_003, 3.0))
    status, told, _ = user.say(*user.upload(folder, "Partly", "--accept-review", "--json"))
    made = json.loads(told)
    assert (status, made["recordings"]) == (1, 1)
    assert {one["name"] for one in made["refused"]} == set(UNREADABLE)
    assert all(one["reason"] and one["code"] for one in made["refused"])
    [hours] = [one for one in made["refused"] if one["name"] == "hours.wav"]
    assert "18000 s long" in hours["reason"]


def test_where_every_file_is_bad_nothing_is_registered(user: MistypingUser) -> None:
    folder = user.room / "all bad"
    folder.mkdir()
    for name in ("empty.wav", "bomb.ogg"):
        UNREADABLE[name](folder / name)
    user.refused(*user.upload(folder, "None"), status=2)


def _voiced(seconds: float, gain: float = 1.0) -> np.ndarray:
    return audio.decode(speech(int(seconds * 1_000), seconds)).samples[:, 0].astype(np.float64) / 2**31 * gain


TAKES: dict[str, tuple[Callable[[], np.ndarray], str]] = {
    "clipped": (lambda: np.clip(_voiced(3.0, 40.0), -1, 1), "clipping "),
    "noisy": (lambda: _voiced(3.1) + np.random.default_rng(1).normal(0, 0.01, int(3.1 * RATE)), "noise floor -"),
    "looped": (lambda: np.tile(_voiced(2.0), 3), "repetition "),
    "silent": (lambda: np.zeros(3 * RATE), "silence "),
}


@pytest.mark.parametrize("name", TAKES)
def test_a_bad_take_is_never_registered_silently(user: MistypingUser, name: str) -> None:
    make, metric = TAKES[name]
    folder = user.room / name
    folder.mkdir()
    (folder / "good.wav").write_bytes(speech(7_100 + len(name), 3.0))
    (folder / "bad.wav").write_bytes(wav(make()))
    status, told, _ = user.say(*user.upload(folder, name, "--accept-review", "--json"))
    made = json.loads(told)
    assert (status, made["recordings"]) == (1, 1)
    [refused] = made["refused"]
    assert (refused["name"], refused["code"]) == ("bad.wav", "take-rejected")
    assert metric in refused["reason"], refused


def test_a_take_to_be_reviewed_waits_for_the_word(user: MistypingUser) -> None:
    folder = user.room / "quiet"
    folder.mkdir()
    (folder / "quiet.wav").write_bytes(wav(_voiced(4.0) * 0.1))
    problem = user.refused(*user.upload(folder, "Quiet"), status=2)
    assert "LUFS is below -42 LUFS" in problem["detail"]
    assert "--accept-review" in problem["detail"]


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (("license", "fund", "LICENSE", "1.0000001"), "amount"),
        (("license", "fund", "LICENSE", "1e9"), "amount"),
        (("license", "fund", "LICENSE", "nan"), "amount"),
        (("license", "fund", "LICENSE", str(2**256)), "amount"),
        (("license", "fund", "LICENSE", "-1"), "-1"),
        (("terms", "new", "money.json", "--per-unit", "output=0", "--per-license", "0.0000005"), "perLicense"),
        (("terms", "new", "money.json", "--per-unit", "output=0", "--per-license", "-1"), "perLicense"),
        (("terms", "new", "money.json", "--per-unit", f"output={2**256}"), "perUnit"),
        (("terms", "new", "money.json", "--per-unit", f"output={2**124}"), "amount"),
        (("dataset", "split", "DATASET", "holder-4=9999"), "10000"),
        (("dataset", "split", "DATASET", "holder-4=10000", "voice-4=1"), "10000"),
        (("dataset", "split", "DATASET", "holder-4=-1", "voice-4=10001"), "split"),
        (("dataset", "split", "DATASET", "holder-4=0.5", "voice-4=0.5"), "split"),
    ],
)
def test_amounts_and_shares_are_whole_positive_and_complete(
    user: MistypingUser, command: tuple[str, ...], named: str
) -> None:
    known = {"LICENSE": user.license, "DATASET": user.dataset}
    problem = user.refused(*(known.get(word, word) for word in command), "--account", HOLDER, status=2)
    assert named in json.dumps(problem).replace(",", ""), problem
    assert not (user.room / "money.json").exists()


@pytest.mark.parametrize("weights", [{0: -1.0}, {0: float("nan")}, {0: float("inf")}, {0: 0.0}])
def test_weights_that_are_no_shares_are_refused(user: MistypingUser, weights: dict[int, float]) -> None:
    with contextlib.ExitStack() as held:
        meter = held.enter_context(user.network.meter(user.license, 1))
        with pytest.raises(Invalid):
            meter.record(output=b"x", weights={Bytes32(number.to_bytes(32, "big")): w for number, w in weights.items()})


GRANT = ("consent", "grant", "--holder", HOLDER, "--out", "never.json", "--account", VOICE)
ME = ("--voice", "me")
OFFER = ("license", "offer", "DATASET", "--out", "never.json", "--account", HOLDER)
OPEN = ("access", "open", "LICENSE", "--account", "licensee")
TERMS = ("terms", "new", "never.json", "--per-license", "0", "--per-unit", "output=0.000001", "--account", HOLDER)


@pytest.mark.parametrize(
    "command",
    [
        (*GRANT, *ME, "--purpose", "train.everything", "--territory", "WW", "--until", "1y"),
        (*GRANT, *ME, "--purpose", "32768", "--territory", "WW", "--until", "1y"),
        (*GRANT, *ME, "--purpose", PURPOSE, "--territory", "XX", "--until", "1y"),
        (*GRANT, *ME, "--purpose", PURPOSE, "--territory", "WW", "--until", "2001-01-01"),
        (*GRANT, *ME, "--purpose", PURPOSE, "--territory", "WW", "--from", "2y", "--until", "1y"),
        (*OFFER, "--purpose", "train.everything", "--expires", "1y"),
        (*OFFER, "--purpose", PURPOSE, "--expires", "2001-01-01"),
        (*OFFER, "--purpose", PURPOSE, "--expires", "soon"),
        (*OPEN, "--purpose", "train.everything", "--territory", "DE"),
        (*OPEN, "--purpose", f"{PURPOSE},evaluate", "--territory", "DE"),
        (*OPEN, "--purpose", PURPOSE, "--purpose", "evaluate", "--territory", "DE"),
        (*OPEN, "--purpose", PURPOSE, "--territory", "XX"),
        (*OPEN, "--purpose", PURPOSE, "--territory", "EU"),
        (*OPEN, "--purpose", PURPOSE, "--territory", "DE", "--territory", "FR"),
        (*TERMS, "--purpose", "train.everything", "--territory", "WW"),
        (*TERMS, "--purpose", PURPOSE, "--territory", "Atlantis"),
        (*TERMS, "--purpose", PURPOSE, "--territory", "WW", "--from", "2031-01-01", "--until", "2030-01-01"),
    ],
    ids=lambda command: " ".join(command[:2] + command[-4:]),
)
def test_purposes_places_and_times_are_known_and_in_order(user: MistypingUser, command: tuple[str, ...]) -> None:
    known = {"LICENSE": user.license, "DATASET": user.dataset}
    user.refused(*(known.get(word, word) for word in command), status=2)
    assert not (user.room / "never.json").exists()


@pytest.fixture(params=["wrong-chain", "no-code", "abi-mismatch"])
def astray(request: pytest.FixtureRequest, user: MistypingUser) -> Iterator[tuple[str, Path]]:
    """Settings whose deployment is not what the node has."""
    kind: str = request.param
    here = user.network.here
    document = json.loads((user.network.room / "home" / "deployments" / "31337.json").read_text())
    contracts = document["contracts"]
    if kind == "wrong-chain":
        document["chainId"] = 1
    elif kind == "no-code":
        contracts["DatasetRegistry"]["address"] = "0x" + "77" * 20
    else:
        contracts["DatasetRegistry"], contracts["DataAccess"] = contracts["DataAccess"], contracts["DatasetRegistry"]
    deployment = user.file(f"{kind}.deployment.json", json.dumps(document))
    network = config.load(here.settings).chosen()
    settings = user.network.room / f"{kind}.toml"
    shutil.copy(here.settings, settings)
    config.save_network("devnet", {"deployment": deployment, "chain_id": document["chainId"]}, path=settings)
    assert network.chain_id == 31337
    yield kind, settings
    settings.unlink()


def test_a_deployment_that_is_not_there_is_refused_before_anything_is_signed(
    user: MistypingUser, astray: tuple[str, Path]
) -> None:
    kind, settings = astray
    folder = user.network.room / "well"
    for command in (
        ("license", "fund", user.license, "1", "--account", "licensee"),
        ("consent", "revoke", str(user.network.room / "bad-consent.json"), "--account", VOICE),
        user.upload(folder, "Astray"),
        ("node", "anchor"),
    ):
        assert user.refused(*command, status=2, settings=settings)["type"] == f"/problems/{kind}"


def test_a_wrong_password_signs_nothing(user: MistypingUser) -> None:
    wrong = user.file("wrong password", "not this one\n")
    Path(wrong).chmod(0o600)
    fund = ("license", "fund", user.license, "1", "--account", "licensee", "--password-file", wrong)
    problem = user.refused(*fund, status=5)
    assert problem["type"] == "/problems/wrong-password"
    Path(wrong).chmod(0o644)
    assert "chmod 600" in user.refused(*fund, status=5)["next"]


def test_a_key_file_that_others_can_read_signs_nothing(user: MistypingUser) -> None:
    path = user.network.room / "home" / "keystore" / "licensee.json"
    path.chmod(0o644)
    try:
        problem = user.refused("license", "fund", user.license, "1", "--account", "licensee", status=5)
    finally:
        path.chmod(0o600)
    assert "chmod 600" in problem["next"]


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (("account", "import", "mine", KEY), 5),
        (("account", "import", "mine", "--private-key", KEY), 2),
        (("license", "fund", NOWHERE, "1", "--private-key", KEY), 2),
        (("account", "create", "0x" + KEY), 5),
    ],
)
def test_a_private_key_as_an_argument_is_refused_and_not_repeated(
    user: MistypingUser, command: tuple[str, ...], status: int
) -> None:
    user.refused(*command, status=status)


BYTES = {
    "duplicate keys": b'{"format":"FORMAT","version":1,"version":1}',
    "ten megabytes": b'{"format":"FORMAT","version":1,"x":"' + b"a" * (10 << 20) + b'"}',
    "a NUL byte": b'{"format":"FORMAT","version":1,"x":"\\u0000"}',
    "a raw NUL byte": b'{"format":"FORMAT","version":1,"x":"\x00"}',
    "a lone surrogate": b'{"format":"FORMAT","version":1,"x":"\\ud800"}',
    "no UTF-8": b'{"format":"FORMAT","version":1,"x":"\xff"}',
    "a float": b'{"format":"FORMAT","version":1,"x":1.5}',
    "ten thousand levels": b'{"format":"FORMAT","version":1,"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
}
READERS: dict[str, tuple[str, ...]] = {
    "provenance/terms": ("terms", "check", "FILE"),
    "provenance/consent": ("consent", "show", "FILE"),
    "provenance/offer": ("license", "accept", "FILE", "--account", "licensee"),
    "provenance/ruling": ("dataset", "suspend", "DATASET", "--ruling", "FILE", "--account", "guardian"),
    "provenance/scope": (
        *GRANT,
        *ME,
        "--purpose",
        PURPOSE,
        "--territory",
        "WW",
        "--until",
        "1y",
        "--recordings",
        "FILE",
    ),
    "provenance/registration": ("dataset", "sign", "FILE", "--out", "never.json", "--account", HOLDER),
}


@pytest.mark.parametrize("what", BYTES)
@pytest.mark.parametrize("form", READERS)
def test_a_document_that_reads_two_ways_is_refused(user: MistypingUser, form: str, what: str) -> None:
    file = user.file("strange.json", BYTES[what].replace(b"FORMAT", form.encode()))
    known = {"FILE": file, "DATASET": user.dataset}
    user.refused(*(known.get(word, word) for word in READERS[form]), status=2)
    assert not (user.room / "never.json").exists()


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (("dataset", "show", "../../etc/passwd"), 2),
        (("dataset", "show", "0x12"), 2),
        (("dataset", "show", "bafkqaaa"), 2),
        (("license", "show", "0x" + "zz" * 32), 2),
        (("audit", "trace", "../" * 20), 2),
        (("consent", "show", "\0"), 2),
        (("dataset", "search", "a\0b"), 2),
        (("dataset", "search", "\udcff"), 2),
        (("account", "create", "\udcff"), 2),
        ((*GRANT, "--purpose", PURPOSE, "--territory", "WW", "--until", "1y", "--voice", "\udcff"), 2),
        (("access", "open", "LICENSE", "../../x.wav", "--purpose", PURPOSE, "--territory", "DE", "--account",
          "licensee"), 5),
        (("account", "show", "../licensee"), 2),
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(user: MistypingUser, command: tuple[str, ...], status: int) -> None:
    user.refused(*(user.license if word == "LICENSE" else word for word in command), status=status)
