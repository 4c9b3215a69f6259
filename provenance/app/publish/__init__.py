"""How do recordings get from files to a registered dataset?

`upload` is the road: judge and seal each take, build the manifest, deposit it, register it. Every
step can be repeated: what the journal and the chain say was done is not done again.
"""

from __future__ import annotations

from provenance.app.publish.request import Given, Request, Source
from provenance.app.publish.road import Outcome, foresee, upload
from provenance.app.publish.world import World

__all__ = ["Given", "Outcome", "Request", "Source", "World", "foresee", "upload"]
