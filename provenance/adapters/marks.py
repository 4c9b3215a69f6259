"""What catalogues elsewhere know a recording by: its ISCC, and its Chromaprint where the library is there.

Chromaprint is a library of the system; without it, or in audio too short for it, the marks are those of the bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from provenance.domain.private import Marks
from provenance.errors import Invalid

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.domain.audio import Samples

ITEMS: Final = 948  # values in AcoustID's two minutes; Source: fpcalc -length 120
UNIT_BITS: Final = 64
LIBRARY: Final = "libchromaprint"
_SLOWEST_HZ: Final = 1_000  # Chromaprint hears no slower rate
_READ_BYTES: Final = 1 << 21


def chromaprint() -> Any | None:
    """Chromaprint's binding; None where the system lacks the library.

    It is the module of pyacoustid below `acoustid`, which would load an HTTP client for a service we do not ask.
    """
    try:
        import chromaprint as found  # noqa: PLC0415 - looks for the library
    except ImportError:
        return None
    return found


class Fingerprint:
    """Chromaprint of one recording, fed in pieces."""

    def __init__(self) -> None:
        self._library = chromaprint()
        self._hearing: Any = None

    def add(self, samples: Samples, rate_hz: int) -> None:
        """The next piece is heard.

        Args:
            samples: int32 [frames, channels], full scale = 2^31.
            rate_hz: the same for all pieces.
        """
        if self._library is None or rate_hz <= _SLOWEST_HZ:
            return
        if self._hearing is None:
            self._hearing = self._library.Fingerprinter()
            self._hearing.start(rate_hz, samples.shape[1])
        self._hearing.feed((samples >> 16).astype(np.int16).tobytes())

    def finish(self) -> tuple[tuple[int, ...], str]:
        """(unsigned 32-bit values of the whole, text of the first two minutes); empty where nothing was heard."""
        if self._library is None or self._hearing is None:
            return (), ""
        values, algorithm = self._library.decode_fingerprint(self._hearing.finish())
        if not values:
            return (), ""
        return tuple(values), self._library.encode_fingerprint(values[:ITEMS], algorithm).decode("ascii")


def marks(path: Path, heard: Fingerprint) -> Marks:
    """The marks of a file whose audio was heard.

    A recording too short for Chromaprint has no Audio-Code: the code of nothing would be the same for all of them.
    There is no Meta-Code: it would change with a title while the recording stays.

    Raises:
        Invalid: it cannot be read.
    """
    import iscc_lib  # noqa: PLC0415 - loads compiled code

    data_code, instance = iscc_lib.DataHasher(), iscc_lib.InstanceHasher()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_READ_BYTES):
                data_code.update(chunk)
                instance.update(chunk)
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}", path=str(path)) from error
    values, text = heard.finish()
    units = [data_code.finalize(UNIT_BITS).iscc, instance.finalize(UNIT_BITS).iscc]
    if values:
        signed = [word - (1 << 32) if word >> 31 else word for word in values]
        units.insert(0, iscc_lib.gen_audio_code_v0(signed, UNIT_BITS).iscc)
    return Marks(iscc_lib.gen_iscc_code_v0(units).iscc, text)
