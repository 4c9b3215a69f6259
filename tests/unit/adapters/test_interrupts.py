from __future__ import annotations

import os
import signal
import threading

import pytest

from provenance.adapters import interrupts


@pytest.mark.parametrize("how", interrupts.TOLD)
def test_what_is_held_is_finished_and_then_broken_off(how: signal.Signals) -> None:
    done = []
    before = signal.getsignal(how)

    def work() -> None:
        with interrupts.held():
            os.kill(os.getpid(), how)
            done.append(1)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [1]
    assert signal.getsignal(how) is before


@pytest.mark.parametrize("how", interrupts.TOLD)
def test_every_polite_end_is_as_ctrl_c(how: signal.Signals) -> None:
    before = signal.getsignal(how)
    with pytest.raises(KeyboardInterrupt), interrupts.as_ctrl_c():
        os.kill(os.getpid(), how)
    assert signal.getsignal(how) is before


def test_an_error_inside_goes_before_the_interrupt() -> None:
    def work() -> None:
        with interrupts.held():
            os.kill(os.getpid(), signal.SIGINT)
            raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        work()


def test_in_another_thread_nothing_is_changed() -> None:
    seen = []

    def other() -> None:
        with interrupts.held():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]
