"""The docs site: pages in Markdown, the commands' help, the Python API and the contracts' reference, by Sphinx.

Nothing is fetched, neither here nor by a reader's browser.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import provenance
from provenance.cli.frame import Command, common_options

if TYPE_CHECKING:
    import click
    from sphinx.application import Sphinx

project = "Provenance"
version = release = provenance.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click"]
myst_heading_anchors = 4

autodoc_typehints = "none"  # the signature says them
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = "Provenance"
html_copy_source = False
html_show_sphinx = False

COMMON = common_options()


def setup(app: Sphinx) -> None:
    """Help as `--help` orders it: what all commands have stands once, examples stand with each."""
    app.connect("sphinx-click-process-options", own_options)
    app.connect("sphinx-click-process-arguments", named_arguments)
    app.connect("sphinx-click-process-epilog", examples)


def own_options(_: Sphinx, ctx: click.Context, lines: list[str]) -> None:
    """Drops the options that every command has."""
    common = {name for option in COMMON for name in option.opts}
    if isinstance(ctx.command, Command):
        lines[:] = [line for block in blocks(lines) if block[0].split()[2].rstrip(",") not in common for line in block]


def named_arguments(_: Sphinx, __: click.Context, lines: list[str]) -> None:
    """Drops arguments that are taken only to be refused."""
    lines[:] = [line for block in blocks(lines) if len(block[0].split()) > 2 for line in block]


def blocks(lines: list[str]) -> list[list[str]]:
    """The lines of each option."""
    starts = [number for number, line in enumerate(lines) if re.match(r"\.\. option::", line)]
    return [lines[start:end] for start, end in pairwise([*starts, len(lines)])]


def examples(_: Sphinx, ctx: click.Context, lines: list[str]) -> None:
    """A command's examples; below the whole, what all commands have."""
    if isinstance(ctx.command, Command):
        lines += [".. rubric:: Examples", "", "::", "", *(f"    {example}" for example in ctx.command.examples), ""]
    elif ctx.parent is None:
        lines += [".. rubric:: Common options", ""]
        for option in COMMON:
            names, words = option.get_help_record(ctx) or ("", "")
            lines += [f"``{names}``", f"    {words}", ""]
