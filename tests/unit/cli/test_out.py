"""Results on stdout, words on stderr; one value serves people and programs."""

from __future__ import annotations

import io
import json
import sys

import pytest
from hypothesis import given, settings, strategies as st
from rich.cells import cell_len

from provenance.cli.out import Bar, Declined, Out, plain, size
from provenance.domain.fields import decimal, ether
from provenance.errors import Invalid


def made(**flags: bool) -> tuple[Out, io.StringIO, io.StringIO]:
    stdout, stderr = io.StringIO(), io.StringIO()
    return Out(stdout, stderr, **flags), stdout, stderr


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_one_value_is_text_for_people_and_a_document_for_programs():
    value = [{"name": "голос 声音", "amount": "12", "secret": None}, {"name": "b", "amount": "3", "secret": True}]
    out, stdout, _ = made()
    out.emit(value, columns=("name", "amount"))
    assert stdout.getvalue() == "NAME        AMOUNT\nголос 声音  12\nb           3\n"
    out, stdout, _ = made(as_json=True)
    out.emit(value, columns=("name", "amount"))
    assert json.loads(stdout.getvalue()) == value


def test_words_that_nobody_reads_are_not_made():
    asked: list[str] = []
    out, stdout, _ = made(as_json=True)
    out.emit({"a": 1}, text=lambda: asked.append("words") or "words")
    assert (json.loads(stdout.getvalue()), asked) == ({"a": 1}, [])
    out, stdout, _ = made()
    out.emit({"a": 1}, text=lambda: "words")
    assert stdout.getvalue() == "words\n"


def test_a_mapping_is_lines_of_names_and_values():
    assert plain({"chainId": 1, "open": True, "to": None, "of": ["a", "b"]}) == (
        "chain id  1\nopen      yes\nto        -\nof        a, b"
    )


def test_on_a_narrow_terminal_a_table_s_rows_stand_below_each_other(monkeypatch: pytest.MonkeyPatch):
    rows = [{"datasetId": "0x" + "5a" * 32, "title": f"Мой голос 我的声音 {n}", "status": "ACTIVE"} for n in range(2)]
    table = plain(rows)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "stdout", Terminal())
    told = plain(rows)
    first = "dataset id  0x" + "5a" * 32 + "\ntitle       Мой голос 我的声音 0\nstatus      ACTIVE"
    assert told.split("\n\n") == [first, first.replace(" 0\n", " 1\n")]
    assert all(cell_len(line) <= 80 for line in told.splitlines())
    monkeypatch.setenv("COLUMNS", "120")
    assert plain(rows) == table
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert plain(rows) == table


class Console(io.TextIOWrapper):
    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, errors="backslashreplace")


@pytest.mark.parametrize("encoding", ["cp1251", "cp936", "ascii", "utf-8"])
def test_a_document_is_valid_in_any_console_s_encoding(encoding: str):
    value, stdout = {"title": "голос 声音 🎙"}, Console(encoding)
    Out(stdout, io.StringIO(), as_json=True).emit(value)
    assert json.loads(stdout.buffer.getvalue()) == value  # type: ignore[attr-defined]


@pytest.mark.parametrize("encoding", ["cp1251", "ascii"])
def test_columns_are_aligned_where_letters_stand_as_their_codes(encoding: str, monkeypatch: pytest.MonkeyPatch):
    console = Console(encoding)
    monkeypatch.setattr(sys, "stdout", console)
    Out(console, io.StringIO()).emit([{"title": "声", "end": "|"}, {"title": "голос", "end": "|"}])
    lines = console.buffer.getvalue().decode(encoding).splitlines()  # type: ignore[attr-defined]
    assert len({line.index("|") for line in lines[1:]}) == 1
    assert "\\u58f0" in lines[1]


@settings(max_examples=40)  # slow to draw
@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.text() | st.integers() | st.none()), min_size=1))
def test_tables_are_aligned_and_no_value_breaks_a_line(rows):
    lines = plain(rows, columns=("a", "b")).split("\n")
    assert len(lines) == len(rows) + 1
    assert all(line.isprintable() for line in lines)
    assert all(cell_len(line) == len(line) or not line.isascii() for line in lines)


def test_quiet_keeps_words_back_but_not_warnings_and_results():
    out, stdout, stderr = made(quiet=True)
    out.progress.phase("seal", 10)
    out.progress.advance(10)
    out.progress.note("one take done")
    out.say("a word")
    out.warn("a warning")
    out.emit("result")
    assert (stdout.getvalue(), stderr.getvalue()) == ("result\n", "a warning\n")


def test_progress_off_a_terminal_is_one_line_a_phase_with_real_bytes():
    stream = io.StringIO()
    bar = Bar(stream)
    bar.phase("judge")
    bar.phase("seal", 3 << 20)
    for _ in range(3):
        bar.advance(1 << 20)
    bar.note("0002.wav: rejected")
    bar.close()
    bar.close()
    assert stream.getvalue() == "judge\n  0002.wav: rejected\nseal: 3.0 MiB of 3.0 MiB\n"


def test_progress_on_a_terminal_moves_in_its_line():
    stream = Terminal()
    bar = Bar(stream)
    bar.phase("seal", 2048)
    bar.advance(2048)
    bar.close()
    assert stream.getvalue().endswith("\r\x1b[Kseal: 2.0 KiB of 2.0 KiB\n")
    assert "\n" not in stream.getvalue()[:-1]


def test_sizes_are_for_people():
    sizes = (0, 1023, 1024, (1 << 20) - 1, 1 << 20, 5 << 30)
    assert [size(n) for n in sizes] == ["0 B", "1023 B", "1.0 KiB", "1023.9 KiB", "1.0 MiB", "5.0 GiB"]


def test_nobody_at_the_terminal_is_no_yes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    out, _, _ = made()
    with pytest.raises(Invalid, match="not confirmed"):
        out.confirm("Send it?")
    made(yes=True)[0].confirm("Send it?")


class Typist(io.StringIO):
    """Somebody at a terminal."""

    def isatty(self) -> bool:
        return True


def test_no_is_no(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", Typist("y\nn\n"))
    out, _, _ = made()
    out.confirm("Send it?")
    with pytest.raises(Declined):
        out.confirm("Send it?")


@given(st.integers(0, 2**256 - 1))
def test_amounts_are_written_exactly(amount: int):
    whole, _, rest = ether(amount).partition(".")
    assert int(whole) * 10**18 + int(rest.ljust(18, "0") or 0) == amount
    whole, _, rest = decimal(amount, 6).partition(".")
    assert int(whole) * 10**6 + int(rest.ljust(6, "0") or 0) == amount
