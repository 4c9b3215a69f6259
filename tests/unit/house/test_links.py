"""Links of the built docs: what points to nothing, or loads from elsewhere, is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.house.tree import script


@pytest.fixture(scope="module")
def links() -> Any:
    return script("links")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Two pages that point to each other, and a sheet."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "there.html").write_text('<h1 id="head">There</h1><a href="../here.html">back</a>')
    (tmp_path / "sheet.css").write_text("a { background: url(data:image/png;base64,AAAA) }")
    (tmp_path / "here.html").write_text(
        '<link rel="stylesheet" href="sheet.css?v=1"><link rel="canonical" href="https://example.org/here.html">'
        '<a href="sub/there.html#head">there</a><a href="https://example.org">out</a><a href="#">top</a>'
    )
    return tmp_path


def test_a_whole_site_has_no_fault(links: Any, site: Path) -> None:
    assert links.faults(site) == []


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<a href="nowhere.html">x</a>', "no file nowhere.html"),
        ('<a href="sub/there.html#gone">x</a>', "no anchor sub/there.html#gone"),
        ('<a href="#gone">x</a>', "no anchor #gone"),
        ('<img src="gone.png">', "no file gone.png"),
        ('<script src="https://example.org/a.js"></script>', "loads https://example.org/a.js"),
        ('<link rel="stylesheet" href="//example.org/a.css">', "loads //example.org/a.css"),
    ],
)
def test_a_fault_is_named(links: Any, site: Path, html: str, fault: str) -> None:
    (site / "faulty.html").write_text(html)
    assert links.faults(site) == [f"faulty.html: {fault}"]


def test_a_sheet_that_loads_from_elsewhere_is_named(links: Any, site: Path) -> None:
    (site / "sheet.css").write_text("@import 'https://example.org/font.css'; a { src: url( //example.org/f.woff ) }")
    assert links.faults(site) == [
        "sheet.css: loads https://example.org/font.css", "sheet.css: loads //example.org/f.woff",
    ]  # fmt: skip


def test_a_folder_without_pages_is_a_fault(links: Any, tmp_path: Path) -> None:
    assert links.faults(tmp_path) != []
