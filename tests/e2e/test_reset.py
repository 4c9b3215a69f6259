"""A devnet that was reset or purged is used again, and nothing answers for the chain that is gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from provenance import config
from tests.e2e.parties import Parties, parties
from tests.live_gateway import speech

pytestmark = pytest.mark.e2e


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Parties]:
    with parties(tmp_path / "room") as made:
        folder = made.room / "takes"
        folder.mkdir()
        (folder / "a.wav").write_bytes(speech(77, 3.0))
        terms = str(made.room / "terms.json")
        made.inside("terms", "new", terms, "--per-unit", "output=0.001", "--account", "holder-1")
        yield made


def registered(here: Parties) -> Any:
    """What uploading the folder said, at an operator that was started for it."""
    here.start_operator()
    said = {"--dataset": "Bells", "--terms": str(here.room / "terms.json"), "--kind": "sound", "--language": "zxx"}
    made = here.inside(
        *("upload", str(here.room / "takes"), *(word for option in said.items() for word in option)),
        *("--account", "holder-1", "--accept-review"),
    )
    here.inside(
        *("consent", "grant", "--voice", "me", "--holder", "holder-1", "--purpose", "train.tts", "--territory", "WW"),
        *("--until", "1y", "--out", str(here.room / f"consent-{made['tx']}.json"), "--account", "voice-1"),
    )
    return made


def test_the_same_upload_is_registered_on_each_new_chain(here: Parties) -> None:
    home = here.room / "home"
    mine, production = home / "keys" / "mine.json", home / "uploads" / "production.jsonl"
    for file in (mine, production):
        file.parent.mkdir()
        file.write_text(json.dumps({"wallet": "0x" + "11" * 20}) + "\n")
    transactions = {registered(here)["tx"]}
    assert {"node.db", "uploads", "consents.jsonl"} <= {one.name for one in (home / "devnet").iterdir()}
    for afresh in (("devnet reset",), ("devnet down --purge", "devnet up")):
        here.stop("follow")
        here.stop("serve")
        for command in afresh:
            here.inside(*command.split())
        assert here.inside("consent", "list") == []
        assert list((home / "keys").iterdir()) == [mine]
        made = registered(here)
        assert (made["recordings"], made["refused"]) == (1, [])
        transactions.add(made["tx"])
        assert [one["datasetId"] for one in here.inside("dataset", "list")] == [made["datasetId"]]
    assert (len(transactions - {None}), list(production.parent.iterdir())) == (3, [production])


def test_a_database_of_another_chain_is_served_by_nobody(here: Parties) -> None:
    database = here.room / "kept.db"
    config.save({"node": {"database": f"sqlite:///{database}"}}, path=here.settings)
    here.start_operator()
    here.stop("follow")
    port = json.loads((here.room / "home" / "devnet" / "node.json").read_text())["port"]
    here.inside("devnet", "reset", "--port", str(port))
    listen = config.load(here.settings).node.listen
    told = httpx2.get(f"http://{listen}/ready")
    assert (told.status_code, told.json()["type"]) == (409, "/problems/other-chain")
    here.stop("serve")
    answer = here.run("node", "serve", status=7)
    assert json.loads(answer.stdout)["type"] == "/problems/other-chain"
