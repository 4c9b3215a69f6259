"""Which recordings of a dataset somebody means: by name, else by index, else by id, each exactly."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.app.access import chosen
from provenance.app.license import DatasetRecord
from provenance.domain.manifest import recording_id
from provenance.domain.refusal import UnknownRecording
from provenance.types import DatasetId
from tests import documents

ID = DatasetId(documents.word("dataset"))


def dataset(*names: str) -> DatasetRecord:
    manifest = documents.manifest(len(names))
    recordings = tuple(
        replace(recording, name=name) for recording, name in zip(manifest.recordings, names, strict=True)
    )
    terms, holder = documents.terms(), documents.HOLDER.address
    return DatasetRecord(ID, None, replace(manifest, recordings=recordings), terms, holder, 0, 0)  # type: ignore[arg-type]  # not asked


NAMED = ("5", "05", "a.wav", "0001", "x", "y")


@pytest.mark.parametrize(
    ("typed", "index"),
    [
        ("5", 0),  # a name before an index
        ("05", 1),
        ("a.wav", 2),
        ("0001", 3),
        ("4", 4),
        ("0", 0),
        ("0x" + recording_id(ID, 5).hex(), 5),
        ("0X" + recording_id(ID, 5).hex().upper(), 5),
    ],
)
def test_a_name_as_it_is_typed_then_a_plain_index_then_an_id(typed: str, index: int) -> None:
    assert chosen(dataset(*NAMED), [typed]) == (index,)


@pytest.mark.parametrize("typed", ["04", "005", "00", "+4", " 4", "4 ", "6", "-1", "٤", "A.WAV", "", "0x", "0x05"])
def test_what_is_only_like_a_name_or_an_index_is_none(typed: str) -> None:
    with pytest.raises(UnknownRecording):
        chosen(dataset(*NAMED), [typed])


def test_05_is_not_the_recording_that_is_named_5() -> None:
    with pytest.raises(UnknownRecording, match="no recording 05"):
        chosen(dataset("5", "a", "b", "c", "d", "e"), ["05"])


def test_each_recording_is_chosen_once_in_the_order_in_which_it_was_named() -> None:
    assert chosen(dataset(*NAMED), ["4", "a.wav", "x", "2"]) == (4, 2)
