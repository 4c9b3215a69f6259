"""The demo waits for its servers as long as they live, and no longer."""

from __future__ import annotations

import io
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from provenance.adapters.keys.keystore import SystemRandom
from provenance.adapters.remote import HttpGateway
from provenance.cli.demo import walkthrough
from provenance.cli.demo.runner import Runner
from provenance.errors import Failed, Unavailable
from tests.fakes.chain import deployment
from tests.fakes.clocks import Still


@pytest.fixture
def gateway() -> HttpGateway:
    """One that nobody serves."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return HttpGateway(f"http://127.0.0.1:{port}", deployment(), Still(), SystemRandom())


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path / "settings.toml", io.StringIO())


def running(runner: Runner, code: str) -> None:
    runner._running.append(subprocess.Popen([sys.executable, "-c", code]))


def test_a_server_that_ends_ends_the_wait_at_once_and_its_log_is_named(runner: Runner, gateway: HttpGateway) -> None:
    running(runner, "import time; time.sleep(1)")
    began = time.monotonic()
    with pytest.raises(Failed, match="ended before it was ready") as ended:
        walkthrough.await_ready(runner, gateway)
    assert time.monotonic() - began < 10
    assert "*.log" in ended.value.next_step


def test_a_server_that_lives_and_is_never_ready_ends_the_wait_at_its_deadline(
    runner: Runner, gateway: HttpGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert walkthrough.READY_WITHIN_S >= 120
    monkeypatch.setattr(walkthrough, "READY_WITHIN_S", 1)
    running(runner, "import time; time.sleep(60)")
    try:
        with pytest.raises(Unavailable):
            walkthrough.await_ready(runner, gateway)
    finally:
        runner.stop_servers()
