"""Accounts are made, taken in, shown, given out and removed; a key is never typed where others see it."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[2] / "golden" / "keystores"
KEY = "4c" * 32
ADDRESS = "0xdB00079cad3e665853Bf766eFe26F4C38cdbdCDA"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key.txt"
    path.write_text(f"0x{KEY}\n")
    path.chmod(0o600)
    return path


def test_an_account_is_made_listed_and_shown(provenance, password_file: Path, cheap, home: Path):
    made = provenance("account", "create", "studio", "--password-file", password_file, "--json").document
    assert provenance("account", "list", "--json").document == [{"name": "studio", "address": made["address"]}]
    shown = provenance("account", "show", "--password-file", password_file, "--json").document
    assert shown["address"] == made["address"]
    assert len(shown["encryptionKey"]) == 66
    assert Path(shown["envelopeKeystore"]).parent == home / "keystore"


def test_dry_run_makes_nothing(provenance, home: Path):
    answer = provenance("account", "create", "studio", "--dry-run")
    assert (answer.status, home.exists()) == (0, False)
    assert answer.stdout == "Would make account studio\n"


def test_without_a_password_nothing_is_made(provenance, home: Path):
    answer = provenance("account", "create", "studio")
    assert answer.status == 2
    assert "Next: Repeat with --password-file FILE" in answer.stderr
    assert not (home / "keystore").exists()


def test_a_home_that_cannot_be_written_is_named(provenance, password_file: Path, cheap, home: Path):
    home.write_text("a file where the folder should be")
    answer = provenance("account", "create", "studio", "--password-file", password_file)
    assert answer.status == 69
    assert answer.stderr.startswith(f"Error: {home}/keystore cannot be written: Not a directory\nNext: Free space or")


def test_a_password_of_the_environment_counts(provenance, cheap, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PROVENANCE_PASSWORD", "from here")
    assert provenance("account", "create", "studio").status == 0
    assert provenance("account", "show").status == 0
    monkeypatch.setenv("PROVENANCE_PASSWORD", "another")
    assert provenance("account", "show").status == 5


def test_a_raw_key_file_is_taken_in_and_its_key_not_shown(provenance, password_file: Path, key_file: Path, cheap):
    answer = provenance("account", "import", "mine", "--key-file", key_file, "--password-file", password_file, "-vv")
    assert ADDRESS in answer.stdout
    assert KEY not in answer.stdout + answer.stderr
    assert provenance("account", "list", "--json").document[0]["address"] == ADDRESS


def test_foundrys_file_is_taken_in_with_its_password(provenance, tmp_path: Path, cheap, monkeypatch):
    path = tmp_path / "foundry.json"
    shutil.copy(GOLDEN / "foundry.json", path)
    path.chmod(0o644)
    monkeypatch.setenv("PROVENANCE_PASSWORD", "пароль 口令")
    answer = provenance("account", "import", "mine", "--keystore", path)
    assert (answer.status, "chmod 600" in answer.stderr) == (5, True)
    path.chmod(0o600)
    assert ADDRESS in provenance("account", "import", "mine", "--keystore", path).stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("import", "mine", KEY),
        ("import", KEY),
        ("import", "mine", "0x" + KEY),
        ("create", "0x" + KEY),
        ("create", "mine", KEY),
        ("show", KEY),
        ("import", "mine", "--private-key", KEY),
        ("import", "mine", f"--private-key={KEY}"),
        ("list", "--account", KEY, "--password-file", KEY),
    ],
)
def test_a_key_as_an_argument_is_refused_and_never_repeated(provenance, arguments, home: Path):
    for form in ((), ("--json",)):
        answer = provenance("account", *arguments, *form)
        assert KEY not in answer.stdout + answer.stderr
        assert arguments[0] == "list" or answer.status in (2, 5)
    assert not list(home.rglob("*.json"))


@pytest.mark.parametrize("content", ["", "0x12", "hello", "00" * 32, KEY + "00"])
def test_a_file_without_a_key_is_refused(provenance, password_file: Path, tmp_path: Path, content: str):
    path = tmp_path / "bad.txt"
    path.write_text(content)
    path.chmod(0o600)
    answer = provenance("account", "import", "mine", "--key-file", path, "--password-file", password_file)
    assert answer.status == 2
    assert not content or content not in answer.stderr


def test_a_key_file_that_others_can_read_is_refused(provenance, password_file: Path, key_file: Path):
    key_file.chmod(0o640)
    answer = provenance("account", "import", "mine", "--key-file", key_file, "--password-file", password_file)
    assert (answer.status, answer.stdout) == (5, "")


def test_an_export_holds_everything_and_comes_back(provenance, password_file: Path, cheap, home: Path, tmp_path: Path):
    open_with = ("--password-file", password_file, "--json")
    provenance("account", "create", "studio", *open_with)
    before = provenance("account", "show", *open_with).document
    (home / "keys" / "ab").mkdir(parents=True)
    (home / "keys" / "ab" / "0.json").write_bytes(b"\x00envelope")
    out = tmp_path / "studio.json"
    assert provenance("account", "export", "studio", "--out", out).status == 0
    assert provenance("account", "export", "studio", "--out", out).status == 7
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    shutil.rmtree(home)
    assert provenance("account", "import", "again", "--keystore", out, *open_with).status == 0
    after = provenance("account", "show", *open_with).document
    assert (after["address"], after["encryptionKey"]) == (before["address"], before["encryptionKey"])
    assert (home / "keys" / "ab" / "0.json").read_bytes() == b"\x00envelope"


def test_removal_asks_first(provenance, password_file: Path, cheap, home: Path):
    provenance("account", "create", "studio", "--password-file", password_file)
    assert provenance("account", "remove", "studio").status == 2
    assert len(list(home.rglob("*.json"))) == 2
    assert provenance("account", "remove", "studio", "--yes").status == 0
    assert not list(home.rglob("*.json"))
    assert provenance("account", "remove", "studio", "--yes").status == 6


def test_which_account_is_asked_when_there_are_several(provenance, password_file: Path, cheap):
    assert provenance("account", "show").status == 6
    for name in ("one", "two"):
        provenance("account", "create", name, "--password-file", password_file)
    answer = provenance("account", "show", "--json")
    assert (answer.status, answer.document["known"]) == (2, ["one", "two"])
    named = provenance("account", "show", "--account", "two", "--password-file", password_file, "--json")
    assert named.document["name"] == "two"


def test_addresses_are_written_as_eip_55_has_them(provenance, password_file: Path, key_file: Path, cheap):
    provenance("account", "import", "mine", "--key-file", key_file, "--password-file", password_file)
    line = provenance("account", "list").stdout.splitlines()[1]
    assert line == f"mine  {ADDRESS}"
