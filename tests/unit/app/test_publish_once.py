"""One upload is one dataset, whatever was lost between its runs: the manifest's bytes are in its journal."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.app.publish import Given, Outcome, Request
from provenance.domain import canonical
from provenance.domain.manifest import Manifest
from provenance.domain.splits import Split
from provenance.types import Bps
from tests import documents
from tests.fakes.chain import Killed
from tests.unit.app.publishing import Uploader

pytestmark = pytest.mark.unit


@pytest.fixture
def uploader(tmp_path: Path) -> Uploader:
    return Uploader(tmp_path)


def killed(uploader: Uploader, request: Request, *, sent: bool) -> Manifest:
    """The run died before or after its registration was on chain; the manifest that its journal holds."""
    uploader.chain.die_before_send, uploader.chain.die_after_send = not sent, sent
    with pytest.raises(Killed):
        uploader.run(request)
    uploader.chain.die_before_send = uploader.chain.die_after_send = False
    lines = map(json.loads, uploader.journal_path.read_text().splitlines())
    [composed] = [line["manifest"] for line in lines if line["step"] == "composed"]
    return Manifest.parse(canonical.dumps(composed))


@pytest.mark.parametrize("sent", [True, False])
def test_a_lost_manifest_is_taken_from_the_journal_and_registered_once(uploader: Uploader, sent: bool) -> None:
    request = uploader.request(uploader.takes(2))
    composed = killed(uploader, request, sent=sent)
    [lost] = [cid for cid, data in uploader.content.objects.items() if data == composed.encode()]
    uploader.content.remove(lost)
    outcome = uploader.run(request)
    assert (outcome.manifest_cid, list(uploader.chain.datasets)) == (lost, [outcome.dataset_id])
    assert (len(uploader.chain.sent), outcome.mined is None) == (1, sent)
    assert uploader.content.get(lost) == uploader.gateway.content.get(lost) == composed.encode()


def reworded(request: Request) -> Request:
    shares = (Split(documents.HOLDER.address, Bps(9_000)), Split(documents.VOICE.address, Bps(1_000)))
    return replace(request, language="de", tags=("other",), splits=shares, publish_names=True)


def test_other_words_after_a_death_name_the_dataset_that_is_on_chain(uploader: Uploader) -> None:
    request = uploader.request(uploader.takes(2))
    composed = killed(uploader, request, sent=True)
    outcome = uploader.run(reworded(request))
    assert (list(uploader.chain.datasets), outcome.mined) == ([outcome.dataset_id], None)
    assert outcome.manifest_cid is not None
    assert uploader.content.get(outcome.manifest_cid) == composed.encode()


def test_other_words_before_anything_is_on_chain_are_the_ones_that_get_there(uploader: Uploader) -> None:
    request = uploader.request(uploader.takes(2))
    killed(uploader, request, sent=False)
    outcome = uploader.run(reworded(request))
    assert outcome.manifest_cid is not None
    assert Manifest.parse(uploader.content.get(outcome.manifest_cid)).language == "de"
    again = uploader.run(request)
    assert (list(uploader.chain.datasets), again.dataset_id) == ([outcome.dataset_id], outcome.dataset_id)


def test_the_same_takes_under_another_consent_or_other_terms_are_another_dataset(uploader: Uploader) -> None:
    request = uploader.request(uploader.takes(1))
    made: list[Outcome] = [uploader.run(request)]
    made.append(uploader.run(replace(request, consents=(Given(documents.consent(nonce=1)),))))
    made.append(uploader.run(replace(request, terms=documents.terms(notice_days=15))))
    assert len({outcome.dataset_id for outcome in made}) == 3
    assert all(outcome.mined for outcome in made)
    assert uploader.run(request).dataset_id == made[0].dataset_id


def test_a_manifest_whose_private_part_is_lost_is_made_anew_until_it_is_registered(uploader: Uploader) -> None:
    request = uploader.request(uploader.takes(1))
    first = killed(uploader, request, sent=False)
    uploader.content.remove(first.private.cid)
    outcome = uploader.run(request)
    assert outcome.manifest_cid is not None
    made = Manifest.parse(uploader.content.get(outcome.manifest_cid))
    assert made.private != first.private
    uploader.content.remove(made.private.cid)
    again = uploader.run(request)
    assert (again.dataset_id, again.mined, len(uploader.chain.sent)) == (outcome.dataset_id, None, 1)
