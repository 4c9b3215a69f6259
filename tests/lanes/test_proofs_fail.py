"""A proof that nothing can break proves nothing: each is run over contracts of which its subject was broken."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("contracts", "scripts", "test-forge")
FILES = ("Makefile", "foundry.toml", "slither.config.json", "slither.toml")
LINKED = ("node_modules", ".venv", ".venv-security")

IDS, LEAVES, TYPED = (f"contracts/libraries/{name}.sol" for name in ("Ids", "Leaves", "TypedData"))
REGISTRY, ACCESS, DISTRIBUTOR = (
    f"contracts/{name}.sol" for name in ("DatasetRegistry", "DataAccess", "RoyaltyDistributor")
)
PAUSING, SETTLEMENTS, STAKES = (f"contracts/mixins/{name}.sol" for name in ("Pausing", "Settlements", "Stakes"))
PROOFS = "test-forge/symbolic/Encodings.t.sol"


@dataclass(frozen=True, slots=True)
class Break:
    """What stands in a file, what stands there instead, and every proof that this makes false by itself."""

    file: str
    old: str
    new: str
    proofs: tuple[str, ...]


BREAKS = (
    Break(
        IDS,
        "abi.encode(block.chainid, registry, registrant, manifestRoot, ",
        "abi.encode(block.chainid, registrant, registrant, manifestRoot, ",
        (
            "a_dataset_id_names_chain_registry_registrant_root_manifest_and_terms",
            "a_license_keeps_its_fields",
        ),
    ),
    Break(
        IDS,
        "abi.encode(block.chainid, registry, registrant, manifestRoot, manifestDigest, termsHash)",
        "abi.encode(block.chainid, registry, registrant, manifestRoot, termsHash)",
        (
            "a_dataset_id_names_chain_registry_registrant_root_manifest_and_terms",
            "a_license_keeps_its_fields",
            "registries_of_different_kinds_share_no_id",
        ),
    ),
    Break(
        IDS,
        "abi.encode(block.chainid, registry, registrant, parentsRoot, ",
        "abi.encode(block.chainid, registrant, registrant, parentsRoot, ",
        ("an_artifact_id_names_chain_registry_registrant_parents_and_digest",),
    ),
    Break(
        IDS, "abi.encode(offerDigest, licensee)", "abi.encode(offerDigest)", ("a_license_id_names_offer_and_licensee",)
    ),
    Break(
        IDS,
        "keccak256(abi.encode(ascendingIds))",
        "keccak256(abi.encode(ascendingIds.length))",
        ("a_list_of_consents_has_its_own_hash",),
    ),
    Break(
        LEAVES,
        "mstore(add(free, 0x60), cumulative)",
        "mstore(add(free, 0x60), payee)",
        (
            "a_royalty_leaf_names_chain_and_distributor",
            "a_royalty_leaf_names_payee_and_sum",
            "the_subtree_of_one_payment_is_its_leaf",
        ),
    ),
    Break(
        LEAVES,
        "leaf := keccak256(0, 0x20)\n        }\n    }\n\n    /// @notice The inner",
        "leaf := keccak256(free, 0x40)\n        }\n    }\n\n    /// @notice The inner",
        (
            "a_royalty_leaf_names_chain_and_distributor",
            "a_royalty_leaf_names_payee_and_sum",
            "no_inner_node_is_a_leaf",
            "the_subtree_of_one_payment_is_its_leaf",
        ),
    ),
    Break(
        LEAVES,
        "abi.encode(index, cidDigest, keyCommitment, plaintextCommitment, consentsHash)",
        "abi.encode(index, cidDigest, plaintextCommitment, consentsHash)",
        (
            "a_recordings_leaf_names_its_fields",
            "no_leaf_of_one_tree_is_in_the_other",
        ),
    ),
    Break(
        LEAVES,
        "abi.encode(datasetId, holder)",
        "abi.encode(datasetId)",
        ("a_members_leaf_names_dataset_and_holder",),
    ),
    Break(TYPED, "abi.encode(CONSENT, c)", "abi.encode(CONSENT, c.subject)", ("a_consents_hash_names_its_fields",)),
    Break(
        TYPED,
        "abi.encode(REVOKE_CONSENT, consentId, deadline)",
        "abi.encode(REVOKE_CONSENT, consentId)",
        ("a_withdrawals_hash_names_its_fields",),
    ),
    Break(
        TYPED,
        "abi.encode(EXTEND_CONSENT, consentId, holder, deadline)",
        "abi.encode(EXTEND_CONSENT, consentId, deadline)",
        ("an_extensions_hash_names_its_fields",),
    ),
    Break(
        TYPED,
        "abi.encode(REGISTER, holder, r, deadline)",
        "abi.encode(REGISTER, holder, r, deadline / 2)",
        ("a_registrations_hash_names_its_fields",),
    ),
    Break(
        TYPED, "hash := keccak256(free, 0x1a0)", "hash := keccak256(free, 0x180)", ("an_offers_hash_names_its_fields",)
    ),
    Break(
        TYPED,
        "abi.encode(METER_SESSION, s)",
        "abi.encode(REGISTER, s.meter, s.sessionKey, s.licenseId, s.validFrom, s.validUntil, s.maxUnits, 0)",
        (
            "a_sessions_hash_names_its_fields",
            "what_is_signed_for_one_purpose_is_signed_for_no_other",
        ),
    ),
    Break(
        TYPED, "abi.encode(REASSIGN, r)", "abi.encode(REASSIGN, r.payee)", ("a_reassignments_hash_names_its_fields",)
    ),
    Break(
        PROOFS,
        "return a < b ? keccak256(abi.encode(a, b))",
        "return a < b ? keccak256(abi.encode(a, a))",
        ("a_root_has_one_pair_below_it",),
    ),
    Break(
        REGISTRY,
        "_hashTypedDataV4(TypedData.register(holder, registration, deadline))",
        "TypedData.register(holder, registration, deadline)",
        ("what_is_signed_for_one_contract_and_chain_holds_on_no_other",),
    ),
    Break(REGISTRY, "ITEMS = 200;", "ITEMS = 199;", ("a_dataset_keeps_its_fields",)),
    Break(REGISTRY, "if (slot.value != 0) revert AlreadyRegistered(datasetId);", "", ("a_dataset_is_registered_once",)),
    Break(
        REGISTRY,
        "return word ^ uint256(present ^ status) << STATUS;",
        "return word | uint256(status) << STATUS;",
        ("a_status_changes_nothing_else",),
    ),
    Break(
        REGISTRY,
        "(word ^ uint160(from)) | uint160(msg.sender)",
        "word | uint160(msg.sender)",
        ("a_transfer_changes_the_holder_counts_and_nothing_else",),
    ),
    Break(
        REGISTRY,
        "if (_words[poolId].value & POOL == 0) revert NotPool(poolId);",
        "",
        ("only_its_holder_sets_a_pools_members",),
    ),
    Break(
        REGISTRY,
        "at = uint40(block.timestamp + _items(pool) * 1 days);",
        "at = uint40(block.timestamp);",
        ("a_member_leaves_after_the_notice_or_stays",),
    ),
    Break(REGISTRY, "if (word & SUPERSEDED != 0) revert AlreadySuperseded(oldId);", "", ("superseding_sets_one_bit",)),
    Break(
        ACCESS,
        "PURPOSES = 200;",
        "PURPOSES = 199;",
        (
            "a_license_keeps_its_fields",
            "a_termination_only_shortens",
        ),
    ),
    Break(ACCESS, "if (end > expiry) end = expiry;", "", ("a_termination_only_shortens",)),
    Break(
        DISTRIBUTOR,
        "if (amount > total || sum > total) _checkLimit(epoch, total, amount, sum);",
        "",
        (
            "a_claim_pays_what_is_new_even",
            "a_claim_pays_what_is_new_odd",
            "a_claim_to_another_pays_what_was_signed",
        ),
    ),
    Break(
        DISTRIBUTOR,
        "known.value = before; // under the lock nobody else has written it",
        "",
        (
            "a_batch_books_what_it_paid",
            "a_subtree_books_what_it_paid",
        ),
    ),
    Break(
        DISTRIBUTOR,
        "if (received > SUM_MAX - uint120(ledger)) revert AmountTooLarge(received);",
        "",
        ("funding_adds_what_arrived_and_nothing_else",),
    ),
    Break(
        DISTRIBUTOR,
        "if (msg.sender != access) revert NotAccess(msg.sender);",
        "",
        ("nobody_but_the_access_contract_takes_anothers_money",),
    ),
    Break(
        SETTLEMENTS,
        "if (total > limit) revert Insolvent(total, limit);",
        "",
        (
            "a_proposal_by_the_exit_brings_its_stake_and_comes_late",
            "a_publishers_proposal_is_funded_and_leaves_the_active_one_alone_even",
            "a_publishers_proposal_is_funded_and_leaves_the_active_one_alone_odd",
        ),
    ),
    Break(
        SETTLEMENTS,
        "if (block.timestamp >= activeAt) revert WindowClosed(activeAt);",
        "",
        (
            "a_challenge_comes_in_time_with_its_bond_outside_the_sums",
            "a_veto_comes_in_time_and_changes_the_status_of_its_root_alone",
        ),
    ),
    Break(
        SETTLEMENTS,
        "_owe(by, bond + stakeAmount / 2);",
        "_owe(by, bond + stakeAmount);",
        ("upheld_the_challenger_is_owed_its_bond_and_half_the_stake",),
    ),
    Break(
        SETTLEMENTS,
        "            activeAt = block.timestamp + _windowOf(facts);\n            slot",
        "            activeAt = block.timestamp;\n            slot",
        ("dismissed_the_proposer_is_owed_half_the_bond_and_the_whole_window_opens",),
    ),
    Break(
        SETTLEMENTS,
        "if (by != address(uint160(word))) revert",
        "if (by == msg.sender) revert",
        ("a_ruling_touches_no_root_and_no_challenge_but_its_own",),
    ),
    Break(
        STAKES,
        "_owed[account] = word + (1 << WAITING);",
        "_owed[account] = word;",
        ("silence_moves_no_stake_and_the_bond_waits",),
    ),
    Break(
        STAKES,
        "if (word >> STAKED != 0) revert AlreadyStaked(msg.sender);",
        "",
        ("a_stake_comes_in_once_and_from_the_publisher",),
    ),
    Break(
        STAKES,
        "if (_isStaked(word, msg.sender) && (pending == 0 || pending & BY_EXIT != 0)) {",
        "if (_isStaked(word, msg.sender)) {",
        ("a_stake_leaves_free_and_to_its_owner",),
    ),
    Break(STAKES, "if (amount != 0) _owed[msg.sender] = rest;", "", ("what_is_owed_leaves_once",)),
    Break(
        STAKES,
        "waiting = uint32(rest >> WAITING) * bond;",
        "waiting = uint32(rest >> WAITS_FOR) * bond;",
        ("what_is_owed_keeps_its_fields",),
    ),
    Break(STAKES, "_owe(from, _leaves(from));", "_leaves(from);", ("a_publisher_that_goes_keeps_its_stake",)),
    Break(
        PAUSING,
        "_publisher = word ^ uint256(last ^ until) << PAUSED_UNTIL;",
        "_publisher = word | uint256(until) << PAUSED_UNTIL;",
        ("a_pause_changes_no_publisher_and_no_stake",),
    ),
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path / name)
    for name in LINKED:
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def replace(tree: Path, name: str, old: str, new: str) -> None:
    text = (tree / name).read_text("utf-8")
    assert text.count(old) == 1, (name, old)
    (tree / name).write_text(text.replace(old, new), "utf-8")


def make(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A target in the copy, whose environments are those of the project."""
    as_they_are = ("-o", "setup", "-o", ".stamps/security")
    return subprocess.run(
        ("make", *as_they_are, *arguments), cwd=tree, capture_output=True, text=True, check=False, timeout=1_200
    )


