"""From a recording to a paid, audited royalty: what every party runs.

`provenance.Meter` is loaded when it is first asked for, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provenance.sdk.meter import Meter

__all__ = ["Meter", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name == "Meter":
        from provenance.sdk.meter import Meter

        return Meter
    message = f"module 'provenance' has no attribute {name!r}"
    raise AttributeError(message)
