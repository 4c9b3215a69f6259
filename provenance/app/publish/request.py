"""What an uploader asks for, and what came of each file."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

from provenance.domain import record
from provenance.domain.typed import Register
from provenance.errors import Denied, Invalid

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.domain.consent import SignedConsent, Words
    from provenance.domain.private import Contributor
    from provenance.domain.splits import Split
    from provenance.domain.terms import Terms
    from provenance.types import Address, Json


class NothingToRegister(Invalid):
    """Every file was refused."""

    next = "Look at the reasons above, correct or replace the files and repeat the command."


class AuthorizationNeeded(Denied):
    """The rights holder has not signed this registration."""

    next = "Ask the holder for `dataset sign FILE --out F`, then repeat with --authorization F."


@dataclass(frozen=True, slots=True)
class Source:
    """One file to upload and the name it goes by: its path under the folder that was named."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Given:
    """A consent, and for which files it was given on the command line (all, if there is no pattern)."""

    consent: SignedConsent
    pattern: str | None = None
    words: Words | None = None
    """What its scope has a hash of, if its owner gave them."""

    def names(self, name: str) -> bool:
        """Whether the pattern means this file, by its path or its last part."""
        if self.pattern is None:
            return True
        return fnmatchcase(name, self.pattern) or fnmatchcase(name.rpartition("/")[2], self.pattern)


@record.dataclass(frozen=True, slots=True)
class Authorization:
    """A holder's signature under a registration that somebody else sends."""

    register: Annotated[Register, record.INLINE]
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One upload as the user asked for it."""

    title: str
    kind: str
    language: str
    terms: Terms
    holder: Address
    splits: tuple[Split, ...]
    sources: tuple[Source, ...]
    consents: tuple[Given, ...] = ()
    tags: tuple[str, ...] = ()
    contributors: tuple[Contributor, ...] = ()
    accept_review: bool = False
    publish_names: bool = False
    dispute: bool = False
    authorization: Authorization | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that is not in the dataset, and why."""

    name: str
    code: str
    reason: str

    def row(self) -> dict[str, Json]:
        """As `--json` prints it."""
        return {"name": self.name, "code": self.code, "reason": self.reason}
