"""Words and names that come with a consent or an upload, and where they lie. None of them becomes public."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from provenance.cli import files
from provenance.domain import canonical, fields
from provenance.domain.consent import Scope, Words
from provenance.domain.private import CONTRIBUTORS, Contributor
from provenance.errors import Invalid, Missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.app.publish import Given
    from provenance.cli.context import Context
    from provenance.types import Json, VoiceId

TEXT_BYTES: Final = 1 << 20
CREDITS_KIND: Final = "provenance/credits"
_FILE_NAME: Final = re.compile(r"[!-~]*/[!-~]*|\S+\.[A-Za-z0-9]{1,5}")  # in many scripts sentences have no spaces


def beside(consent: Path) -> Path:
    """Where the words of the consent in this file lie: `c.json` → `c.words.json`."""
    return consent.with_name(f"{consent.stem}.words.json")


def typed(text: str) -> str:
    """The words themselves, or those in the file of this name.

    Raises:
        Missing: a name that can only be a file's, and none is there.
        Invalid: the file is no text.
    """
    path = Path(text)
    if not _is_file(path):
        if _FILE_NAME.fullmatch(text):
            raise Missing(
                f"no file {text}", next="Check the path; words themselves are written as a sentence.", path=text
            )
        return text
    try:
        return files.read(path, TEXT_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"{path}: not UTF-8 at byte {error.start}", next="Save it as UTF-8 text.", path=text) from None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False  # too long for a name: words


def of(consent: Path, scope: Scope) -> Words | None:
    """The words beside a consent, which are those it was signed with; None where there are none.

    Raises:
        BadConsent: they are not.
    """
    path = beside(consent)
    if scope.words is None or not path.exists():
        return None
    words = files.document(path, Words.parse, TEXT_BYTES)
    words.check(scope)
    return words


def contributors(ctx: Context, file: Path, consents: Sequence[tuple[str, Given]]) -> tuple[Contributor, ...]:
    """The people whom a credits file names: `{"contributors": [{"name", "role", "account"?, "voice"?}]}`.

    `account` is a name of this keystore or an address; `voice` a consent's file, as it was given, or a voice id.

    Raises:
        Invalid: the field and whose it is.
    """
    document = files.document(file, canonical.loads, TEXT_BYTES)
    if isinstance(document, dict) and "format" in document:
        document = canonical.parse(canonical.dumps(document), kind=CREDITS_KIND)
    rows = fields.objects(fields.mapping({"credits": document}, "credits"), "contributors", most=CONTRIBUTORS)
    if not rows:
        raise Invalid(f"{file} names no contributors", field="contributors", next="Add one, or leave --credits out.")
    return tuple(_contributor(ctx, row, number, consents) for number, row in enumerate(rows, 1))


def _contributor(ctx: Context, row: dict[str, Json], number: int, consents: Sequence[tuple[str, Given]]) -> Contributor:

    contributor = dict(row)
    try:
        if contributor.get("account") is not None:
            contributor["account"] = fields.shown(ctx.keystore.address(fields.text(contributor, "account")))
        if contributor.get("voice") is not None:
            contributor["voice"] = fields.shown(_voice(fields.text(contributor, "voice", max_chars=4_096), consents))
        return Contributor.of(contributor)
    except (Invalid, Missing) as error:
        raise Invalid(
            f"contributor {number}: {error.detail}",
            next=error.next_step,
            field=error.facts.get("field"),
            contributor=number,
        ) from error


def _voice(name: str, consents: Sequence[tuple[str, Given]]) -> VoiceId:
    """The voice of a consent that was given with this name, or a voice id of one that was given."""
    for file, given in consents:
        voice = given.consent.consent.voice_id
        if name.lower() == "0x" + voice.hex() or name in (file, Path(file).name):
            return voice
    names = ", ".join(file for file, _ in consents) or "none"
    raise Invalid(
        f"voice {name!r} is no consent of this upload ({names})",
        field="voice",
        next="Name the file of a --consent, or its voiceId (`consent show`).",
    )
