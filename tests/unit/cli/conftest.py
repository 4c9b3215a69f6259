"""The command line, run in this process with streams of its own."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from provenance.cli.context import Session
from provenance.cli.main import run


@dataclass(frozen=True)
class Answer:
    status: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        return json.loads(self.stdout)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is also where commands run; no settings file is near."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    return tmp_path / "home"


@pytest.fixture
def provenance(home: Path) -> Callable[..., Answer]:
    def call(*arguments: str | Path) -> Answer:
        stdout, stderr = io.StringIO(), io.StringIO()
        status = run([*map(str, arguments), "--home", str(home)], Session(stdout, stderr))
        return Answer(status, stdout.getvalue(), stderr.getvalue())

    return call


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("correct horse 声音\n", "utf-8")
    path.chmod(0o600)
    return path


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost of a password is not what these tests are about."""
    from provenance.adapters.keys import v3

    for function in (v3.encrypt,):
        monkeypatch.setitem(function.__kwdefaults__, "scrypt_n", v3.SCRYPT_N_DEVNET)
    from provenance.adapters.keys.keystore import Keystore

    for method in (Keystore.create, Keystore.add):
        monkeypatch.setitem(method.__kwdefaults__, "scrypt_n", v3.SCRYPT_N_DEVNET)
