"""Settings are read once, typed and frozen; a flag wins over the environment, which wins over the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from provenance import config
from provenance.errors import Invalid, Missing

FILE = """\
# mine
network = "local"
account = "studio"  # the usual one
home = "state"

[networks.local]
rpc = "http://127.0.0.1:1"
chain_id = 31337
content = ["blobs", "https://content.example"]
"""


@pytest.fixture
def file(home: Path) -> Path:
    path = home.parent / "here" / "provenance.toml"
    path.write_text(FILE, "utf-8")
    return path


def test_without_anything_there_are_defaults(home: Path):
    settings = config.load()
    assert (settings.file, settings.network, settings.networks) == (None, "devnet", {})
    assert settings.home.is_absolute()
    with pytest.raises(Missing, match="network devnet"):
        settings.chosen()


def test_the_file_here_is_read_and_its_paths_are_relative_to_it(file: Path, monkeypatch: pytest.MonkeyPatch):
    settings = config.load()
    assert settings.home == file.parent / "state"
    assert settings.chosen().content == (str(file.parent / "blobs"), "https://content.example")
    assert settings.chosen().rpc == ("http://127.0.0.1:1",)
    monkeypatch.chdir("/")
    assert config.load(file) == settings


def test_flag_over_environment_over_file(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PROVENANCE_ACCOUNT", "from-environment")
    monkeypatch.setenv("PROVENANCE_NETWORKS__LOCAL__RPC", "http://a:1, http://b:2")
    assert config.load().account == "from-environment"
    assert config.load().chosen().rpc == ("http://a:1", "http://b:2")
    assert config.load().chosen().chain_id == 31337
    assert config.load(flags={"account": "from-flag"}).account == "from-flag"
    assert config.load(flags={"account": None, "content": ()}).account == "from-environment"
    assert config.load(flags={"gateway": "http://g:1", "content": ("/c",)}).chosen().gateway == "http://g:1"


def test_the_platforms_folder_comes_last(home: Path, monkeypatch: pytest.MonkeyPatch):
    config.default_file().parent.mkdir(parents=True)
    config.default_file().write_text('account = "platform"\n')
    assert config.load().account == "platform"
    (Path.cwd() / "provenance.toml").write_text('account = "here"\n')
    assert config.load().account == "here"
    other = home.parent / "other.toml"
    other.write_text('account = "other"\n')
    monkeypatch.setenv("PROVENANCE_CONFIG", str(other))
    assert config.load().account == "other"
    assert config.load(Path("provenance.toml")).account == "here"
    with pytest.raises(Missing, match="no settings file"):
        config.load(Path("absent.toml"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROVENANCE_CONFIRMATION", "12"),
        ("PROVENANCE_NODE__LISTENN", "127.0.0.1:1"),
        ("PROVENANCE_NETWORKS__LOCAL__CHAINID", "1"),
        ("PROVENANCE_FILE", "/x"),
    ],
)
def test_unknown_names_in_the_environment_are_refused(file: Path, monkeypatch: pytest.MonkeyPatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(Invalid, match="unknown settings: "):
        config.load()


@pytest.mark.parametrize(
    "line",
    [
        "confirmation = 12\n",
        '[node]\nlisten_at = "x"\n',
        '[networks.local]\nrpcs = "x"\nchain_id = 1\n',
        'file = "x"\n',
    ],
)
def test_unknown_names_in_the_file_are_refused(home: Path, line: str):
    Path("provenance.toml").write_text(line)
    with pytest.raises(Invalid, match="unknown settings: "):
        config.load()


def test_wrong_values_are_named_and_not_repeated(home: Path):
    Path("provenance.toml").write_text('[node]\nlisten = "secret words"\n')
    with pytest.raises(Invalid, match=r"node\.listen") as caught:
        config.load()
    assert "secret words" not in str(caught.value)


def test_a_password_in_the_file_is_refused(home: Path):
    Path("provenance.toml").write_text('password = "hunter2"\n')
    with pytest.raises(Invalid) as caught:
        config.load()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("content", [b"x = ", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_file_that_is_not_toml_is_refused(home: Path, content: bytes):
    Path("provenance.toml").write_bytes(content)
    with pytest.raises(Invalid, match="is not TOML"):
        config.load()


def test_settings_are_frozen(home: Path):
    settings = config.load()
    with pytest.raises(ValidationError):
        settings.account = "other"


def test_a_saved_network_keeps_comments_and_other_settings(file: Path):
    config.save_network("local", {"gateway": "http://127.0.0.1:2"})
    written = config.save_network("devnet", {"rpc": ["http://127.0.0.1:3"], "chain_id": 31337}, select=True)
    assert written == file
    assert "# mine" in file.read_text()
    assert "# the usual one" in file.read_text()
    settings = config.load()
    assert settings.network == "devnet"
    assert settings.networks["local"].gateway == "http://127.0.0.1:2"
    assert settings.chosen().rpc == ("http://127.0.0.1:3",)
    config.save_network("local", {"gateway": None})
    assert config.load().networks["local"].gateway is None


def test_a_first_network_is_saved_in_the_platforms_folder(home: Path):
    assert config.save_network("devnet", {"rpc": "http://x", "chain_id": 1}) == config.default_file()
    assert config.load().chosen().chain_id == 1


def test_init_writes_a_file_that_loads_and_never_overwrites(provenance, home: Path):
    assert provenance("config", "init", "--config", "mine.toml").status == 0
    assert config.load(Path("mine.toml")).network == "devnet"
    assert provenance("config", "init", "--config", "mine.toml").status == 7


def test_every_line_of_the_starter_file_is_a_setting(home: Path):
    from provenance.cli.config import STARTER

    lines = [line.removeprefix("# ") for line in STARTER.splitlines() if "=" in line or line.startswith("# [")]
    Path("provenance.toml").write_text("\n".join(lines))
    settings = config.load()
    assert settings.networks["mainnet"].finality == "finalized"
    assert settings.account == "studio"


def test_dry_run_writes_nothing(provenance):
    answer = provenance("config", "init", "--config", "mine.toml", "--dry-run")
    assert (answer.status, Path("mine.toml").exists()) == (0, False)
    assert answer.stdout.startswith("Would write ")


def test_show_covers_secrets(provenance, home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PROVENANCE_PASSWORD", "hunter2")
    monkeypatch.setenv("PROVENANCE_NODE__DATABASE", "postgresql://u:hunter2@h/d")
    shown = provenance("config", "show")
    document = provenance("config", "show", "--json")
    assert "hunter2" not in shown.stdout + document.stdout + shown.stderr
    assert document.document["home"] == str(home)


def test_paths_tell_where_things_are(provenance, home: Path, file: Path):
    document = provenance("config", "paths", "--json").document
    assert document["settings"] == str(file)
    assert document["keystore"] == str(home / "keystore")
