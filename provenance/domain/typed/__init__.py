"""Typed data (EIP-712): what each party signs, and its digest.

One frozen class per EIP-712 type; `TYPE` is the type string that the contracts hash, and the fields
stand in its order, in Python's spelling. Who may sign what is asked elsewhere.
"""

from __future__ import annotations

from provenance.domain.typed.encoding import (
    Domain as Domain,
    Domains as Domains,
    Struct as Struct,
    digest as digest,
    members as members,
    parsed as parsed,
    spelled as spelled,
    struct_hash as struct_hash,
    words as words,
)
from provenance.domain.typed.structs import *  # noqa: F403 - every type, so that none is listed a second time
