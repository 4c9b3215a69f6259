"""The ports that an upload is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from provenance.app.ports import Call, Gateway, Journal, Mined
    from provenance.app.publish.takes import SealingPorts
    from provenance.domain.manifest import Manifest
    from provenance.types import Bytes32, DatasetId


@dataclass(frozen=True, slots=True)
class UploadPorts:
    """The gateway, the journal, and how the user is asked."""

    sealing: SealingPorts
    gateway: Gateway
    journal: Journal
    transact: Callable[[Call, str], Mined]
    """Sends a transaction of this wallet after the user agreed."""
    agree: Callable[[Manifest], None]
    """The user knows what becomes public for ever, and agrees."""
    write: Callable[[str, bytes], Path]
    """Leaves a file of this name for the user and says where."""
    elsewhere: Mapping[Bytes32, DatasetId] = field(default_factory=dict)
    """By sha-256: files that this holder registered under the same terms in other uploads."""
