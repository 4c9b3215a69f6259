"""Two voices in one dataset: one withdrawal closes her recordings, and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from provenance import config
from provenance.adapters import wire
from provenance.app import license as licenses, offers
from provenance.app.verdicts import contract_verdict
from provenance.domain import merkle, purposes
from provenance.types import LicenseId
from tests.e2e.finished_demo import named
from tests.e2e.network import PURPOSE, OperatedNetwork

ANNA, BEA = (0, 1), (2, 3)  # indexes of their recordings
DENIED, PARTLY = 5, 1


@dataclass(frozen=True, slots=True)
class Duet:
    """One dataset of two voices, of whom one has withdrawn."""

    dataset: str
    license: str
    anna: str
    bea: str
    opened_before: list[int]


@pytest.fixture(scope="module")
def duet(network: OperatedNetwork) -> Duet:
    folder = network.takes("duet", ("anna-1.wav", "anna-2.wav", "bea-1.wav", "bea-2.wav"), seed=8)
    anna, bea = network.consent("anna", "voice-1", "holder-1"), network.consent("bea", "voice-2", "holder-1")
    given = ("--consent", f"anna-*={anna[0]}", "--consent", f"bea-*={bea[0]}")
    made = network.upload(folder, "Duet", network.terms("duet-terms", "holder-1"), "holder-1", *given)
    assert (made["recordings"], made["refused"]) == (4, [])
    license_ = network.license(made["datasetId"], "holder-1", "1")
    before = network.open(license_)
    network.run("consent", "revoke", bea[0], "--account", "voice-2")
    return Duet(made["datasetId"], license_, anna[1], bea[1], before["opened"])


def test_before_the_withdrawal_all_are_open(duet: Duet) -> None:
    assert duet.opened_before == [*ANNA, *BEA]


@pytest.mark.parametrize("index", BEA)
def test_her_recordings_are_refused_by_name_and_consent(network: OperatedNetwork, duet: Duet, index: int) -> None:
    refused = network.open(duet.license, str(index), status=DENIED)
    assert (refused["type"], refused["consent"]) == ("/problems/consent-withdrawn", duet.bea)
    told = network.here.run(
        *("access", "open", duet.license, f"{index + 1:04}.wav", "--purpose", PURPOSE, "--territory", "DE"),
        *("--account", "licensee"),
        status=DENIED,
    )
    assert duet.bea in told.stdout + told.stderr


def test_one_of_hers_among_the_named_refuses_all_of_them(network: OperatedNetwork, duet: Duet) -> None:
    assert network.open(duet.license, "0", "2", status=DENIED)["consent"] == duet.bea


@pytest.mark.parametrize("index", [*ANNA, *BEA])
def test_the_contract_says_the_same_of_each_recording(network: OperatedNetwork, duet: Duet, index: int) -> None:
    chain, content = network.chain(), wire.content(config.load(network.here.settings))
    license_ = licenses.find(chain, LicenseId(bytes.fromhex(duet.license[2:])))
    of = licenses.dataset(chain, content, license_.grant.dataset_id)
    asked = (chain, of, offers.accepted(chain, license_), purposes.mask([PURPOSE]), network.address("licensee"), index)
    code, culprit = contract_verdict(*asked)
    expected = ("allowed", "0x" + "00" * 32) if index in ANNA else ("consent-withdrawn", duet.bea)
    assert (code, "0x" + culprit.hex()) == expected
    before = chain.block(license_.granted.block.number)
    assert contract_verdict(*asked, block=before.number)[0] == "allowed"


def test_the_other_voice_stays_open_in_the_next_blocks(network: OperatedNetwork, duet: Duet) -> None:
    assert network.open(duet.license, "0", "1")["opened"] == list(ANNA)


def test_without_names_the_rest_is_opened_and_hers_are_listed(network: OperatedNetwork, duet: Duet) -> None:
    for license_ in (duet.license, network.license(duet.dataset, "holder-1")):
        done = network.open(license_, status=PARTLY)
        assert done["opened"] == list(ANNA)
        assert {one["recording"]: one["consent"] for one in done["refused"]} == dict.fromkeys(BEA, duet.bea)
        assert {one["code"] for one in done["refused"]} == {"consent-withdrawn"}


def test_only_the_others_audio_can_be_had_under_a_new_license(
    network: OperatedNetwork, duet: Duet, tmp_path: Path
) -> None:
    license_ = network.license(duet.dataset, "holder-1")
    line = ("access", "download", license_, "--purpose", PURPOSE, "--territory", "DE", "--out", str(tmp_path))
    done = network.run(*line, "--account", "licensee", status=PARTLY)
    assert [Path(one["path"]).name for one in done["files"]] == ["0001.wav", "0002.wav"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0001.wav", "0002.wav"]
    for name, original in (("0001.wav", "anna-1.wav"), ("0002.wav", "anna-2.wav")):
        assert (tmp_path / name).read_bytes() == (network.room / "duet" / original).read_bytes()


def test_every_refusal_is_on_record_in_the_next_batch(network: OperatedNetwork, duet: Duet) -> None:
    network.run("node", "anchor")
    hers = [
        row
        for file in named(network.room / "home" / "content", "refusals")
        for row in json.loads(file.read_text())["refusals"]
        if row["licenseId"] == duet.license and row["code"] == "consent-withdrawn"
    ]
    assert hers
    assert {row["consentId"] for row in hers} == {duet.bea}
    asked = {some: merkle.root(map(merkle.leaf, some)) for some in (BEA, *((index,) for index in BEA))}
    rows = {(row["recording"], row["count"], row["root"]) for row in hers}
    assert rows <= {(some[0], len(some), "0x" + root.hex()) for some, root in asked.items()}
    assert max(count for _, count, _ in rows) == len(BEA)
