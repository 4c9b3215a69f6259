from __future__ import annotations

from hypothesis import given, strategies as st

from provenance.domain import breaker
from provenance.domain.breaker import CLOSED, Policy

POLICY = Policy(failures=3, pause_ms=1_000, longest_ms=60_000)
jitters = st.integers(0, 1_000_000)


def opened(now_ms: int = 0) -> breaker.Breaker:
    state = CLOSED
    for _ in range(POLICY.failures):
        state = breaker.failed(state, now_ms, POLICY, 1_000_000)
    return state


def test_half_open_lets_exactly_one_of_a_thousand_through() -> None:
    state = opened()
    allowed = 0
    for _ in range(1_000):
        state, may = breaker.ask(state, 1_000, POLICY)
        allowed += may
    assert allowed == 1


def test_an_open_breaker_lets_nobody_through_before_its_pause_is_over() -> None:
    state = opened()
    assert not breaker.ask(state, 999, POLICY)[1]
    assert breaker.ask(state, 1_000, POLICY)[1]


def test_few_failures_close_nothing() -> None:
    state = breaker.failed(breaker.failed(CLOSED, 0, POLICY, 0), 0, POLICY, 0)
    assert breaker.ask(state, 0, POLICY) == (state, True)


def test_one_answer_forgets_all_failures() -> None:
    assert breaker.succeeded(opened()) == CLOSED


def test_a_probe_that_never_reports_is_given_up() -> None:
    state, _ = breaker.ask(opened(), 1_000, POLICY)
    assert not breaker.ask(state, 60_999, POLICY)[1]
    assert breaker.ask(state, 61_000, POLICY)[1]


@given(failures=st.integers(0, 200), jitter=jitters)
def test_pauses_double_up_to_the_longest(failures: int, jitter: int) -> None:
    pause = breaker.pause_ms(failures, POLICY, jitter)
    whole = min(1_000 * 2**failures, 60_000)
    assert whole // 2 <= pause <= whole


@given(st.lists(st.tuples(st.integers(0, 90_000), st.sampled_from(["ask", "ok", "no"]), jitters), max_size=200))
def test_between_two_probes_lies_a_pause(steps: list[tuple[int, str, int]]) -> None:
    state, now, last_probe = CLOSED, 0, None
    for wait, what, jitter in steps:
        now += wait
        if what == "ask":
            was_open = state.failures >= POLICY.failures
            state, may = breaker.ask(state, now, POLICY)
            if may and was_open:
                assert last_probe is None or now - last_probe >= POLICY.pause_ms // 2
                last_probe = now
        elif what == "ok":
            state, last_probe = breaker.succeeded(state), None
        else:
            state = breaker.failed(state, now, POLICY, jitter)
            last_probe = now if state.failures >= POLICY.failures else last_probe
