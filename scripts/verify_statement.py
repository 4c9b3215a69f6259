#!/usr/bin/env python3
"""Recompute one payee's leaf, proof and statement from an epoch's files, with nothing of ours.

    python scripts/verify_statement.py --tree tree.ndjson --statements statements.ndjson \
        --root 0x… --payee 0x…

The root is the one that the chain says (`SettlementProposed`). Exit 0 if every line holds, 1 if one
does not. Needs only Python and pycryptodome (`pip install pycryptodome`), for Keccak-256.

Leaf: keccak(keccak(abi.encode(chainId, distributor, payee, cumulative))). Tree: leaves sorted by hash
and laid from the end of an array of 2n - 1 nodes; node i is the keccak of its children 2i + 1 and
2i + 2, the lower one first. Source: @openzeppelin/merkle-tree, "Standard Merkle Trees".
"""

import argparse
import json
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

from Crypto.Hash import keccak as keccak_hash


def keccak(octets: bytes) -> bytes:
    """Keccak-256, the EVM's."""
    return keccak_hash.new(digest_bits=256, data=octets).digest()


def word(member: int | str) -> bytes:
    """One ABI word of a number or of 0x-hex."""
    if isinstance(member, int):
        return member.to_bytes(32, "big")
    return bytes.fromhex(member[2:]).rjust(32, b"\0")


def leaf(head: dict[str, Any], row: dict[str, Any]) -> bytes:
    """The leaf of one line of the tree."""
    words = (int(head["chainId"]), head["distributor"], row["payee"], int(row["cumulative"]))
    return keccak(keccak(b"".join(map(word, words))))


def pair(left: bytes, right: bytes) -> bytes:
    """The node above two others."""
    return keccak(min(left, right) + max(left, right))


def tree(leaves: list[bytes]) -> list[bytes]:
    """All nodes, root first."""
    ordered = sorted(leaves, reverse=True)
    nodes = [b""] * (len(ordered) - 1) + ordered
    for i in range(len(ordered) - 2, -1, -1):
        nodes[i] = pair(nodes[2 * i + 1], nodes[2 * i + 2])
    return nodes


def proof(nodes: list[bytes], wanted: bytes) -> list[bytes]:
    """The siblings from a leaf up to the root."""
    index, path = nodes.index(wanted, len(nodes) // 2), []
    while index:
        path.append(nodes[index + 1 if index % 2 else index - 1])
        index = (index - 1) // 2
    return path


def table(path: str, kind: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(header, rows) of a file of JSON lines."""
    lines = [json.loads(line) for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines()]
    if not lines or lines[0].get("format") != "provenance/" + kind:
        sys.exit(f"{path} is no provenance/{kind}")
    return lines[0], lines[1:]


def checks(head: dict[str, Any], rows: list[dict[str, Any]], root: bytes, payee: str) -> Iterator[tuple[str, bool]]:
    """(what, whether it holds) of the tree."""
    by_payee = {row["payee"]: row for row in rows}
    yield "no payee stands twice in the tree", len(by_payee) == len(rows)
    yield "the payee has a leaf", payee in by_payee
    if payee not in by_payee:
        return
    mine = leaf(head, by_payee[payee])
    nodes = tree([leaf(head, row) for row in rows])
    yield "the leaves give the root", nodes[0] == root
    path = proof(nodes, mine)
    node = mine
    for sibling in path:
        node = pair(node, sibling)
    yield f"a proof of {len(path)} hashes leads from the leaf to the root", node == root
    print("leaf  0x" + mine.hex())
    print("proof " + " ".join("0x" + sibling.hex() for sibling in path))


def statement_checks(
    rows: list[dict[str, Any]], tree_rows: list[dict[str, Any]], payee: str
) -> Iterator[tuple[str, bool]]:
    """(what, whether it holds) of the payee's statement."""
    mine = [row for row in rows if row["payee"] == payee]
    yield "the payee has at most one statement", len(mine) <= 1
    for row in mine:
        earned = sum(int(share["amount"]) for share in row["shares"])
        parts = sum(int(row[name]) for name in ("gross", "fee", "adjustments"))
        yield f"its {len(row['shares'])} shares sum to net {row['net']}", earned == parts == int(row["net"])
        cumulative = {payment["payee"]: payment["cumulative"] for payment in tree_rows}
        yield "its cumulative is the leaf's", row["cumulative"] == cumulative.get(payee)
        for line in row["why"]:
            print("why   " + line)


def main() -> int:
    """Prints one line per check."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name in ("tree", "statements", "root", "payee"):
        parser.add_argument("--" + name, required=name != "statements")
    given = parser.parse_args()
    payee, root = given.payee.lower(), bytes.fromhex(given.root[2:])
    head, rows = table(given.tree, "tree")
    verdicts = list(checks(head, rows, root, payee))
    if given.statements:
        _, statements = table(given.statements, "statements")
        verdicts += statement_checks(statements, rows, payee)
    for claim, holds in verdicts:
        print("ok   " if holds else "FAIL ", claim)
    return 0 if all(holds for _, holds in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
