"""The demo's rights holders: a folder of recordings for each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provenance.errors import Invalid

CLIPS: Final = Path(__file__).parent / "clips"
AT_LEAST: Final = 3
AT_MOST: Final = 8  # a devnet's named rights holders
SUFFIXES: Final = frozenset({".wav", ".flac", ".mp3", ".ogg"})


@dataclass(frozen=True, slots=True)
class Folder:
    """One rights holder's recordings."""

    name: str
    path: Path


def folders(audio: Path | None) -> tuple[Folder, ...]:
    """One folder per rights holder: those of `audio`, filled up to three from the built-in clips.

    Raises:
        Invalid: no folder of `audio` holds a recording, or there are more than the devnet has holders.
    """
    given = _in(audio) if audio is not None else ()
    if audio is not None and not given:
        raise Invalid(
            f"{audio} has no folder with recordings",
            next=f"Give a folder with one folder per rights holder; {', '.join(sorted(SUFFIXES))} are read.",
            path=str(audio),
        )
    if len(given) > AT_MOST:
        raise Invalid(f"{audio} has {len(given)} folders; the demo has {AT_MOST} rights holders", path=str(audio))
    return given + _in(CLIPS)[: max(0, AT_LEAST - len(given))]


def _in(top: Path) -> tuple[Folder, ...]:
    if not top.is_dir():
        raise Invalid(f"{top} is not a folder", path=str(top))
    inside = sorted(path for path in top.iterdir() if path.is_dir() and not path.name.startswith("."))
    return tuple(
        Folder(path.name, path) for path in inside if any(file.suffix.lower() in SUFFIXES for file in path.iterdir())
    )
