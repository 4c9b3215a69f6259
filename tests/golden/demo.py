"""How demo.json was made: by the product when it came to the contracts' second version, where a license is accepted, paid
and funded at once; amounts are what they were before.

Only what changes published documents, amounts or gas on purpose writes it anew, and says so in the changelog.
Run: python -m tests.golden.demo.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.e2e.finished_demo import finished_demo
from tests.e2e.published import lines, snapshot

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as room, finished_demo(Path(room) / "demo") as demo:
        text = "\n".join(lines(snapshot(demo))) + "\n"
    Path(__file__).with_suffix(".json").write_text(text, "utf-8")
