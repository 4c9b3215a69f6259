"""Publishing: recordings get from files to a registered dataset.

`upload` runs all of it: judge and seal each take, build the manifest, deposit it, register it. Every
step can be repeated: what the journal and the chain say was done is not done again.
"""

from __future__ import annotations

from provenance.app.publish.pipeline import Outcome, foresee, upload
from provenance.app.publish.ports import UploadPorts
from provenance.app.publish.request import Given, Request, Source

__all__ = ["Given", "Outcome", "Request", "Source", "UploadPorts", "foresee", "upload"]
