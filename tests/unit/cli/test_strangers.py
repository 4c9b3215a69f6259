"""Whatever prints, nothing that a stranger wrote commands the terminal, hides, or makes up a line of ours."""

from __future__ import annotations

import io
import json
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest
import structlog

from provenance.adapters.chain import EvmNode, Rpc
from provenance.adapters.chain.node import CallFailed
from provenance.adapters.problem import problem
from provenance.cli import log
from provenance.cli.audit import _tree
from provenance.cli.demo.runner import Runner
from provenance.cli.failure import report
from provenance.cli.out import Bar, Out, paragraphs, plain
from provenance.cli.upload import sources
from provenance.domain import canonical
from provenance.errors import Invalid, ProvenanceError
from tests.unit.house.tree import PRODUCT, named, text

if TYPE_CHECKING:
    from collections.abc import Callable

FORGED = "VERIFIED at block 5"
NAME = "Ann\x1b]0;x\x07\x9b2J\u202egnp\u200b\ue000" + "\u0336" * 200 + f"\n{FORGED}\r\n"
HOSTILE = NAME + "\ud800\u2028"


def check(told: str) -> None:
    """Every line is ours, and shows what it holds."""
    lines = told.replace("\r\x1b[K", "").split("\n")
    assert "Ann" in told
    assert all(line.isprintable() for line in lines)
    assert not any(line.strip().startswith(FORGED) for line in lines)
    assert "\u0336" * 5 not in told


def out(**flags: bool) -> tuple[Out, io.StringIO]:
    stream = io.StringIO()
    return Out(stream, stream, **flags), stream


ROW = {"title": HOSTILE, "tags": [HOSTILE], "of": {HOSTILE: HOSTILE}}


@pytest.mark.parametrize("shown", [ROW, [ROW, ROW], [HOSTILE], HOSTILE], ids=["mapping", "table", "list", "value"])
def test_in_a_table(shown: object) -> None:
    told, stream = out()
    told.emit(shown)  # type: ignore[arg-type]
    check(stream.getvalue())


@pytest.mark.parametrize("text", [HOSTILE, [HOSTILE, "ours"], lambda: (HOSTILE,)], ids=["line", "lines", "when read"])
def test_in_a_result_in_words(text: str | list[str] | Callable[[], tuple[str, ...]]) -> None:
    told, stream = out()
    told.emit({}, text=text)
    check(stream.getvalue())


def test_in_paragraphs_that_somebody_set_no_line_is_more_than_text() -> None:
    assert paragraphs("one\x1b[2J\ntwo\u202e") == "one\\u001b[2J\ntwo\\u202e"


@pytest.mark.parametrize("verb", ["say", "warn"])
def test_in_a_word_on_stderr(verb: str) -> None:
    told, stream = out()
    getattr(told, verb)(HOSTILE, HOSTILE)
    check(stream.getvalue())


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["file", "terminal"])
def test_in_the_progress(stream: io.StringIO) -> None:
    bar = Bar(stream)
    bar.phase(HOSTILE, 10)
    bar.note(f"{HOSTILE}: the same audio")
    bar.close()
    check(stream.getvalue())