def runs() -> list[list[Break]]:
    """In none do two breaks make one proof false: a proof that fails in it fails by the break of its own subject."""
    found: list[list[Break]] = []
    for one in BREAKS:
        free = (run for run in found if not any(set(one.proofs) & set(other.proofs) for other in run))
        if (run := next(free, None)) is None:
            found.append(run := [])
        run.append(one)
    return found


def test_every_symbolic_proof_has_a_break() -> None:
    proofs = re.findall(
        r"function check_(\w+)", "".join(one.read_text() for one in ROOT.glob("test-forge/symbolic/*.sol"))
    )
    assert sorted(proofs) == sorted(set().union(*(one.proofs for one in BREAKS)))


@pytest.mark.timeout(1_300)
@pytest.mark.parametrize("broken", runs(), ids=len)
def test_no_symbolic_proof_passes_where_its_subject_is_broken(copy: Path, broken: list[Break]) -> None:
    for one in broken:
        replace(copy, one.file, one.old, one.new)
    proofs = set().union(*(one.proofs for one in broken))
    done = make(copy, "symbolic", f"HALMOS=--match-test '^check_({'|'.join(sorted(proofs))})[(]'")
    told = done.stdout + done.stderr
    assert set(re.findall(r"\[FAIL\]\S* check_(\w+)\(", told)) == proofs, told
    assert "[PASS]" not in told
    assert done.returncode != 0


