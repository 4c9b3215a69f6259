"""What one payee earned, license by license, from the epoch's published documents.

Everything here stands in the manifest, the statements and the rejected receipts; what they do not say is not told.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

from provenance.app import license as licenses, settle
from provenance.cli.values import shown_amount, shown_tokens
from provenance.domain import fields
from provenance.domain.manifest import recording_ids
from provenance.domain.settlement import tables
from provenance.domain.settlement.statements import LISTED
from provenance.errors import ProvenanceError
from provenance.types import PPM_ONE, DatasetId, Json, LicenseId

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.app.license import DatasetRecord
    from provenance.app.ports import Chain, Content
    from provenance.app.settle import Published

    Row = Mapping[str, Json]

MOST: Final = 1 << 20
TOLD_ABOVE: Final = "the license still owes "  # in a published reason: here it is told in tokens beside what was paid


@dataclass(frozen=True)
class Statement:
    """One payee's row of an epoch, and where the rest of the epoch is."""

    chain: Chain
    content: Content
    published: Published
    row: Row
    decimals: int
    symbol: str
    _datasets: dict[DatasetId, DatasetRecord | None] = field(default_factory=dict)

    def sums(self) -> Iterator[str]:
        """What the payee's money came from, in all."""
        for name, words in (
            ("gross", "from licenses"),
            ("fee", "as fee payee"),
            ("adjustments", "refunds, returns, rulings"),
            ("net", "in all"),
        ):
            yield f"  {shown_amount(int(str(self.row[name])), self.decimals):>16} {self.symbol}  {words}"

    def lines(self) -> Iterator[str]:
        """Each credit: a license's with all that its money went to, any other in one line."""
        pots = {str(pot["licenseId"]): pot for pot in fields.objects(self.published.manifest, "pots", most=MOST)}
        why = self.row.get("why")
        words = why if isinstance(why, list | tuple) else []
        shares = fields.objects(self.row, "shares", most=MOST)
        for share, why in zip(shares, [*words, *[""] * len(shares)], strict=False):
            reason = str(why).partition(": ")[2]
            pot = pots.get(str(share["about"])) if "scoreOfAll" in share else None
            if pot is None:  # what a fee, a refund, a ruling or an old debt brought
                yield f"{self._tokens(share, 'amount')}: {reason}"
            else:
                yield from self._license(pot, share, reason)
        if any("scoreOfAll" in share for share in shares):
            yield f"Points are units times weight: {PPM_ONE} for one unit of one recording alone."

    def _license(self, pot: Row, share: Row, reason: str) -> Iterator[str]:
        dataset = self._dataset(fields.word(share, "about"))
        yield f"License {share['about']}" + (f' for "{dataset.manifest.title}"' if dataset else "")
        owed = fields.integer(pot, "due", bits=256) + fields.integer(pot, "arrears", bits=256)
        left = fields.integer(pot, "owed", bits=256)
        still = f"; {shown_tokens(left, self.decimals, self.symbol)} it still owes" if left else ""
        yield f"  paid in    {self._tokens(pot, 'gross')} of {shown_tokens(owed, self.decimals, self.symbol)} due{still}"
        yield f"  - fee      {self._tokens(pot, 'fee')}, the operator's"
        yield f"  - held     {self._tokens(pot, 'held')}{self._held(pot)}"
        yield f"  = pot      {self._tokens(pot, 'pot')}"
        yield f"  your part  {self._tokens(share, 'amount')}{_part(share)}"
        yield from self._recordings(share, dataset)
        yield from (f"    {part}" for part in reason.split("; ")[1:] if not part.startswith(TOLD_ABOVE))

    def _held(self, pot: Row) -> str:
        """Why money waits for a ruling, as far as it is published."""
        if not fields.integer(pot, "held", bits=256):
            return ""
        units = fields.mapping(pot, "units")
        rejected = fields.integer(units, "rejected", bits=256)
        if not rejected:
            return ", until a ruling: of disputed recordings, or nobody could be named"
        all_units = sum(fields.integer(units, name, bits=256) for name in units)
        text = f", until a ruling: {rejected} of {all_units} units are in "
        if self._rejected is None:
            return text + "rejected receipts, whose list is not at hand"
        rows = self._rejected[str(pot["licenseId"])]
        listed = ", ".join(f"{count} {reason}" for reason, count in sorted(rows.items()))
        return text + f"{fields.counted(rows.total(), 'rejected receipt')} ({listed})"

    @cached_property
    def _rejected(self) -> defaultdict[str, Counter[str]] | None:
        """Rejected receipts by license and reason; None where their table cannot be read: the money needs it not."""
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        try:
            table = settle.document(self.content, self.published, "rejected")
            for row in tables.parse(table, "provenance/rejected")[1]:
                counts[fields.text(row, "licenseId")][fields.text(row, "reason")] += 1
        except ProvenanceError:
            return None
        return counts

    def _recordings(self, share: Row, dataset: DatasetRecord | None) -> Iterator[str]:

        listed = fields.objects(share, "recordings", most=LISTED)
        names = dataset.manifest.recordings if dataset else ()
        number_by_id = {
            fields.shown(recording): number
            for number, recording in enumerate(recording_ids(dataset.id, len(names)) if dataset else ())
        }
        for recording in listed:
            number = number_by_id.get(str(recording["recordingId"]))
            known = str(recording["recordingId"]) if number is None else f"{number} ({names[number].name})"
            bps = fields.integer(recording, "bps", bits=14)
            yield f"    recording {known}: {recording['score']} points, {shown_amount(bps, 2)} % of them yours"
        if len(listed) == LISTED:
            yield f"    the statement names the best {LISTED} recordings"

    def _dataset(self, license_id: LicenseId) -> DatasetRecord | None:
        """What the license is for, if its manifest is in the content here; money does not need it."""
        try:
            dataset_id = licenses.find(self.chain, license_id).grant.dataset_id
        except ProvenanceError:
            return None
        if dataset_id not in self._datasets:
            try:
                self._datasets[dataset_id] = licenses.dataset(self.chain, self.content, dataset_id)
            except ProvenanceError:
                self._datasets[dataset_id] = None
        return self._datasets[dataset_id]

    def _tokens(self, row: Row, name: str) -> str:
        return shown_tokens(fields.integer(row, name, bits=256), self.decimals, self.symbol)


def _part(share: Row) -> str:
    """How much of the license's score is the payee's."""
    mine, everybody = (fields.integer(share, name, bits=256) for name in ("score", "scoreOfAll"))
    return (
        f": {mine} of {everybody} points of score, {shown_amount(mine * 10_000 // everybody, 2)} %" if everybody else ""
    )