def test_in_a_question(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    out()[0].confirm(f"Publish {HOSTILE}?")
    check(capsys.readouterr().err)


def test_a_document_is_valid_json_and_the_same() -> None:
    told, stream = out(as_json=True)
    told.emit(ROW)  # type: ignore[arg-type]
    assert json.loads(stream.getvalue()) == ROW
    check(stream.getvalue())


@pytest.mark.parametrize("verbose", [False, True])
def test_in_an_error(*, verbose: bool) -> None:
    for error in (Invalid(HOSTILE, next=HOSTILE, name=HOSTILE), RuntimeError(NAME), OSError(28, HOSTILE, HOSTILE)):
        for as_json in (False, True):
            stdout, stderr = io.StringIO(), io.StringIO()
            report(error, stdout, stderr, as_json=as_json, verbose=verbose and not as_json)
            told = stdout.getvalue() + stderr.getvalue()
            assert all(line.isprintable() for line in told.split("\n"))
            assert "Ann" in told
            assert as_json == bool(stdout.getvalue())
            if as_json:
                json.loads(stdout.getvalue())


@pytest.mark.parametrize("form", ["text", "json"])
def test_in_a_log(form: str) -> None:
    stream = io.StringIO()
    log.configure(stream, verbose=0, form=form)
    try:
        structlog.get_logger("gateway").warning("waiting", why=HOSTILE, of=[HOSTILE], trace=f"ours\n{NAME}")
    finally:
        structlog.reset_defaults()
    assert all(line.isprintable() for line in stream.getvalue().split("\n"))
    assert "Ann" in stream.getvalue()
    if form == "json":
        assert json.loads(stream.getvalue())["why"] == HOSTILE


def test_in_what_a_library_logs() -> None:
    log.configure(io.StringIO(), verbose=0, form="text")
    structlog.reset_defaults()
    record = logging.LogRecord("uvicorn.error", logging.ERROR, "x", 1, "in %s", (HOSTILE,), None)
    assert logging.lastResort is not None
    assert all(line.isprintable() for line in logging.lastResort.format(record).split("\n"))


def test_in_the_demo_s_narration(tmp_path: Path) -> None:
    stream = io.StringIO()
    Runner(tmp_path, stream)._show([HOSTILE])
    check(stream.getvalue())


PRINTING = {f"provenance/cli/{name}.py" for name in ("account", "demo/runner", "failure", "main", "out", "password")}
"""Who writes to a stream; `log` makes its lines printable before its library does."""


def test_few_print_and_what_cannot_be_shown_is_decided_in_one_place() -> None:
    prints = re.compile(
        r"\bprint\(|click\.(echo|secho|prompt|confirm)\(|(stdout|stderr|output|_stream)\.write(lines)?\("
    )
    escapes = re.compile(r"isprintable|unicode_escape|backslashreplace")
    files = {name: text(path) for name, path in named(*PRODUCT)}
    assert {name for name, source in files.items() if prints.search(source)} == PRINTING
    consoles = {"provenance/cli/main.py", "provenance/cli/out.py"}  # letters that this console's encoding lacks
    assert {name for name, source in files.items() if escapes.search(source)} == {
        "provenance/domain/printable.py",
        *consoles,
    }


# Who wrote it


def told(error: BaseException) -> str:
    stream = io.StringIO()
    report(error, stream, stream, as_json=False, verbose=False)
    return stream.getvalue()


def test_a_gateway_s_problem_is_told_in_two_lines() -> None:
    body = {"type": f"/problems/{NAME}", "detail": NAME, "next": NAME, "title": NAME, "status": 409, "self": 1, "x": 2}
    error = problem(httpx2.Response(409, content=json.dumps(body).encode()))
    check(told(error))
    assert len(told(error).splitlines()) == 2
    stream = io.StringIO()
    report(error, stream, stream, as_json=True, verbose=False)
    assert json.loads(stream.getvalue())["detail"] == NAME


def test_a_gateway_s_long_sentence_is_cut() -> None:
    error = problem(httpx2.Response(500, content=json.dumps({"detail": "Ann" * 100_000}).encode()))
    assert len(told(error)) < 3_000


@pytest.mark.parametrize("message", [NAME, f"execution reverted: {NAME}", "Ann" * 100_000])
def test_a_node_s_message_is_told_in_two_lines(message: str) -> None:
    reply = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": message}}
    rpc = Rpc(["http://node"])
    rpc._http = httpx2.Client(transport=httpx2.MockTransport(lambda _request: httpx2.Response(200, json=reply)))
    for question in (lambda node: node.chain_id(), lambda node: node.call(b"\1" * 20, b"")):
        with pytest.raises((ProvenanceError, CallFailed)) as caught:
            question(EvmNode(rpc))
        check(told(caught.value))
        assert len(told(caught.value).splitlines()) == 2
        assert len(told(caught.value)) < 3_000


def test_a_manifest_s_title_in_a_trace_of_the_chain() -> None:
    told, stream = out()
    told.emit({}, text=_tree({"dataset": {"title": HOSTILE, HOSTILE: [HOSTILE]}, "recordings": [{"name": HOSTILE}]}))
    check(stream.getvalue())


def test_a_file_s_name(tmp_path: Path) -> None:
    folder = tmp_path / "takes"
    folder.mkdir()
    (folder / (NAME[:40].replace("/", "") + "\udcff.wav")).write_bytes(b"x")
    (source,) = sources((folder,))
    check(source.name)
    check(plain([{"name": source.name, "path": str(source.path)}]))


def test_a_document_s_key() -> None:
    with pytest.raises(canonical.BadDocument) as caught:
        canonical.loads(json.dumps({NAME: 1}).replace("}", f", {json.dumps(NAME)}: 2}}").encode())
    check(told(caught.value))
