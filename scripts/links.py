"""Links of a built site: every page, file and anchor that a page points to is in it, and nothing is loaded from elsewhere.

Run: python scripts/links.py build/docs. Links that a reader clicks may lead out; those are not followed.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
FETCHED = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""")
NOT_LOADED = {"canonical", "search", "index", "next", "prev", "author", "alternate"}


@dataclass
class Page:
    """What a page has and what it points to: (target, whether the browser loads it by itself)."""

    anchors: set[str] = field(default_factory=set)
    targets: list[tuple[str, bool]] = field(default_factory=list)


class Reader(HTMLParser):
    """Collects a page."""

    def __init__(self) -> None:
        super().__init__()
        self.page = Page()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element's id and target."""
        attributes = dict(attrs)
        self.page.anchors |= {name for key in ("id", "name") if (name := attributes.get(key))}
        target = attributes.get(LOADED.get(tag, "href"))
        if target:
            loads = tag in LOADED and not NOT_LOADED & set((attributes.get("rel") or "").split())
            self.page.targets.append((target, loads))


def read(text: str) -> Page:
    """A page of HTML."""
    reader = Reader()
    reader.feed(text)
    return reader.page


def faults(site: Path) -> list[str]:
    """What is missing, or comes from elsewhere."""
    pages = {path: read(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}
    lines = [
        f"{path.relative_to(site)}: {fault}"
        for path, page in pages.items()
        for target, loads in page.targets
        if (fault := fault_of(path, target, pages, loads=loads))
    ]
    for sheet in sorted(site.rglob("*.css")):
        lines += [f"{sheet.relative_to(site)}: loads {url}" for url in FETCHED.findall(sheet.read_text("utf-8"))]
    return lines if pages else [f"{site}: no page"]


def fault_of(page: Path, target: str, pages: dict[Path, Page], *, loads: bool) -> str | None:
    """What is wrong with one target of a page."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return f"loads {target}" if loads and parts.scheme != "data" else None
    path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not path.is_file():
        return f"no file {target}"
    anchor = unquote(parts.fragment)
    if anchor and path in pages and anchor not in pages[path].anchors:
        return f"no anchor {target}"
    return None


def main() -> None:
    """Exit 1 if anything is wrong."""
    wrong = faults(Path(sys.argv[1]).resolve())
    print("".join(f"{line}\n" for line in wrong), end="")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
