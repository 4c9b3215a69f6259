"""Where does the command start?"""

from __future__ import annotations


def main() -> None:
    """Run the command."""
