"""Tab completion for the user's shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from provenance.cli.context import Context
from provenance.cli.frame import command
from provenance.cli.main import COMPLETE_VARIABLE, root


@command(
    None,
    "completion",
    example=(
        'eval "$(provenance completion bash)"',
        "provenance completion fish > ~/.config/fish/completions/provenance.fish",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(ctx: Context, shell: str) -> None:
    """Print the tab completion script of a SHELL."""
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click knows the three shells that the argument admits
    source = kind(root, {}, "provenance", COMPLETE_VARIABLE).source()
    ctx.out.emit({"shell": shell, "script": source}, text=source.splitlines())
