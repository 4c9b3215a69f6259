"""What all commands have in common: their options, help, examples and the context they are given."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from provenance.cli.context import Context, Flags, Session
from provenance.cli.out import Out

PATH = click.Path(path_type=Path)
HELP_NAMES = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

_FLAG_NAMES = frozenset(Flags.__dataclass_fields__)


def common_options() -> list[click.Parameter]:
    """The options that every command has."""
    return [
        click.Option(["--network"], metavar="NAME", help="Network of the settings file."),
        click.Option(["--account"], metavar="NAME|ADDRESS", help="Account that signs."),
        click.Option(["--password-file"], type=PATH, metavar="FILE", help="File with the account's password."),
        click.Option(["--gateway"], metavar="URL", help="The operator's gateway."),
        click.Option(["--content"], multiple=True, metavar="DIR|URL", help="Content source; repeatable."),
        click.Option(["--config"], type=PATH, metavar="FILE", help="Settings file."),
        click.Option(["--home"], type=PATH, metavar="DIR", help="Folder of keys, content and journals."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON document."),
        click.Option(["--yes", "-y"], is_flag=True, help="Do not ask before sending."),
        click.Option(
            ["--dry-run"],
            is_flag=True,
            help="Show what would happen, with the cost of a transaction that could be sent now; change nothing.",
        ),
        click.Option(["--verbose", "-v"], count=True, help="Say more; twice for all."),
        click.Option(["--quiet", "-q"], is_flag=True, help="Say nothing but the result."),
        click.Option(["--log-format"], type=click.Choice(["text", "json"]), help="Form of the log on stderr."),
    ]


class Command(click.Command):
    """A command with the common options in a section of their own, and examples."""

    def __init__(self, *args: Any, examples: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self._common = common_options()
        self.params = [*self.params, *self._common]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What was said twice is refused where one is meant: taking the last would guess."""
        if any("\0" in arg for arg in args):
            raise click.UsageError("an argument holds a NUL byte", ctx)
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        once = [p for p in order if isinstance(p, click.Option) and not (p.multiple or p.count or p.is_flag)]
        for option in once:
            if once.count(option) > 1:
                raise click.UsageError(f"{option.opts[0]} is given {once.count(option)} times; one is meant", ctx)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Own options first, the common ones after them."""
        common = {id(parameter) for parameter in self._common}
        own = [record for p in self.get_params(ctx) if id(p) not in common and (record := p.get_help_record(ctx))]
        with formatter.section("Options"):
            formatter.write_dl(own)
        with formatter.section("Common options"):
            formatter.write_dl([record for p in self._common if (record := p.get_help_record(ctx))])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, as one would type them."""
        del ctx
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


class Group(click.Group):
    """A noun that holds commands."""


def group(name: str, *, hidden: bool = False) -> Callable[[Callable[[], None]], Group]:
    """The decorated function becomes a group; its docstring is the help."""

    def decorate(function: Callable[[], None]) -> Group:
        return Group(name, callback=function, help=inspect.getdoc(function), hidden=hidden, context_settings=HELP_NAMES)

    return decorate


def command(
    parent: click.Group | None, name: str, *, example: str | Sequence[str], hidden: bool = False
) -> Callable[[Callable[..., int | None]], Command]:
    """The decorated function becomes the command `name` of `parent` (None: a command of the root).

    It is called with a `Context` and its own parameters, and answers None or an exit status (1: partly done).
    """

    def decorate(function: Callable[..., int | None]) -> Command:
        @functools.wraps(function)
        def callback(**arguments: Any) -> int:
            flags = Flags(**{key: argument for key, argument in arguments.items() if key in _FLAG_NAMES})
            own = {key: argument for key, argument in arguments.items() if key not in _FLAG_NAMES}
            ctx = _context(flags)
            try:
                return function(ctx, **own) or 0
            finally:
                ctx.out.progress.close()  # what is said next, an error too, begins on a line of its own

        built = click.command(
            name,
            Command,
            examples=(example,) if isinstance(example, str) else tuple(example),
            hidden=hidden,
            context_settings=HELP_NAMES,
        )(callback)
        if parent is not None:
            parent.add_command(built)
        return built

    return decorate


def _context(flags: Flags) -> Context:
    session = click.get_current_context().find_object(Session) or Session(sys.stdout, sys.stderr)
    out = Out(
        session.stdout,
        session.stderr,
        as_json=flags.as_json,
        quiet=flags.quiet,
        yes=flags.yes,
        sent=session.sent,
        texts=session.texts,
    )
    return Context(flags, out, session)
