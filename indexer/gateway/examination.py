"""Examination of a sealed recording, as the gateway opens and hears it itself. Neither the audio nor its key touches a disk."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from indexer import records
from provenance.domain import canonical
from provenance.domain.audio import CODE_BY_VERDICT
from provenance.errors import Invalid

if TYPE_CHECKING:
    from indexer.gateway.node import GatewayNode
    from provenance.domain.recording import Recording
    from provenance.domain.sealed import Secret

MOST_BYTES: Final = 1 << 30  # a take is held in memory while it is heard


def judged(node: GatewayNode, recording: Recording, secret: Secret) -> records.JudgedObject:
    """What was heard in a recording; opened only the first time.

    Every seal and the plaintext's commitment are checked, and the whole take goes through the gate.

    Raises:
        Invalid: what is sealed is no audio that can be decoded, or too much of it.
        Failed: the key or the ciphertext is not what the manifest commits to.
    """
    object_id, address = recording.sealed.header.object_id, str(recording.cid)
    known = node.custody.judged([object_id]).get((object_id, address))
    if known is not None:
        return known
    size = recording.sealed.header.plaintext_bytes
    if size > MOST_BYTES:
        raise Invalid(f"{size} bytes of audio in one take; at most {MOST_BYTES} are heard")
    opening = node.cipher.opening(recording.sealed, secret)
    heard = node.examine(b"".join(opening.open(node.content.chunks(recording.cid))))
    report, quality = heard.report, canonical.dumps(heard.report.to_json())
    node.content.put(quality)
    row = records.JudgedObject(
        object_id=object_id,
        cid=address,
        cluster=hmac.digest(node.cluster_secret, heard.pcm_digest, "sha256"),
        verdict=CODE_BY_VERDICT[report.verdict],
        quality=quality.decode(),
        metrics_digest=report.digest(),
        gate_version=report.gate_version,
    )
    node.custody.add_judged(row)
    return row
