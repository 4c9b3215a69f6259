"""Every command has one set of options, one way to speak and one way to fail."""

from __future__ import annotations

import errno
import io
import json
import os
import traceback

import click
import pytest

from provenance import __version__, errors
from provenance.cli.context import Context, Session
from provenance.cli.frame import Command, command
from provenance.cli.main import COMMANDS, PLUGIN_HELP, root, run
from provenance.cli.out import Declined


def leaves(found: click.Command, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(found, click.Group):
        return [(path, found)]
    context = click.Context(found)
    members = [(name, found.get_command(context, name)) for name in found.list_commands(context)]
    return [leaf for name, member in members if member for leaf in leaves(member, (*path, name))]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def failing(
    raised: BaseException, *arguments: str, stderr: io.StringIO | None = None, phase: str = ""
) -> tuple[int, str, str]:
    def fails(ctx: Context) -> None:
        """Fail."""
        if phase:
            ctx.out.progress.phase(phase, 2048)
        raise raised

    root.add_command(command(None, "fails", example="provenance fails")(fails), "fails")
    stdout, stderr = io.StringIO(), stderr or io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(root), "get_command", lambda _, __, name: root.commands.get(name))
        status = run(["fails", *arguments], Session(stdout, stderr))
    del root.commands["fails"]
    return status, stdout.getvalue(), stderr.getvalue()


@pytest.mark.parametrize("name", [*COMMANDS, *PLUGIN_HELP])
def test_every_command_has_help_an_example_and_the_common_options(name: str):
    found = root.get_command(click.Context(root), name)
    assert found is not None
    for path, leaf in leaves(found, (name,)):
        line = " ".join(("provenance", *path))
        assert isinstance(leaf, Command), line
        assert leaf.help, line
        assert leaf.help.strip().endswith((".", ")")), line
        assert any(example.startswith(line) or line in example for example in leaf.examples), line
        flags = {option for parameter in leaf.params for option in parameter.opts}
        assert {"--network", "--account", "--json", "--yes", "--dry-run", "-v", "-q", "--home"} <= flags, line
        assert all(p.help for p in leaf.params if isinstance(p, click.Option) and not p.hidden), line


def test_version_is_the_packages():
    stdout = io.StringIO()
    assert run(["--version"], Session(stdout, io.StringIO())) == 0
    assert stdout.getvalue() == f"provenance {__version__}\n"


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.Invalid, 2), (errors.Denied, 5), (errors.Missing, 6), (errors.Conflict, 7), (errors.Reverted, 9),
        (errors.Failed, 10), (errors.Incomplete, 11), (errors.Unavailable, 69), (errors.Broken, 70),
    ],
)  # fmt: skip
def test_each_kind_of_error_has_its_exit_status_and_tells_what_to_do(kind: type[errors.ProvenanceError], status: int):
    told, stdout, stderr = failing(kind("it went\nwrong", next="Try again."))
    assert (told, stdout, stderr) == (status, "", "Error: it went wrong\nNext: Try again.\n")


def test_a_program_that_does_not_catch_an_error_shows_what_to_do_too():
    told = traceback.format_exception_only(errors.Denied("no", next="Ask the holder."))
    assert "".join(told).splitlines() == ["provenance.errors.Denied: no", "Next: Ask the holder."]


def test_json_failures_are_the_problem_document_that_http_sends():
    status, stdout, stderr = failing(errors.Denied("consent withdrawn", consent="0x07"), "--json")
    assert (status, stderr) == (5, "")
    assert json.loads(stdout) == {
        "type": "/problems/denied",
        "title": "denied",
        "status": 403,
        "detail": "consent withdrawn",
        "next": "Ask the rights holder, or use another license.",
        "consent": "0x07",
    }


def test_a_bug_is_told_without_its_traceback_unless_asked():
    status, _, stderr = failing(ZeroDivisionError("oops"))
    assert (status, "Traceback" in stderr) == (70, False)
    assert stderr.startswith("Error: ZeroDivisionError: oops\nNext: This is a bug")
    assert "Traceback" in failing(ZeroDivisionError("oops"), "-qv")[2]


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EACCES])
def test_a_disk_that_refuses_is_no_bug(number: int):
    status, _, stderr = failing(OSError(number, os.strerror(number), "/far/home"))
    assert status == 69
    assert stderr.startswith(f"Error: /far/home: {os.strerror(number)}\nNext: Free space or correct the folder's perm")


@pytest.mark.parametrize("raised", [errors.Denied("no"), KeyboardInterrupt()])
def test_what_ends_a_command_is_told_on_a_line_of_its_own(raised: BaseException):
    _, _, stderr = failing(raised, stderr=Terminal(), phase="download")
    moved, _, told = stderr.partition("\n")
    assert moved.split("\x1b[K")[-1] == "download: 0 B of 2.0 KiB"
    assert told.lstrip("\n").startswith(("Error: no\n", "Interrupted"))
    assert "download" not in failing(raised, "-q", stderr=Terminal(), phase="download")[2]


def test_a_no_is_no_interruption():
    assert failing(Declined()) == (130, "", "Stopped: nothing more was sent.\n")


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupted_command_exits_130(raised: BaseException):
    assert failing(raised)[0] == 130


def test_wrong_usage_is_told_with_the_next_step_and_no_key_is_repeated():
    stderr = io.StringIO()
    assert run(["account", "create", "a", "0x" + "4c" * 32], Session(io.StringIO(), stderr)) == 2
    assert "4c4c" not in stderr.getvalue()
    assert stderr.getvalue().startswith("Error: ")
    assert "\nNext: `provenance account create --help` shows" in stderr.getvalue()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["dataset", "list", "--holder", "a", "--holder", "b"], "--holder is given 2 times; one is meant"),
        (["account", "show", "--account", "a", "--json", "--account", "b"], "--account is given 2 times"),
        (["account", "show", "a\0b"], "a NUL byte"),
    ],
)
def test_what_is_said_twice_or_holds_a_nul_byte_is_refused(arguments: list[str], told: str):
    stdout, stderr = io.StringIO(), io.StringIO()
    assert run(arguments, Session(stdout, stderr)) == 2
    assert told in stderr.getvalue() + stdout.getvalue()


def test_unknown_commands_are_refused():
    stderr = io.StringIO()
    assert run(["acount"], Session(io.StringIO(), stderr)) == 2
    assert "Next: " in stderr.getvalue()


def test_completion_names_commands_of_each_shell():
    for shell in ("bash", "zsh", "fish"):
        stdout = io.StringIO()
        assert run(["completion", shell], Session(stdout, io.StringIO())) == 0
        assert "_PROVENANCE_COMPLETE" in stdout.getvalue()
