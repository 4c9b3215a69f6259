"""The doctor names what is missing or wrong, each with its next step, and never fails itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


def findings(answer) -> dict[str, dict[str, str]]:
    return {one["name"]: one for one in answer.document["findings"]}


def test_an_empty_home_has_no_problems(provenance):
    answer = provenance("doctor", "--json")
    found = findings(answer)
    assert (answer.status, answer.document["problems"]) == (0, 0), found
    assert found["provenance"]["state"] == "ok"
    assert found["accounts"]["state"] == found["network"]["state"] == "absent"
    assert all(one["next"] for one in found.values() if one["state"] != "ok")


def test_wrong_settings_are_a_problem_with_its_next_step(provenance):
    Path("provenance.toml").write_text("confirmation = 12\n")
    answer = provenance("doctor")
    assert answer.status == 1
    assert "PROBLEM  settings: unknown settings: confirmation" in answer.stdout
    assert "Next: Remove them" in answer.stdout


def test_an_unknown_network_that_was_asked_for_is_a_problem(provenance):
    answer = provenance("doctor", "--network", "nope", "--json")
    found = findings(answer)["network"]
    assert (answer.status, found["state"]) == (1, "problem")
    assert found["next"] == "Add [networks.nope] to the settings file."
    Path("provenance.toml").write_text('[networks.main]\nrpc = "http://127.0.0.1:9"\nchain_id = 1\n')
    assert findings(provenance("doctor", "--network", "nope", "--json"))["network"]["next"].endswith("there: main.")
    named = provenance("doctor", "--network", "devnet", "--json")
    assert (named.status, "devnet up" in findings(named)["network"]["next"]) == (1, True)


def test_a_wrong_setting_is_named_with_where_it_stands(provenance, monkeypatch: pytest.MonkeyPatch):
    file = Path("provenance.toml").absolute()
    file.write_text('color = 1\n[networks.devnet]\nrpc = "http://127.0.0.1:9"\nchain_id = 4242\n')
    monkeypatch.setenv("PROVENANCE_NETWORKS__DEVNET__CHAIN", "1")
    told = findings(provenance("doctor", "--json"))["settings"]["detail"]
    assert "networks.devnet.chain (PROVENANCE_NETWORKS__DEVNET__CHAIN in the environment)" in told
    assert f"color (in {file})" in told
    file.write_text("")
    monkeypatch.setenv("PROVENANCE_NODE__LISTEN", "nowhere")
    monkeypatch.delenv("PROVENANCE_NETWORKS__DEVNET__CHAIN")
    told = findings(provenance("doctor", "--json"))["settings"]["detail"]
    assert told.endswith("(PROVENANCE_NODE__LISTEN in the environment)")


@pytest.mark.parametrize(
    ("written", "name", "told"),
    [
        ('[node]\ndatabase = "mysql://x"\n', "settings", "node.database: a file, sqlite:///FILE or postgresql://USER@"),
        ('[node]\nlisten = "8460"\n', "settings", "node.listen: HOST:PORT is expected"),
        ('finality = "latest"\n', "settings", "finality: finalized, safe or latest-N (N up to 9999) is expected"),
        ('deployment = "/nope.json"\n', "chain", "no deployment file /nope.json"),
        ('rpc = ["127.0.0.1:36789"]\n', "chain", "127.0.0.1:36789 is not an http(s) address"),
        ('rpc = ["me:secret@host/key"]\n', "chain", "host is not an http(s) address"),
    ],
)
def test_a_setting_that_cannot_work_is_named_with_what_may_be_written(provenance, written: str, name: str, told: str):
    network = "[networks.devnet]\nchain_id = 4242\n" + ("" if "rpc" in written else 'rpc = "http://127.0.0.1:9"\n')
    Path("provenance.toml").write_text(written if written.startswith("[") else network + written)
    answer = provenance("doctor", "--json")
    found = findings(answer)[name]
    assert (answer.status, found["state"]) == (1, "problem")
    assert found["detail"].removeprefix("wrong settings: ").removeprefix("networks.devnet.").startswith(told)
    assert found["next"]


def test_keys_that_others_can_read_are_a_problem(provenance, home: Path, password_file: Path, cheap):
    assert provenance("account", "create", "studio", "--password-file", password_file).status == 0
    assert findings(provenance("doctor", "--json"))["accounts"]["detail"] == "studio"
    (home / "keystore" / "studio.json").chmod(0o644)
    answer = provenance("doctor", "--json")
    assert answer.status == 1
    assert findings(answer)["home"]["next"] == f"chmod -R go= {home / 'keystore'}"


def test_a_network_without_deployment_is_a_problem(provenance):
    Path("provenance.toml").write_text('[networks.devnet]\nrpc = "http://127.0.0.1:9"\nchain_id = 4242\n')
    found = findings(provenance("doctor", "--json"))
    assert found["chain"]["state"] == "problem"
    assert "no deployment of chain 4242" in found["chain"]["detail"]
    assert found["gateway"]["state"] == "absent"


def test_a_missing_fingerprint_library_is_named_with_its_package(provenance, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "chromaprint", None)
    found = findings(provenance("doctor", "--json"))["chromaprint"]
    assert (found["state"], "libchromaprint" in found["detail"]) == ("absent", True)
    assert "apt-get install libchromaprint1" in found["next"]
