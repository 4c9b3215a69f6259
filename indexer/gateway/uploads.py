"""Uploads: content that somebody sends before the chain says whose it is.

All bytes that no registered dataset names have one limit together, whoever sent them: what strangers send can fill that
and nothing else. Small objects count as `CHARGED_BYTES` each. Which bytes a dataset names is told by its deposit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from provenance.errors import Conflict

if TYPE_CHECKING:
    from indexer.gateway.node import Arriving, GatewayNode
    from provenance.domain.cid import Cid
    from provenance.types import Address

CHARGED_BYTES: Final = 64 << 10  # at least, each: rows and inodes are used up like bytes
_PIECE: Final = 1 << 20


class UnregisteredFull(Conflict):
    """The gateway holds as much as it may of what no registered dataset names."""

    next = "Register what you deposited; else ask the operator to raise `[node] unregistered_bytes`, or use another gateway."


@dataclass(frozen=True, slots=True)
class Room:
    """Room that is held while content arrives; leaving the block gives it back."""

    arriving: Arriving
    size: int

    def __enter__(self) -> None:
        """The room was taken when this was made."""

    def __exit__(self, *_: object) -> None:
        self.arriving.give(self.size)


def room(node: GatewayNode, address: Cid, size: int) -> Room:
    """Room for this content; what is here already needs none.

    Raises:
        UnregisteredFull: there is none.
    """
    charged = 0 if node.content.has(address) else max(size, CHARGED_BYTES)
    if not node.arriving.take(charged, node.unregistered_bytes - node.custody.unregistered_bytes(CHARGED_BYTES)):
        node.custody.settle_uploads()  # those whose dataset was registered meanwhile do not count any more
        used = node.custody.unregistered_bytes(CHARGED_BYTES)
        if not node.arriving.take(charged, node.unregistered_bytes - used):
            raise UnregisteredFull(
                f"{used} of {node.unregistered_bytes} bytes are used by what no registered dataset names",
                used=str(used),
                limit=str(node.unregistered_bytes),
            )
    return Room(node.arriving, charged)


def keep(node: GatewayNode, address: Cid, file: IO[bytes], sender: Address, *, document: bool) -> int:
    """The file is content under this address; returns its size in bytes.

    Raises:
        ContentCorrupt: it is other content; nothing is kept.
    """
    new = not node.content.has(address)
    node.content.put_chunks(iter(lambda: file.read(_PIECE), b""), expected=address)
    size = node.content.size(address)
    node.custody.add_upload(str(address), sender, node.clock.now(), document=document, size=size if new else 0)
    return size
