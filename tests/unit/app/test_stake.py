"""Who may propose with which stake, what is taken out, and that a ruling decides what was meant and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from provenance.app import pending, stake
from provenance.app.payee import NoPayee
from provenance.app.ports import Call
from provenance.app.role import NotInRole
from provenance.app.token import TooFewTokens
from provenance.types import ZERO_ADDRESS, Address, Bytes32, UnixSeconds, Wei
from tests.documents import Key, word
from tests.fakes.chain import deployment

PUBLISHER, ARBITER, STRANGER, WATCHER = (Key(name).address for name in ("p", "a", "s", "w"))
STAKE, OPENS_AT, NOW = 1_000, UnixSeconds(5_000), UnixSeconds(4_999)
ROOT = word("root")
HOLDERS = {b"publisher": PUBLISHER, b"arbiter": ARBITER}


@dataclass
class Distributor:
    """A chain that answers what the distributor and its token would."""

    staked: dict[Address, int] = field(default_factory=dict)
    owed: dict[Address, tuple[int, int]] = field(default_factory=dict)
    tokens: int = STAKE
    status: int = pending.CHALLENGED
    deployment = deployment()

    def read(self, call: Call, **_: object) -> tuple[object, ...]:
        match call.function, call.args:
            case "staked", (account,):
                return (self.staked.get(account, 0),)
            case "owed", (account,):
                return self.owed.get(account, (0, 0))
            case "roleHolder", (role,):
                return (HOLDERS[role.rstrip(b"\0")],)
            case "roleOffer", _:
                return ZERO_ADDRESS, 0
            case "settlement", (epoch,):
                return ((ROOT, 10, NOW + 60, epoch, self.status, False),)
        answers = {
            "stakeAmount": STAKE,
            "exitOpensAt": OPENS_AT,
            "balanceOf": self.tokens,
            "allowance": 0,
        }
        return (WATCHER, NOW) if call.function == "challenger" else (answers[call.function],)


def test_a_publisher_proposes_with_its_stake_in() -> None:
    with pytest.raises(stake.StakeMissing):
        stake.proposing(Distributor(), PUBLISHER, NOW, stranger=False)
    staked = Distributor({PUBLISHER: STAKE})
    for stranger in (False, True):  # named by `--as` it is the publisher all the same
        assert stake.proposing(staked, PUBLISHER, NOW, stranger=stranger) == (False, ())


def test_a_stranger_proposes_from_the_exits_first_second_on_and_only_if_that_was_said() -> None:
    with pytest.raises(stake.ExitShut) as shut:
        stake.proposing(Distributor(), STRANGER, NOW, stranger=True)
    assert shut.value.facts["opensAt"] == OPENS_AT
    by_exit, approvals = stake.proposing(Distributor(), STRANGER, OPENS_AT, stranger=True)
    approve = Call("Token", "approve", (deployment().contracts["RoyaltyDistributor"], STAKE))
    assert (by_exit, approvals) == (True, (approve,))
    assert stake.proposing(Distributor({STRANGER: STAKE}), STRANGER, OPENS_AT, stranger=True) == (True, ())
    with pytest.raises(NotInRole):
        stake.proposing(Distributor(), STRANGER, OPENS_AT, stranger=False)
    with pytest.raises(TooFewTokens):
        stake.proposing(Distributor(tokens=STAKE - 1), STRANGER, OPENS_AT, stranger=True)


def test_what_is_owed_or_in_is_taken_and_what_waits_is_said() -> None:
    with pytest.raises(stake.NothingOwed) as nothing:
        stake.unstaking(Distributor(owed={WATCHER: (0, 7)}), WATCHER, WATCHER)
    assert "waits until an epoch" in nothing.value.detail
    for there in (Distributor({WATCHER: STAKE}), Distributor(owed={WATCHER: (7, 0)})):
        assert stake.unstaking(there, WATCHER, STRANGER) == Call("RoyaltyDistributor", "unstake", (STRANGER,))
    with pytest.raises(stake.StakeIsIn):
        stake.staking(Distributor({PUBLISHER: STAKE}), PUBLISHER)


@pytest.mark.parametrize("contract", ["Token", "DataAccess"])
def test_what_is_owed_goes_to_no_contract_of_the_network(contract: str) -> None:
    there = Distributor(owed={WATCHER: (7, 0)})
    with pytest.raises(NoPayee):
        stake.unstaking(there, WATCHER, there.deployment.contracts[contract])


def test_whoever_is_no_publisher_approves_no_stake() -> None:
    with pytest.raises(NotInRole):
        stake.staking(Distributor(), STRANGER)
    assert [call.function for call in stake.staking(Distributor(), PUBLISHER)] == ["approve", "stake"]


def test_a_ruling_names_root_and_challenger_and_lands_on_no_other() -> None:
    chain = Distributor()
    meant = pending.challenged(chain, 2, root=ROOT, challenger=WATCHER)
    call = pending.ruling(chain, meant, ARBITER, NOW, upheld=False)
    assert call.args == (2, ROOT, WATCHER, False)
    for other in ({"root": Bytes32(bytes(32))}, {"challenger": STRANGER}):
        with pytest.raises(pending.OtherRoot):
            pending.challenged(chain, 2, **other)
    with pytest.raises(pending.NotChallenged):
        pending.challenged(Distributor(status=pending.PROPOSED), 2)


def test_after_the_arbiters_silence_anybody_says_so_and_nobody_anything_else() -> None:
    chain, late = Distributor(), UnixSeconds(NOW + pending.ARBITER_S)
    meant = pending.challenged(chain, 2)
    assert pending.ruling(chain, meant, STRANGER, late, upheld=True).args[-1] is True
    for account, now, upheld in ((STRANGER, late, False), (ARBITER, late, False), (STRANGER, NOW, True)):
        with pytest.raises(NotInRole):
            pending.ruling(chain, meant, account, now, upheld=upheld)


def test_nothing_is_kept_of_whom_the_distributor_does_not_know() -> None:
    assert stake.kept(Distributor(), STRANGER) == stake.Kept(Wei(0), Wei(0), Wei(0))