def test_no_symbolic_proof_at_all_is_a_failure(copy: Path) -> None:
    done = make(copy, "symbolic", "HALMOS=--function check_nothing")
    assert "No tests" in done.stdout + done.stderr
    assert done.returncode != 0


def test_slither_fails_at_a_finding_at_a_reason_without_one_and_at_an_entry_without_a_reason(copy: Path) -> None:
    replace(copy, "contracts/mixins/Roles.sol", "standing.account != msg.sender", "standing.account != tx.origin")
    replace(copy, "slither.toml", '"Settlements._checkNext: last', '"Settlements._checkLast: last')
    replace(copy, "slither.toml", "`epoch ^ 1` flips the last bit: the other of two places. No power is meant.", " ")
    excepted = "uint256 own = _slot(epoch).facts;"  # in a function with a finding that has its reason
    replace(
        copy, "contracts/mixins/Settlements.sol", excepted, excepted.replace("_slot(epoch)", "_slot((epoch ^ 2) ^ 2)")
    )
    done = make(copy, "slither")
    assert "tx-origin at Roles.acceptRole" in done.stdout, done.stdout + done.stderr
    assert "incorrect-exp at Settlements._checkNext: last = " in done.stdout
    assert "incorrect-exp at Settlements._checkNext: own = " in done.stdout
    assert "slither.toml excepts incorrect-exp at Settlements._checkLast: last = " in done.stdout
    named = "Epochs._limit: other = _slot(epoch ^ 1).facts, Settlements._checkLast: last = "  # the whole entry
    assert f"slither.toml gives no reason for incorrect-exp at {named}" in done.stdout
    assert "3 not listed, 1 listed without a reason, 1 listed without a finding" in done.stdout
    assert done.returncode != 0


