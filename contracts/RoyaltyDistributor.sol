// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ARBITER, GUARDIAN, OWNER, PUBLISHER} from "./interfaces/IRoles.sol";
import "./interfaces/IRoyaltyDistributor.sol";
import {Leaves} from "./libraries/Leaves.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {TokenOut} from "./libraries/TokenOut.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {Word} from "./libraries/Word.sol";
import {Settlements} from "./mixins/Settlements.sol";
import {Stakes} from "./mixins/Stakes.sol";

/// @title Pays royalties in one ERC-20 under one ruleset, from roots that anybody can recompute
contract RoyaltyDistributor is Settlements, EIP712 {
    using TokenOut for IERC20;

    uint256 private constant SUBTREE_MAX = 256;

    /// @inheritdoc IRoyaltyDistributor
    address public immutable access;

    mapping(address payee => Word) private _claimed;

    constructor(
        address token_,
        bytes32 rulesetHash_,
        uint40 window_,
        uint256 bond_,
        uint256 stake_,
        address access_,
        address owner,
        address guardian,
        address arbiter,
        address publisher
    ) Stakes(token_, bond_, stake_) Settlements(rulesetHash_, window_) EIP712("RoyaltyDistributor", "1") {
        if (access_.code.length == 0) revert NoAccess(access_);
        access = access_;
        _setRole(OWNER, owner);
        _setRole(GUARDIAN, guardian);
        _setRole(ARBITER, arbiter);
        _setRole(PUBLISHER, publisher);
    }

    /// @inheritdoc IRoyaltyDistributor
    function fund(uint256 amount, bytes32 memo) external returns (uint256 received) {
        return _fund(msg.sender, amount, memo);
    }

    /// @inheritdoc IRoyaltyDistributor
    function fundFrom(address from, uint256 amount, bytes32 memo) external returns (uint256 received) {
        if (msg.sender != access) revert NotAccess(msg.sender);
        return _fund(from, amount, memo);
    }

    /// @inheritdoc IRoyaltyDistributor
    function claim(uint64 epoch, address payee, uint256 cumulative, bytes32[] calldata proof) external {
        (bytes32 root, uint256 total) = _live(epoch);
        if (Leaves.climb(Leaves.royalty(payee, cumulative), proof) != root) revert InvalidProof();
        _pay(epoch, total, payee, payee, cumulative);
    }

    /// @inheritdoc IRoyaltyDistributor
    function claimTo(
        uint64 epoch,
        uint256 cumulative,
        bytes32[] calldata proof,
        Reassign calldata reassign,
        bytes calldata signature
    ) external {
        if (block.timestamp > reassign.deadline) revert SignatureExpired(reassign.deadline);
        if (reassign.to == address(0) || reassign.to == address(this)) revert InvalidRecipient(reassign.to);
        if (!Signatures.isValid(reassign.payee, reassignDigest(reassign), signature)) {
            revert BadSignature(reassign.payee);
        }
        (bytes32 root, uint256 total) = _live(epoch);
        _prove(Leaves.royalty(reassign.payee, cumulative), proof, root);
        uint256 limit = cumulative < reassign.cumulative ? cumulative : reassign.cumulative;
        // Replayed, or claimed further by the payee itself: nothing is due under this signature.
        if (limit <= _claimed[reassign.payee].value) revert NothingDue(reassign.payee);
        _pay(epoch, total, reassign.payee, reassign.to, limit);
    }

    /// @inheritdoc IRoyaltyDistributor
    function claimMany(uint64 epoch, Claim[] calldata claims) external locked returns (uint256 moved) {
        (bytes32 root, uint256 total) = _live(epoch);
        uint256 left = _left(epoch, total);
        for (uint256 i = 0; i < claims.length; ++i) {
            Claim calldata one = claims[i];
            (address payee, uint256 cumulative) = (one.payee, one.cumulative);
            _prove(Leaves.royalty(payee, cumulative), one.proof, root);
            uint256 amount = _tryPay(epoch, left, payee, cumulative);
            unchecked {
                left -= amount; // _tryPay moves at most what is left
                moved += amount;
            }
        }
        _ledger += moved << PAID;
    }

    /// @inheritdoc IRoyaltyDistributor
    function claimSubtree(uint64 epoch, Payment[] calldata payments, bytes32[] calldata proof)
        external
        locked
        returns (uint256 moved)
    {
        if (payments.length == 0 || payments.length > SUBTREE_MAX) revert SubtreeSize(payments.length);
        (bytes32 root, uint256 total) = _live(epoch);
        _prove(Leaves.royalties(payments), proof, root);
        uint256 left = _left(epoch, total);
        for (uint256 i = 0; i < payments.length; ++i) {
            Payment calldata one = payments[i];
            uint256 amount = _tryPay(epoch, left, one.payee, one.cumulative);
            unchecked {
                left -= amount; // _tryPay moves at most what is left
                moved += amount;
            }
        }
        _ledger += moved << PAID;
    }

    /// @inheritdoc IRoyaltyDistributor
    function claimed(address payee) external view returns (uint256) {
        return _claimed[payee].value;
    }

    /// @inheritdoc IRoyaltyDistributor
    function reassignDigest(Reassign calldata reassign) public view returns (bytes32) {
        return _hashTypedDataV4(TypedData.reassign(reassign));
    }

    function _fund(address from, uint256 amount, bytes32 memo) private returns (uint256 received) {
        uint256 ledger = _ledger;
        if (ledger >= LOCK) revert Reentered();
        _ledger = ledger | LOCK;
        received = _pull(from, amount);
        if (received > SUM_MAX - uint120(ledger)) revert AmountTooLarge(received);
        _ledger = ledger + received; // nothing writes the word under the lock
        emit Funded(from, memo, received);
    }

    /// @dev Pays one payee or reverts. Everything is written before the token is called, so it needs no lock of
    /// its own; inside another's it stops.
    function _pay(uint64 epoch, uint256 total, address payee, address to, uint256 cumulative) private {
        uint256 ledger = _ledger;
        if (ledger >= LOCK) revert Reentered();
        Word storage known = _claimed[payee];
        uint256 before = known.value;
        if (cumulative <= before) {
            if (cumulative == before) revert NothingDue(payee);
            revert CumulativeDecreased(payee, before, cumulative);
        }
        unchecked {
            uint256 amount = cumulative - before;
            uint256 sum = (ledger >> PAID) + amount; // below 2^121 once amount ≤ total
            if (amount > total || sum > total) _checkLimit(epoch, total, amount, sum);
            _ledger = ledger + (amount << PAID); // sum ≤ total ≤ funded, which has 120 bits
            known.value = cumulative;
            emit RoyaltyClaimed(payee, epoch, to, amount, cumulative);
            _send(to, amount);
        }
    }

    /// @dev Pays one payee of a batch, or leaves everything as it was and says why. The caller holds the lock and
    /// books the sum.
    function _tryPay(uint64 epoch, uint256 left, address payee, uint256 cumulative) private returns (uint256 amount) {
        Word storage known = _claimed[payee];
        uint256 before = known.value;
        if (cumulative <= before) {
            emit ClaimSkipped(payee, epoch, SKIPPED_NOTHING_DUE);
            return 0;
        }
        unchecked {
            amount = cumulative - before;
        }
        if (amount > left) {
            emit ClaimSkipped(payee, epoch, SKIPPED_OVERPAID);
            return 0;
        }
        if (gasleft() < TokenOut.NEEDED_GAS) revert GasTooLow(TokenOut.NEEDED_GAS);
        known.value = cumulative;
        if (TOKEN.transferred(payee, amount, TokenOut.TRY_GAS)) {
            emit RoyaltyClaimed(payee, epoch, payee, amount, cumulative);
        } else {
            known.value = before; // under the lock nobody else has written it
            amount = 0;
            emit ClaimSkipped(payee, epoch, SKIPPED_TRANSFER_FAILED);
        }
    }

    /// @dev What may still be paid, an epoch being claimed on.
    function _left(uint64 epoch, uint256 total) private view returns (uint256) {
        uint256 limit = _limit(epoch, total);
        uint256 sum = uint120(_ledger >> PAID);
        return sum < limit ? limit - sum : 0;
    }

    /// @dev More than the named epoch's total may be paid in all, if a newer one is active; to nobody alone.
    function _checkLimit(uint64 epoch, uint256 total, uint256 amount, uint256 sum) private view {
        uint256 limit = _limit(epoch, total);
        if (amount > total) revert Overpaid(limit, amount); // the sum may have wrapped
        if (sum > limit) revert Overpaid(limit, sum);
    }

    function _prove(bytes32 node, bytes32[] calldata proof, bytes32 root) private pure {
        if (Leaves.climb(node, proof) != root) revert InvalidProof();
    }
}
