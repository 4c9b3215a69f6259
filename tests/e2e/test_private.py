"""Names and words stay between those who should read them, through the real commands."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import iscc_core
import pytest

from provenance import config
from provenance.adapters import localnet
from provenance.adapters.anvil import Devnet
from provenance.adapters.keys.keystore import Keystore
from provenance.adapters.marks import chromaprint
from provenance.app.publish.takes import info_for
from provenance.domain import fields
from provenance.domain.consent import SignedConsent, Words
from provenance.domain.manifest import Manifest
from provenance.domain.private import Private
from provenance.domain.sealed import Secret
from tests import whole
from tests.e2e.network import PER_OUTPUT, PURPOSE, OperatedNetwork
from tests.e2e.test_homes import Person, settle_in
from tests.live_gateway import speech

ANNA = "Анна Иванова 声音"
FILES = ("Анна дубль 1.wav", "家 take 2.wav")
SAID = "Только закадровый текст, без рекламы.\n仅限旁白。\n"


@dataclass(frozen=True, slots=True)
class PrivateDataset:
    """A creator and a voice, and what they registered with names and words."""

    creator: Person
    voice: Person
    dataset: str
    consent: str


@pytest.fixture(scope="module")
def published(network: OperatedNetwork, tmp_path_factory: pytest.TempPathFactory) -> PrivateDataset:
    top = tmp_path_factory.mktemp("private")
    creator, voice = (settle_in(network, top / name, name) for name in ("creator", "voice"))
    (creator.room / "takes").mkdir()
    for number, name in enumerate(FILES):
        (creator.room / "takes" / name).write_bytes(speech(7_300 + number, 6.0))
    (voice.room / "договор.txt").write_text(SAID, "utf-8")
    made = voice.run("consent", "grant", "--voice", "me", "--holder", "0x" + creator.address.hex(), "--purpose", PURPOSE,
                     "--territory", "WW", "--until", "1y", "--words", "договор.txt", "--out", "c.json")  # fmt: skip
    assert stat.S_IMODE((voice.room / made["wordsPath"]).stat().st_mode) == 0o600
    for name in ("c.json", "c.words.json"):
        creator.given(voice.room / name)
    row = {"name": ANNA, "role": "диктор", "account": "0x" + voice.address.hex(), "voice": "c.json"}
    (creator.room / "credits.json").write_text(json.dumps({"contributors": [row]}), "utf-8")
    creator.run("terms", "new", "terms.json", "--purpose", PURPOSE, "--territory", "WW", "--per-license", "0",
                "--per-unit", PER_OUTPUT)  # fmt: skip
    dataset = creator.run("upload", "takes", "--dataset", "Private", "--terms", "terms.json", "--kind", "voice",
                          "--language", "ru", "--accept-review", "--consent", "c.json", "--credits",
                          "credits.json")["datasetId"]  # fmt: skip
    return PrivateDataset(creator, voice, dataset, made["id"])


def test_the_holder_reads_what_was_sealed(published: PrivateDataset) -> None:
    shown = published.creator.run("dataset", "show", published.dataset, "--private")
    assert [(one["name"], one["role"]) for one in shown["contributors"]] == [(ANNA, "диктор")]
    assert shown["contributors"][0]["account"] == "0x" + published.voice.address.hex()
    assert [one["file"] for one in shown["recordings"]] == list(FILES)
    for name, row in zip(FILES, shown["recordings"], strict=True):
        data = (published.creator.room / "takes" / name).read_bytes()
        assert row["sha256"] == fields.shown(sha256(data).digest())
        kinds = [iscc_core.iscc_explain(one).split("-")[0] for one in iscc_core.iscc_decompose(row["iscc"])]
        assert kinds == (["CONTENT"] if chromaprint() else []) + ["DATA", "INSTANCE"]
        assert ("fingerprint" in row) == (chromaprint() is not None)


def test_words_and_salt_prove_what_the_public_scope_says(published: PrivateDataset) -> None:
    shown = published.creator.run("dataset", "show", published.dataset, "--private")
    (row,) = shown["consents"]
    assert (row["id"], row["words"]) == (published.consent, SAID)
    consent = SignedConsent.parse((published.creator.room / "c.json").read_bytes())
    Words.of(row).check(consent.scope)
    for person, name in ((published.voice, published.consent), (published.creator, "c.json")):
        assert person.run("consent", "show", name)["words"] == SAID


def test_who_has_no_key_reads_nothing(published: PrivateDataset) -> None:
    told = published.voice.run("dataset", "show", published.dataset, "--private", status=6)
    assert "key" in told["detail"]


def manifest(network: OperatedNetwork, published: PrivateDataset) -> Manifest:
    at = network.chain().about(bytes.fromhex(published.dataset[2:]))[0].event  # type: ignore[arg-type]
    content = network.run("dataset", "show", published.dataset)
    assert content["datasetId"] == published.dataset
    for path in (published.creator.room / "home" / "content").rglob("*"):
        if path.is_file() and sha256(path.read_bytes()).digest() == at.manifest_digest:  # type: ignore[union-attr]
            return Manifest.parse(path.read_bytes())
    raise AssertionError("no manifest")


def test_the_gateway_can_read_it_too(network: OperatedNetwork, published: PrivateDataset) -> None:
    sealed = manifest(network, published).private
    [database] = network.room.rglob("node.db")
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        query = "select envelope from custody where object_id = ?"
        ((envelope,),) = connection.execute(query, (bytes(sealed.sealed.header.object_id),)).fetchall()
    home, chain = network.room / "home", network.chain()
    wallet = Keystore(home / "keystore").unlock(gateway_account(network), localnet.password(Devnet(home / "devnet")))
    info = info_for(chain, sealed.cid, sealed.sealed, wallet.signer.address)
    secret = Secret.decode(wallet.open_envelope(envelope, info))
    found = [path for path in network.room.rglob(str(sealed.cid)) if path.is_file()]
    assert Private.parse(whole.unseal(sealed.sealed, secret, found[0].read_bytes())).contributors[0].name == ANNA


def gateway_account(network: OperatedNetwork) -> str:
    settings: Any = config.load(network.here.settings)
    return str(settings.node.meter)


def test_nothing_private_stands_in_a_stored_or_public_byte(network: OperatedNetwork, published: PrivateDataset) -> None:
    shown = published.creator.run("dataset", "show", published.dataset, "--private")
    salt = shown["consents"][0]["salt"]
    secrets = [ANNA, "Анна", "диктор", "закадровый", SAID.splitlines()[1], salt[2:], *FILES]
    for row in shown["recordings"]:
        secrets += [row["sha256"][2:], row["iscc"].removeprefix("ISCC:"), row.get("fingerprint", row["iscc"])]
    needles = [form for one in secrets for form in forms(one)]
    for what, data in public_bytes(network, published):
        found = [one for one in needles if one in data]
        assert not found, (what, found)


def forms(secret: str) -> list[bytes]:
    """A secret as it may stand in bytes: as text, escaped in JSON, and the bytes that hex stands for."""
    made = [secret.encode(), json.dumps(secret)[1:-1].encode()]
    return made + ([bytes.fromhex(secret)] if len(secret) == 64 else [])


def public_bytes(network: OperatedNetwork, published: PrivateDataset) -> Iterator[tuple[str, bytes]]:
    """All that the operator holds, what the creator stored as content, and the chain's transactions."""
    for folder in (network.room, published.creator.room / "home" / "content"):
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            yield str(path), path.read_bytes()
    rpc = network.chain().node.rpc
    for number in range(int(rpc.call("eth_blockNumber"), 16) + 1):
        yield f"block {number}", json.dumps(rpc.call("eth_getBlockByNumber", hex(number), True)).encode()
