"""A circuit breaker: whether a peer may be asked now, and how long until it is asked again.

Backoff and circuit breaker as values: each call takes a state and answers the next one. After too many
failures nobody asks; when the pause is over exactly one probe goes through, however many callers wait.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from provenance.types import PPM_ONE

MAX_DOUBLINGS: Final = 32


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient a breaker is.

    Attributes:
        failures: how many in a row open it.
        pause_ms: the first pause; it doubles with every failed probe.
        longest_ms: no pause is longer.
    """

    failures: int = 3
    pause_ms: int = 1_000
    longest_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of one peer: closed while failures are few, open until `open_until_ms`, then one probe.

    Attributes:
        failures: in a row, so far.
        open_until_ms: nobody asks before; 0 while closed.
        probe_until_ms: one caller is asking; it is given up at this time, lest a lost one block for ever.
    """

    failures: int = 0
    open_until_ms: int = 0
    probe_until_ms: int = 0


CLOSED: Final = Breaker()


def ask(state: Breaker, now_ms: int, policy: Policy) -> tuple[Breaker, bool]:
    """The next state, and whether this caller may ask."""
    if state.failures < policy.failures:
        return state, True
    if now_ms < max(state.open_until_ms, state.probe_until_ms):
        return state, False
    return replace(state, probe_until_ms=now_ms + policy.longest_ms), True


def succeeded(state: Breaker) -> Breaker:
    """The peer answered: everything is forgotten."""
    _ = state
    return CLOSED


def failed(state: Breaker, now_ms: int, policy: Policy, jitter_ppm: int) -> Breaker:
    """The peer did not answer; from the last allowed failure on, it rests.

    Args:
        state: before.
        now_ms: any clock that only goes forward.
        policy: how patient.
        jitter_ppm: where between half and the whole of the pause, drawn by the caller, 0…1,000,000.
    """
    failures = state.failures + 1
    if failures < policy.failures:
        return Breaker(failures)
    return Breaker(failures, now_ms + pause_ms(failures - policy.failures, policy, jitter_ppm))


def pause_ms(doublings: int, policy: Policy, jitter_ppm: int) -> int:
    """Between half and the whole of the doubled pause [ms], never more than the longest."""
    whole = min(policy.pause_ms << min(doublings, MAX_DOUBLINGS), policy.longest_ms)
    return whole // 2 + (whole - whole // 2) * jitter_ppm // PPM_ONE
