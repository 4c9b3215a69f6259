"""The gateway's process starts fast, listens where it is told, and stops cleanly."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from provenance.adapters.keys.keystore import Keystore
from provenance.domain.fields import checksummed
from tests.e2e.parties import Parties, free_port, parties

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parties]:
    with parties(tmp_path_factory.mktemp("serve")) as made:
        made.run("node", "follow", "--once")
        yield made


def serving(here: Parties, port: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        here.command("node", "serve", "--listen", f"127.0.0.1:{port}"),
        cwd=here.room,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    for _ in range(600):
        assert process.poll() is None, process.communicate()
        try:
            httpx2.get(f"http://127.0.0.1:{port}/health", timeout=1.0)
        except httpx2.TransportError:
            time.sleep(0.05)
        else:
            return process
    raise AssertionError("the gateway does not answer")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_gateway_stops_at_once_when_asked(here: Parties, how: signal.Signals) -> None:
    process = serving(here, free_port())
    began = time.monotonic()
    process.send_signal(how)
    _, told = process.communicate(timeout=20)
    assert time.monotonic() - began < 5
    gateway = Keystore(here.room / "home" / "keystore").address("operator")
    assert f"Gateway {checksummed(gateway)} on http://127.0.0.1:" in told.decode()
    assert process.returncode in (0, 130, -how)


def test_it_listens_on_loopback_alone_and_says_that_it_is_ready(here: Parties) -> None:
    port = free_port()
    process = serving(here, port)
    try:
        assert httpx2.get(f"http://127.0.0.1:{port}/ready").json()["status"] == "ready"
        listening = Path(f"/proc/{process.pid}/net/tcp").read_text()
        assert f"0100007F:{port:04X}" in listening
        assert f"00000000:{port:04X}" not in listening
        taken = here.run("node", "serve", "--listen", f"127.0.0.1:{port}", status=7)
        assert "address-taken" in taken.stdout + taken.stderr
    finally:
        process.kill()
        process.communicate()


def test_an_account_that_would_be_passed_over_is_refused(here: Parties) -> None:
    for command, role, acts in (("pay", "relayer", "relayer"), ("serve", "meter", "operator")):
        told = here.run("node", command, "--account", "Иван", status=2)
        words = f"--account Иван is not used here: {acts} acts, as `[node] {role}` says"
        assert words in told.stdout + told.stderr, command
    relayer = here.document("account", "show", "relayer")["address"]
    told = here.run("node", "pay", "--account", relayer, status=7)
    assert "no settlement is active" in told.stdout


def test_an_address_that_is_none_is_refused(here: Parties) -> None:
    for listen in ("8460", "127.0.0.1:", "127.0.0.1:99999", ":x"):
        here.run("node", "serve", "--listen", listen, status=2)