@pytest.mark.timeout(1_300)
def test_mutants_fail_where_a_test_is_missing_and_at_an_equivalent_that_is_none(copy: Path) -> None:
    shutil.rmtree(copy / "test-forge/fuzz")
    shutil.rmtree(copy / "test-forge/invariant")
    for test in (copy / "test-forge").rglob("*.t.sol"):
        if test.name != "ArtifactRegistry.t.sol":
            test.unlink()
    with (copy / "test-forge/equivalent-mutants.toml").open("a", encoding="utf-8") as listed:
        listed.write('\n[[mutant]]\nfile = "contracts/Gone.sol"\nwas = "a"\nnow = "b"\nwhy = "gone"\n')
    done = make(copy, "mutants", "SAMPLE=3", "ONLY=contracts/libraries/Purposes.sol")
    assert done.stdout.count("survived: contracts/libraries/Purposes.sol:") == 3, done.stdout + done.stderr
    assert "among the equivalents, but no fault:\n  contracts/Gone.sol" in done.stdout
    assert "killed: 0.0% of 3" in done.stdout
    assert done.returncode != 0
    done = make(copy, "mutants", "SAMPLE=3", "ONLY=contracts/ArtifactRegistry.sol")
    assert "killed: 100.0% of 3" in done.stdout, done.stdout + done.stderr
