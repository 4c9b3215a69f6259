"""Accounts are made, taken in, shown, given out and removed; a key is never typed where others see it."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from provenance.adapters.keys import v3
from provenance.types import Address

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
    (home / "keys").mkdir()
    envelope = json.dumps({"wallet": before["address"].lower(), "envelope": "0x00"}).encode()
    (home / "keys" / "ab.json").write_bytes(envelope)
    out = tmp_path / "studio.json"
    assert provenance("account", "export", "studio", "--out", out).status == 0
    assert provenance("account", "export", "studio", "--out", out).status == 7
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    shutil.rmtree(home)
    assert provenance("account", "import", "again", "--keystore", out, *open_with).status == 0
    after = provenance("account", "show", *open_with).document
    assert (after["address"], after["encryptionKey"]) == (before["address"], before["encryptionKey"])
    assert (home / "keys" / "ab.json").read_bytes() == envelope


def test_an_export_takes_the_account_s_own_keys_and_no_others(
    provenance, password_file: Path, cheap, home: Path, tmp_path: Path
):
    addresses = {
        name: provenance("account", "create", name, "--password-file", password_file, "--json").document["address"]
        for name in ("studio", "label")
    }
    (home / "keys").mkdir()
    for name, address in addresses.items():
        (home / "keys" / f"{name}.json").write_text(json.dumps({"wallet": address.lower()}))
    (home / "keys" / "torn.json").write_text('{"wallet": ')
    (home / "keys" / "notes.txt").write_text("not a key")
    out = tmp_path / "studio.json"
    assert provenance("account", "export", "studio", "--out", out).status == 0
    document = json.loads(out.read_text())
    assert list(document["contentKeys"]) == ["studio.json"]
    assert {key for key in document if key.lower().endswith("key") or key == "account"} == {"account", "envelopeKey"}
    assert addresses["label"].lower()[2:] not in out.read_text().lower()


def test_an_account_of_foundry_takes_its_envelopes_along_though_its_file_names_no_address(
    provenance, tmp_path: Path, cheap, home: Path, monkeypatch
):
    (home / "keystore").mkdir(parents=True)
    shutil.copy(GOLDEN / "foundry.json", home / "keystore" / "mine.json")
    (home / "keystore" / "mine.json").chmod(0o600)
    monkeypatch.setenv("PROVENANCE_PASSWORD", "пароль 口令")
    (home / "keys").mkdir()
    (home / "keys" / "ab.json").write_text(json.dumps({"wallet": ADDRESS.lower()}))
    assert provenance("account", "show", "mine").status == 0
    assert provenance("account", "export", "mine", "--out", tmp_path / "out.json").status == 0
    assert list(json.loads((tmp_path / "out.json").read_text())["contentKeys"]) == ["ab.json"]


@pytest.mark.parametrize("name", ["", "made.by"])
def test_after_an_account_is_made_the_next_step_is_its_backup(
    provenance, password_file: Path, cheap, home: Path, name: str, monkeypatch
):
    chosen = name or "studio"
    answer = provenance("account", "create", chosen, "--password-file", password_file)
    *_, step = answer.stdout.splitlines()
    assert step == f"Next: provenance account export {chosen} --out {chosen}.json --home {home}"
    assert provenance(*step.split()[2:-2]).status == 0
    backup = json.loads(Path(f"{chosen}.json").read_text())
    assert (backup["format"], backup["name"]) == ("provenance/account", chosen)


def test_an_empty_password_is_refused_and_nothing_is_written(provenance, tmp_path: Path, key_file: Path, home: Path):
    empty = tmp_path / "empty"
    empty.write_text("\nsecond line\n")
    empty.chmod(0o600)
    for arguments in (("create", "studio"), ("import", "mine", "--key-file", key_file)):
        answer = provenance("account", *arguments, "--password-file", empty, "--json")
        assert (answer.status, answer.document["type"]) == (2, "/problems/empty-password")
    assert not list(home.rglob("*.json"))


def test_a_file_of_another_program_without_a_password_is_refused(provenance, tmp_path: Path, home: Path):
    path = tmp_path / "open.json"
    path.write_text(json.dumps(v3.encrypt(bytes.fromhex(KEY), b"", scrypt_n=4_096, address=Address(bytes(20)))))
    path.chmod(0o600)
    empty = tmp_path / "empty"
    empty.touch(0o600)
    answer = provenance("account", "import", "mine", "--keystore", path, "--password-file", empty)
    assert (answer.status, "its own tool gives a password" in answer.stderr) == (2, True)
    assert not list(home.rglob("*.json"))


@pytest.mark.parametrize(("secret", "warned"), [("1234567", True), ("пароль7", True), ("声音声音声音声", True), ("12345678", False), ("声音声音声音声音", False)])  # fmt: skip
def test_a_password_under_eight_characters_is_warned_of(provenance, cheap, monkeypatch, secret: str, *, warned: bool):
    monkeypatch.setenv("PROVENANCE_PASSWORD", secret)
    answer = provenance("account", "create", "studio", "--quiet")
    assert (answer.status, "fewer than 8 characters" in answer.stderr) == (0, warned)
    assert secret not in answer.stdout + answer.stderr


BAD: dict[str, Callable[[Path], object]] = {
    "torn": lambda path: path.write_text('{"version": 3, "cry'),
    "empty": lambda path: path.touch(),
    "of another kind": lambda path: path.write_text('{"format": "provenance/terms"}'),
    "no text": lambda path: path.write_bytes(bytes(range(256))),
    "huge": lambda path: path.write_bytes(b"[" * (1 << 20)),
    "a folder": lambda path: path.mkdir(),
    "nowhere": lambda path: path.symlink_to("/nowhere/at/all"),
}


@pytest.mark.parametrize("write", BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_a_line_of_the_list_and_never_its_end(
    provenance, password_file: Path, cheap, home: Path, write: Callable[[Path], object]
):
    for name in ("aa", "zz"):
        provenance("account", "create", name, "--password-file", password_file)
    write(home / "keystore" / "mm.json")
    with suppress(OSError, NotImplementedError):
        (home / "keystore" / "mm.json").chmod(0o600)
    rows = provenance("account", "list", "--json").document
    assert [row["name"] for row in rows] == ["aa", "mm", "zz"]
    assert [row["address"] is None for row in rows] == [False, True, False]
    assert [sorted(row) for row in rows] == [
        ["address", "name"],
        ["address", "name", "next", "problem"],
        ["address", "name"],
    ]
    told = provenance("account", "list")
    assert (told.status, len(told.stdout.splitlines())) == (0, 4)
    # the others are found by name and address, and a new one is made
    assert provenance("account", "show", rows[2]["address"], "--password-file", password_file).status == 0
    assert provenance("account", "create", "new", "--password-file", password_file).status == 0
    assert provenance("account", "create", "mm", "--password-file", password_file).status == 7
    assert provenance("doctor", "--json").document["problems"] > 0


def test_a_file_that_others_can_read_or_with_a_strange_name_is_a_line_too(
    provenance, password_file: Path, cheap, home: Path
):
    provenance("account", "create", "aa", "--password-file", password_file)
    source = home / "keystore" / "aa.json"
    shutil.copy(source, home / "keystore" / "loose.json")
    (home / "keystore" / "loose.json").chmod(0o644)
    strange = "x\x1b[2J\u202e\nVERIFIED at block 5"
    shutil.copy(source, home / "keystore" / f"{strange}.json")
    rows = {row["name"]: row for row in provenance("account", "list", "--json").document}
    assert "chmod 600" in rows["loose"]["next"]
    assert "Choose such a name" in rows[strange]["next"]
    told = provenance("account", "list").stdout
    assert all(line.isprintable() for line in told.splitlines())
    assert len(told.splitlines()) == 4


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
