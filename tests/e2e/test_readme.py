"""The README's code blocks, run from top to bottom as a reader would."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from provenance import config
from provenance.cli.demo.holders import CLIPS
from tests.e2e.parties import PROVENANCE, eventually, free_port

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(sh|python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CHECKOUT = '"/path/to/this/checkout/.venv/bin:$PATH"'
RUN_BY_CI = ("make demo", "make test")


class Reader:
    """One shell in one folder; capitals become what earlier commands printed."""

    def __init__(self, room: Path) -> None:
        self.room, self.words = room, dict[str, str]()
        environment = config.child_environment(HOME=str(room))
        self.log = (room / "shell.log").open("w+")
        self.bash = subprocess.Popen(
            ["bash"], cwd=room, env=environment, stdin=subprocess.PIPE, stdout=self.log, stderr=self.log,
            start_new_session=True, text=True,
        )  # fmt: skip

    def type(self, line: str) -> str:
        """The line has ended well; what it printed."""
        assert self.bash.stdin is not None
        start = len(self.said())
        self.bash.stdin.write(f'{line}\necho "@@$?"\n')
        self.bash.stdin.flush()
        eventually(lambda: "@@" in self.said()[start:], within_s=200)
        told, _, status = self.said()[start:].rpartition("@@")
        assert status.strip() == "0", f"{line}\n{told}"
        return told

    def said(self) -> str:
        return (self.room / "shell.log").read_text("utf-8")

    def document(self, command: str) -> Any:
        return json.loads(self.type(f"{command} --json 2>/dev/null"))

    def filled(self, text: str) -> str:
        for word, value in self.words.items():
            text = re.sub(rf"\b{word}\b", value, text)
        return text

    def close(self) -> None:
        os.killpg(self.bash.pid, signal.SIGTERM)
        self.bash.wait()
        self.log.close()


def ready(listen: str) -> bool:
    try:
        return httpx2.get(f"http://{listen}/ready").status_code == 200
    except httpx2.HTTPError:
        return False


def learn(reader: Reader, line: str, told: str) -> None:
    """What later blocks need of what this line did."""
    if line.startswith("provenance devnet up"):
        reader.words["URL"] = reader.document("provenance devnet status")["rpc"]
        reader.words |= {"DEPLOYMENT": "data/deployments/31337.json", "CONTENT": "data/content"}
    elif line.startswith("provenance node serve"):
        eventually(lambda: ready(reader.document("provenance config show")["node"]["listen"]))
    elif line.startswith("provenance upload"):
        reader.words["DATASET"] = reader.document("provenance dataset list")[0]["datasetId"]
    elif line.startswith("provenance license accept"):
        reader.words["LICENSE"] = reader.document("provenance license list --account licensee")[0]["license"]
    elif line.startswith("provenance access download"):
        reader.words["RECORDING"] = reader.document(reader.filled(line))["files"][0]["recordingId"]
    elif line == "python use.py":
        reader.words["RECEIPT"] = told.strip()
    elif line.startswith("provenance audit run"):
        assert "VERIFIED at block" in told


@pytest.mark.timeout(600)
def test_every_block_of_the_readme_runs(tmp_path: Path) -> None:
    shutil.copytree(CLIPS / "holder-1", tmp_path / "takes")
    listen = f"127.0.0.1:{free_port()}"
    settings = {"": {"home": "data", "network": "devnet"}, "node": {"listen": listen}}
    config.save(settings, path=tmp_path / config.FILE_NAME)
    reader = Reader(tmp_path)
    try:
        for kind, text in BLOCK.findall((ROOT / "README.md").read_text("utf-8")):
            if kind == "text" or text.strip() in RUN_BY_CI:
                continue
            lines = text.replace(CHECKOUT, f'"{Path(sys.executable).parent}:$PATH"').splitlines()
            if kind == "python":
                (tmp_path / "use.py").write_text(reader.filled(text), "utf-8")
                lines = ["python use.py"]
            for line in lines:
                learn(reader, line, reader.type(reader.filled(line)))
    finally:
        reader.close()
        subprocess.run(
            [*PROVENANCE, "devnet", "down", "--purge", "--yes"], cwd=tmp_path, check=False, capture_output=True
        )


def test_the_readme_names_every_quick_start() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert [name for name in ("Operator", "Creator", "AI developer", "Auditor") if f"### {name}" not in text] == []
