"""A proof that nothing can break proves nothing: each is run over contracts of which its subject was broken."""

from __future__ import annotations

import re
import shutil
import subprocess
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
SETTLEMENTS = "contracts/mixins/Settlements.sol"
PROOFS = "test-forge/symbolic/Encodings.t.sol"
# In each file: what is there, and what makes the proofs about it false.
BREAKS = [
    (
        IDS,
        "abi.encode(block.chainid, registry, registrant, manifestRoot, ",
        "abi.encode(registry, registrant, manifestRoot, ",
    ),
    (
        IDS,
        "abi.encode(block.chainid, registry, registrant, parentsRoot, ",
        "abi.encode(block.chainid, registrant, parentsRoot, ",
    ),
    (IDS, "abi.encode(offerDigest, licensee)", "abi.encode(offerDigest)"),
    (IDS, "keccak256(abi.encode(ascendingIds))", "keccak256(abi.encode(ascendingIds.length))"),
    (
        LEAVES,
        "leaf := keccak256(0, 0x20)\n        }\n    }\n\n    /// @notice The inner",
        "leaf := keccak256(free, 0x40)\n        }\n    }\n\n    /// @notice The inner",
    ),
    (LEAVES, "return keccak256(bytes.concat(once));", "return once;"),
    (
        LEAVES,
        "abi.encode(index, cidDigest, keyCommitment, plaintextCommitment, consentsHash)",
        "abi.encode(index, cidDigest)",
    ),
    (TYPED, "abi.encode(CONSENT, c)", "abi.encode(CONSENT, c.subject)"),
    (TYPED, "abi.encode(REVOKE_CONSENT, consentId, deadline)", "abi.encode(REVOKE_CONSENT, consentId)"),
    (TYPED, "abi.encode(REGISTER, holder, r, deadline)", "abi.encode(REGISTER, holder, r, deadline / 2)"),
    (TYPED, "hash := keccak256(free, 0x180)", "hash := keccak256(free, 0x160)"),
    (
        TYPED,
        "abi.encode(METER_SESSION, s)",
        "abi.encode(REGISTER, s.meter, s.sessionKey, s.licenseId, s.validFrom, s.validUntil, s.maxUnits, 0)",
    ),
    (TYPED, "abi.encode(REASSIGN, r)", "abi.encode(REASSIGN, r.payee)"),
    (PROOFS, "return a < b ? keccak256(abi.encode(a, b))", "return a < b ? keccak256(abi.encode(a, a))"),
    (
        REGISTRY,
        "_hashTypedDataV4(TypedData.register(holder, registration, deadline))",
        "TypedData.register(holder, registration, deadline)",
    ),
    (REGISTRY, "ITEMS = 200;", "ITEMS = 199;"),
    (REGISTRY, "if (slot.value != 0) revert AlreadyRegistered(datasetId);", ""),
    (REGISTRY, "return word ^ uint256(present ^ status) << STATUS;", "return word | uint256(status) << STATUS;"),
    (REGISTRY, "(word ^ uint160(from)) | uint160(msg.sender)", "word | uint160(msg.sender)"),
    (REGISTRY, "if (word & SUPERSEDED != 0) revert AlreadySuperseded(oldId);", ""),
    (ACCESS, "PURPOSES = 200;", "PURPOSES = 199;"),
    (ACCESS, "if (end > expiry) end = expiry;", ""),
    (DISTRIBUTOR, "if (amount > total || sum > total) _checkLimit(epoch, total, amount, sum);", ""),
    (DISTRIBUTOR, "known.value = before; // under the lock nobody else has written it", ""),
    (DISTRIBUTOR, "if (received > SUM_MAX - sum) revert AmountTooLarge(received);", ""),
    (SETTLEMENTS, "delete bondOwed[msg.sender];", ""),
    (SETTLEMENTS, "if (total > funded()) revert Insolvent(total, funded());", ""),
    (SETTLEMENTS, "if (block.timestamp >= activeAt) revert WindowClosed(activeAt);", ""),
    (
        SETTLEMENTS,
        "uint40(facts >> ACTIVE_AT) : block.timestamp + window;",
        "uint40(facts >> ACTIVE_AT) : block.timestamp;",
    ),
]


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


@pytest.mark.timeout(1_300)
def test_no_symbolic_proof_passes_where_its_subject_is_broken(copy: Path) -> None:
    for name, old, new in BREAKS:
        replace(copy, name, old, new)
    proofs = re.findall(
        r"function (check_\w+)", "".join(path.read_text() for path in copy.glob("test-forge/symbolic/*.sol"))
    )
    done = make(copy, "symbolic")
    told = done.stdout + done.stderr
    assert {name for name in proofs if not re.search(rf"\[FAIL\]\S* {name}\(", told)} == set(), told
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
    assert "slither.toml gives no reason for incorrect-exp at Settlements._checkLast: last = " in done.stdout
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
