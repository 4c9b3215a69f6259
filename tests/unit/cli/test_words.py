"""Words and names are taken as they were meant, and what is wrong with them is named by its place."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from provenance.app.publish import Given
from provenance.cli import files, words
from provenance.cli.context import Context
from provenance.domain.consent import BadConsent, Scope, Words
from provenance.domain.private import Contributor
from provenance.errors import Invalid, Missing
from provenance.types import Address
from tests import documents
from tests.documents import word

pytestmark = pytest.mark.unit
SAID = Words("Только закадровый текст.\n仅限旁白。", word("salt"))
CONSENTS = (("given/anna.json", Given(documents.consent())), ("b.json", Given(documents.consent(voice_id=word("b")))))


class Accounts:
    """A keystore that knows one name."""

    def address(self, name: str) -> Address:
        if name == "studio":
            return documents.HOLDER.address
        if name.startswith("0x"):
            return Address(bytes.fromhex(name[2:]))
        raise Missing(f"no account {name}", next="`account list` names them.")


class Keystores:
    keystore = Accounts()


def read(path: Path, value: object) -> tuple[Contributor, ...]:
    path.write_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), "utf-8")
    return words.contributors(Keystores(), path, CONSENTS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["For narration. No ads.", "仅限旁白。用于有声书/广播", "Только текст", "yes", "w" * 5_000, "a\0b"]
)
def test_words_are_themselves(text: str) -> None:
    assert words.typed(text) == text


def test_words_in_a_file_are_read_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "договор 1.txt"
    path.write_bytes("\ufeffТолько\r\n仅限\n".encode())
    assert words.typed(str(path)) == "Только\r\n仅限\n"
    path.write_bytes("Только".encode("cp1251"))
    with pytest.raises(Invalid, match="not UTF-8 at byte 0"):
        words.typed(str(path))


@pytest.mark.parametrize("name", ["words.txt", "договор.docx", "papers/words"])
def test_a_file_that_is_not_there_is_not_taken_for_words(name: str) -> None:
    with pytest.raises(Missing, match=f"no file {name}"):
        words.typed(name)


def test_words_lie_beside_their_consent_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    assert words.of(path, Scope(None, words=SAID.hash)) is None
    files.write(words.beside(path), SAID.encode(), private=True)
    assert stat.S_IMODE((tmp_path / "c.words.json").stat().st_mode) == 0o600
    assert words.of(path, Scope(None, words=SAID.hash)) == SAID
    assert words.of(path, Scope(None)) is None
    with pytest.raises(BadConsent, match="not those that were signed"):
        words.of(path, Scope(None, words=word("other")))


def test_people_are_named_with_account_and_voice(tmp_path: Path) -> None:
    rows = [
        {"name": "Анна Иванова", "role": "диктор", "account": "studio", "voice": "anna.json"},
        {"name": "声音", "role": "录音", "voice": "0x" + word("b").hex().upper()},
        {"name": "Ö", "role": "mix", "account": None, "pronouns": "they"},
    ]
    anna, voice, last = read(tmp_path / "c.json", {"contributors": rows})
    assert anna == Contributor("Анна Иванова", "диктор", documents.HOLDER.address, word("voice"))
    assert voice.voice == word("b")
    assert last == Contributor("Ö", "mix", extra={"pronouns": "they"})
    again = read(tmp_path / "c.json", {"format": "provenance/credits", "version": 1, "contributors": rows})
    assert again == (anna, voice, last)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{", "not JSON at line 1"),
        ([], "credits: an object is expected"),
        ({"contributers": []}, "contributors: a list"),
        ({"contributors": []}, "names no contributors"),
        ({"contributors": ["Ann"]}, "contributors: an object is expected"),
        ({"contributors": [{"name": "Ann", "role": "x"}, {"name": "Bob"}]}, "contributor 2: role: text"),
        ({"contributors": [{"name": "A\u0007", "role": "x"}]}, "contributor 1: name: control characters"),
        ({"contributors": [{"name": "Ann", "role": "x", "account": "nobody"}]}, "contributor 1: no account nobody"),
        ({"contributors": [{"name": "Ann", "role": "x", "voice": "c.json"}]}, "voice 'c.json' is no consent of this"),
        ({"format": "provenance/terms", "version": 1, "contributors": []}, "format is 'provenance/terms'"),
    ],
)
def test_what_is_wrong_with_credits_is_said_by_its_place(tmp_path: Path, value: object, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read(tmp_path / "c.json", value)


def test_credits_that_are_not_there_are_missing(tmp_path: Path) -> None:
    with pytest.raises(Missing):
        words.contributors(Context.__new__(Context), tmp_path / "nowhere.json", ())
