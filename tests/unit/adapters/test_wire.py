"""The settings become adapters; what is missing is named with the next step."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.adapters import wire
from provenance.adapters.content.embedded import Embedded
from provenance.config import Network, Settings
from provenance.errors import Invalid, Missing
from tests.unit.app.test_deploy import RECORD


def settings(home: Path, **network: object) -> Settings:
    said = {"chain_id": 31_337, "rpc": ("http://127.0.0.1:9",)} | network
    return Settings(home=home, networks={"devnet": Network(**said)})


def test_a_deployment_is_found_by_setting_then_here_then_in_home(tmp_path, monkeypatch):
    here, home, named = tmp_path / "here", tmp_path / "home", tmp_path / "named.json"
    for folder in (here, home):
        (folder / "deployments").mkdir(parents=True)
    monkeypatch.chdir(here)
    with pytest.raises(Missing) as caught:
        wire.record(settings(home))
    assert "devnet up" in caught.value.next_step
    for number, place in enumerate(
        (home / "deployments" / "31337.json", here / "deployments" / "31337.json", named), 1
    ):
        place.write_bytes(type(RECORD)(**{**_fields(RECORD), "first_block": number}).encode())
        found = wire.record(settings(home, **({"deployment": named} if place == named else {})))
        assert found.first_block == number


def test_a_deployment_of_another_chain_is_refused(tmp_path):
    (tmp_path / "31337.json").write_bytes(RECORD.encode())
    with pytest.raises(Invalid):
        wire.record(settings(tmp_path, chain_id=1, deployment=tmp_path / "31337.json"))


@pytest.mark.parametrize(
    ("chain_id", "rpc", "local"),
    [
        (31_337, ("http://127.0.0.1:8545",), True),
        (1_337, ("http://localhost:8545", "http://[::1]:1"), True),
        (1, ("http://127.0.0.1:8545",), False),
        (31_337, ("https://rpc.example",), False),
        (31_337, ("http://127.0.0.1:8545", "https://rpc.example"), False),
        (31_337, ("http://127.0.0.1.example:8545",), False),
    ],
)
def test_only_a_local_development_chain_moves_our_clock(chain_id, rpc, local):
    assert wire.is_devnet(Network(chain_id=chain_id, rpc=rpc)) is local


def test_the_clock_is_host_time_plus_the_lead():
    host, ahead = wire.HostClock(), wire.HostClock(lambda: 5_000)
    assert 4_999 <= ahead.now() - host.now() <= 5_001
    assert abs(ahead.now_ms() - host.now_ms() - 5_000_000) < 1_000


def test_a_network_without_a_gateway_says_so(tmp_path):
    with pytest.raises(Missing) as caught:
        wire.gateway(settings(tmp_path))
    assert "--gateway" in caught.value.next_step


def test_content_is_looked_for_in_named_folders_and_at_the_gateway(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    gateway = "http://127.0.0.1:8460"
    found = wire.sources(
        settings(tmp_path, gateway=gateway, content=(str(folder), gateway + "/", "https://ipfs.example"))
    )
    assert [type(one).__name__ for one in found] == ["Embedded", "Trustless", "Served", "Served"]
    with pytest.raises(Missing):
        wire.sources(settings(tmp_path, content=(str(tmp_path / "nowhere"),)))
    assert wire.sources(Settings(home=tmp_path)) == []


def test_content_of_another_folder_is_fetched_and_kept(tmp_path):
    cid = Embedded(tmp_path / "elsewhere").put(b"a document")
    made = settings(tmp_path, content=(str(tmp_path / "elsewhere"),))
    assert wire.content(made).get(cid) == b"a document"
    assert wire.store(made).get(cid) == b"a document"


def _fields(record):
    return {name: getattr(record, name) for name in record.__slots__}
