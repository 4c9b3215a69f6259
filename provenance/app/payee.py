"""Payees: accounts that can use what they are paid, which the network's own contracts cannot."""

from __future__ import annotations

from collections.abc import Iterable

from provenance.app.ports import Deployment
from provenance.domain.fields import checksummed, shown
from provenance.errors import Invalid
from provenance.types import Address


class NoPayee(Invalid):
    """A contract of the network: what is paid to it is lost for everybody."""

    next = "Name the account of a person or of a wallet; `provenance contracts addresses` lists the contracts."


def check(deployment: Deployment, accounts: Iterable[Address], field: str) -> None:
    """None of the accounts is the token or a contract of the deployment.

    Raises:
        NoPayee: one is; it is named.
    """
    contract_by_address = {address: name for name, address in deployment.contracts.items()}
    for account in accounts:
        if account in contract_by_address:
            contract = contract_by_address[account]
            detail = f"{field}: {checksummed(account)} is the network's {contract}, which can never pass tokens on"
            raise NoPayee(detail, field=field, account=shown(account), contract=contract)
