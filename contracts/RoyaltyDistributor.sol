// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import "./interfaces/IRoyaltyDistributor.sol";
import {ARBITER, GUARDIAN, OWNER, PUBLISHER} from "./interfaces/IRoles.sol";
import {Leaves} from "./libraries/Leaves.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {TokenIn} from "./libraries/TokenIn.sol";
import {TokenOut} from "./libraries/TokenOut.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {Pausing} from "./mixins/Pausing.sol";

/// @title Pays royalties in one ERC-20 under one ruleset, from roots that anybody can recompute
contract RoyaltyDistributor is IRoyaltyDistributor, Pausing, EIP712 {
    using SafeERC20 for IERC20;
    using TokenIn for IERC20;
    using TokenOut for IERC20;

    uint40 private constant WINDOW_MIN = 1 hours;
    uint40 private constant WINDOW_MAX = 14 days;
    uint40 private constant ARBITER_TIME = 14 days;
    uint256 private constant SUBTREE_MAX = 256;

    /// @dev One of two: epoch n is kept in slot n % 2, so a proposal never touches the active epoch.
    struct Slot {
        bytes32 root;
        uint128 total;
        uint40 activeAt;
        uint64 epoch;
        uint8 status;
    }

    /// @dev One word. `locked` stands here because every path that moves money writes the word anyway.
    struct Ledger {
        uint120 funded;
        uint120 paid;
        uint16 locked;
    }

    struct Challenger {
        address by;
        uint40 at;
    }

    IERC20 private immutable TOKEN;
    /// @inheritdoc IRoyaltyDistributor
    bytes32 public immutable rulesetHash;
    /// @inheritdoc IRoyaltyDistributor
    uint40 public immutable window;
    /// @inheritdoc IRoyaltyDistributor
    uint256 public immutable bond;

    Slot[2] private _slots;
    Ledger private _ledger;
    /// @inheritdoc IRoyaltyDistributor
    Challenger public challenger;
    /// @inheritdoc IRoyaltyDistributor
    mapping(address payee => uint256) public claimed;
    /// @inheritdoc IRoyaltyDistributor
    mapping(address account => uint256) public bondOwed;

    constructor(
        address token_,
        bytes32 rulesetHash_,
        uint40 window_,
        uint256 bond_,
        address owner,
        address guardian,
        address arbiter,
        address publisher
    ) EIP712("RoyaltyDistributor", "1") {
        if (window_ < WINDOW_MIN || window_ > WINDOW_MAX) revert WindowOutOfBounds(window_);
        TOKEN = IERC20(token_);
        rulesetHash = rulesetHash_;
        window = window_;
        bond = bond_;
        _setRole(OWNER, owner);
        _setRole(GUARDIAN, guardian);
        _setRole(ARBITER, arbiter);
        _setRole(PUBLISHER, publisher);
    }

    modifier locked() {
        if (_ledger.locked != 0) revert Reentered();
        _ledger.locked = 1;
        _;
        _ledger.locked = 0;
    }

    /// @inheritdoc IRoyaltyDistributor
    function fund(uint256 amount, bytes32 memo) external locked returns (uint256 received) {
        received = _pull(amount);
        uint256 sum = _ledger.funded + received;
        if (sum > type(uint120).max) revert AmountTooLarge(sum);
        _ledger.funded = uint120(sum);
        emit Funded(msg.sender, memo, received);
    }

    /// @inheritdoc IRoyaltyDistributor
    function propose(uint64 epoch, bytes32 root, uint256 total, bytes32 usageHead, bytes32 manifestDigest)
        external
        onlyRole(PUBLISHER)
        whenNotPaused
    {
        if (root == 0) revert EmptyRoot();
        uint256 before = _checkNext(epoch);
        if (total < before) revert TotalDecreased(before, total);
        if (total > _ledger.funded) revert Insolvent(total, _ledger.funded);
        uint40 activeAt = uint40(block.timestamp) + window;
        _slots[epoch & 1] = Slot(root, uint128(total), activeAt, epoch, SETTLEMENT_PROPOSED);
        emit SettlementProposed(epoch, root, usageHead, manifestDigest, total, activeAt);
    }

    /// @inheritdoc IRoyaltyDistributor
    function veto(uint64 epoch, bytes32 reasonDigest) external onlyRole(GUARDIAN) {
        _pending(epoch).status = SETTLEMENT_VETOED;
        emit SettlementVetoed(epoch, msg.sender, reasonDigest);
    }

    /// @inheritdoc IRoyaltyDistributor
    function challenge(uint64 epoch, bytes32 reasonDigest) external locked {
        _pending(epoch).status = SETTLEMENT_CHALLENGED;
        challenger = Challenger(msg.sender, uint40(block.timestamp));
        emit SettlementChallenged(epoch, msg.sender, reasonDigest);
        _pull(bond);
    }

    /// @inheritdoc IRoyaltyDistributor
    function resolve(uint64 epoch, bool upheld) external locked {
        Slot storage slot = _slots[epoch & 1];
        if (slot.epoch != epoch || slot.status != SETTLEMENT_CHALLENGED) revert NotChallenged(epoch);
        bool late = block.timestamp >= challenger.at + ARBITER_TIME;
        // The silence of the arbiter upholds.
        if (late ? !upheld : msg.sender != _roleHolder(ARBITER)) revert NotRole(ARBITER, msg.sender);
        address bondTo = upheld ? challenger.by : _roleHolder(PUBLISHER);
        if (upheld) {
            slot.status = SETTLEMENT_REJECTED;
        } else {
            slot.status = SETTLEMENT_PROPOSED;
            slot.activeAt = uint40(block.timestamp) + window;
        }
        delete challenger;
        emit ChallengeResolved(epoch, upheld, bondTo);
        // A receiver whom the token refuses must not keep the challenge open.
        if (gasleft() < TokenOut.NEEDED_GAS) revert GasTooLow(TokenOut.NEEDED_GAS);
        if (!TOKEN.tryTransfer(bondTo, bond)) bondOwed[bondTo] += bond;
    }

    /// @inheritdoc IRoyaltyDistributor
    function withdrawBond(address to) external locked {
        uint256 owed = bondOwed[msg.sender];
        if (owed == 0) revert NothingDue(msg.sender);
        if (to == address(this)) revert InvalidRecipient(to);
        delete bondOwed[msg.sender];
        TOKEN.safeTransfer(to, owed);
    }

    /// @inheritdoc IRoyaltyDistributor
    function claim(uint64 epoch, address payee, uint256 cumulative, bytes32[] calldata proof) external locked {
        Slot storage slot = _live(epoch);
        _prove(slot, Leaves.royalty(address(this), payee, cumulative), proof);
        _pay(slot, payee, payee, cumulative);
    }

    /// @inheritdoc IRoyaltyDistributor
    function claimTo(
        uint64 epoch,
        uint256 cumulative,
        bytes32[] calldata proof,
        Reassign calldata reassign,
        bytes calldata signature
    ) external locked {
        if (block.timestamp > reassign.deadline) revert SignatureExpired(reassign.deadline);
        if (reassign.to == address(0) || reassign.to == address(this)) revert InvalidRecipient(reassign.to);
        if (!Signatures.isValid(reassign.payee, reassignDigest(reassign), signature)) {
            revert BadSignature(reassign.payee);
        }
        Slot storage slot = _live(epoch);
        _prove(slot, Leaves.royalty(address(this), reassign.payee, cumulative), proof);
        uint256 limit = cumulative < reassign.cumulative ? cumulative : reassign.cumulative;
        // Replayed, or claimed further by the payee itself: nothing is due under this signature.
        if (limit <= claimed[reassign.payee]) revert NothingDue(reassign.payee);
        _pay(slot, reassign.payee, reassign.to, limit);
    }

    /// @inheritdoc IRoyaltyDistributor
    function claimMany(uint64 epoch, Claim[] calldata claims) external locked returns (uint256 moved) {
        Slot storage slot = _live(epoch);
        uint256 limit = _limit(slot);
        for (uint256 i = 0; i < claims.length; ++i) {
            Claim calldata one = claims[i];
            _prove(slot, Leaves.royalty(address(this), one.payee, one.cumulative), one.proof);
            moved += _tryPay(epoch, limit, one.payee, one.cumulative);
        }
    }

    /// @inheritdoc IRoyaltyDistributor
    function claimSubtree(uint64 epoch, Payment[] calldata payments, bytes32[] calldata proof)
        external
        locked
        returns (uint256 moved)
    {
        uint256 count = payments.length;
        if (count == 0 || count > SUBTREE_MAX) revert SubtreeSize(count);
        Slot storage slot = _live(epoch);
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = Leaves.royalty(address(this), payments[i].payee, payments[i].cumulative);
        }
        _prove(slot, Leaves.fold(leaves), proof);
        uint256 limit = _limit(slot);
        for (uint256 i = 0; i < count; ++i) {
            moved += _tryPay(epoch, limit, payments[i].payee, payments[i].cumulative);
        }
    }

    /// @inheritdoc IRoyaltyDistributor
    function settlement(uint64 epoch) external view returns (Settlement memory) {
        Slot memory slot = _slots[epoch & 1];
        if (slot.epoch != epoch) return Settlement(0, 0, 0, 0, 0);
        return Settlement(slot.root, slot.total, slot.activeAt, slot.epoch, slot.status);
    }

    /// @inheritdoc IRoyaltyDistributor
    function activeEpoch() external view returns (uint64 epoch) {
        for (uint256 i = 0; i < 2; ++i) {
            if (_isLive(_slots[i]) && _slots[i].epoch > epoch) epoch = _slots[i].epoch;
        }
    }

    /// @inheritdoc IRoyaltyDistributor
    function funded() external view returns (uint256) {
        return _ledger.funded;
    }

    /// @inheritdoc IRoyaltyDistributor
    function paid() external view returns (uint256) {
        return _ledger.paid;
    }

    /// @inheritdoc IRoyaltyDistributor
    function token() external view returns (address) {
        return address(TOKEN);
    }

    /// @inheritdoc IRoyaltyDistributor
    function reassignDigest(Reassign calldata reassign) public view returns (bytes32) {
        return _hashTypedDataV4(TypedData.reassign(reassign));
    }

    /// @dev Pays one payee or reverts. The ledger is written before the token is called.
    function _pay(Slot storage slot, address payee, address to, uint256 cumulative) private {
        uint256 before = claimed[payee];
        if (cumulative < before) revert CumulativeDecreased(payee, before, cumulative);
        if (cumulative == before) revert NothingDue(payee);
        uint256 amount = cumulative - before;
        uint256 sum = _ledger.paid;
        uint256 limit = slot.total;
        if (amount > limit - (sum < limit ? sum : limit)) limit = _limit(slot);
        if (amount > limit - sum) revert Overpaid(limit, sum + amount);
        _ledger.paid = uint120(sum + amount);
        claimed[payee] = cumulative;
        emit RoyaltyClaimed(payee, slot.epoch, to, amount, cumulative);
        TOKEN.safeTransfer(to, amount);
    }

    /// @dev Pays one payee of a batch, or leaves everything as it was and says why.
    function _tryPay(uint64 epoch, uint256 limit, address payee, uint256 cumulative)
        private
        returns (uint256 amount)
    {
        uint256 before = claimed[payee];
        if (cumulative <= before) {
            emit ClaimSkipped(payee, epoch, SKIPPED_NOTHING_DUE);
            return 0;
        }
        amount = cumulative - before;
        uint256 sum = _ledger.paid;
        if (amount > limit - sum) {
            emit ClaimSkipped(payee, epoch, SKIPPED_OVERPAID);
            return 0;
        }
        if (gasleft() < TokenOut.NEEDED_GAS) revert GasTooLow(TokenOut.NEEDED_GAS);
        claimed[payee] = cumulative;
        _ledger.paid = uint120(sum + amount);
        if (TOKEN.tryTransfer(payee, amount)) {
            emit RoyaltyClaimed(payee, epoch, payee, amount, cumulative);
        } else {
            // Nothing else can have written these two: every path that does is locked.
            claimed[payee] = before;
            _ledger.paid = uint120(sum);
            amount = 0;
            emit ClaimSkipped(payee, epoch, SKIPPED_TRANSFER_FAILED);
        }
    }

    /// @dev What arrives of `amount` from the sender; less is refused.
    function _pull(uint256 amount) private returns (uint256 received) {
        received = TOKEN.pull(msg.sender, address(this), amount);
        if (received < amount) revert TokenShortfall(amount, received);
    }

    /// @dev The proposed settlement of an epoch while it can still be stopped.
    function _pending(uint64 epoch) private view returns (Slot storage slot) {
        slot = _slots[epoch & 1];
        if (slot.epoch == epoch && slot.status == SETTLEMENT_CHALLENGED) revert UnderChallenge(epoch);
        if (slot.epoch != epoch || slot.status != SETTLEMENT_PROPOSED) revert WrongEpoch(0, epoch);
        if (block.timestamp >= slot.activeAt) revert WindowClosed(slot.activeAt);
    }

    /// @dev The settlement of an epoch that pays.
    function _live(uint64 epoch) private view returns (Slot storage slot) {
        slot = _slots[epoch & 1];
        if (slot.epoch != epoch || slot.status == 0) revert WrongEpoch(0, epoch);
        if (slot.status == SETTLEMENT_CHALLENGED) revert UnderChallenge(epoch);
        if (slot.status != SETTLEMENT_PROPOSED) revert WrongEpoch(0, epoch);
        if (block.timestamp < slot.activeAt) revert WindowOpen(slot.activeAt);
    }

    /// @dev Whether `epoch` may be proposed: the one before is active, and it is not itself pending or active.
    /// @return the total of the one before.
    function _checkNext(uint64 epoch) private view returns (uint256) {
        Slot storage last = _slots[(epoch & 1) ^ 1];
        Slot storage own = _slots[epoch & 1];
        (uint64 lastEpoch, uint8 lastStatus) = (last.epoch, last.status);
        (uint64 ownEpoch, uint8 ownStatus) = (own.epoch, own.status);
        bool refused = ownStatus == SETTLEMENT_VETOED || ownStatus == SETTLEMENT_REJECTED;
        if (ownEpoch > lastEpoch && !refused) {
            if (ownStatus == SETTLEMENT_CHALLENGED) revert UnderChallenge(ownEpoch);
            if (block.timestamp < own.activeAt) revert WindowOpen(own.activeAt);
            revert WrongEpoch(ownEpoch + 1, epoch);
        }
        if (lastStatus == SETTLEMENT_CHALLENGED) revert UnderChallenge(lastEpoch);
        if (lastStatus == SETTLEMENT_VETOED || lastStatus == SETTLEMENT_REJECTED) revert WrongEpoch(lastEpoch, epoch);
        if (epoch != lastEpoch + 1) revert WrongEpoch(lastEpoch + 1, epoch);
        if (block.timestamp < last.activeAt) revert WindowOpen(last.activeAt);
        return last.total;
    }

    /// @dev What may be paid in all: the total of the newest active settlement. A claim on the epoch before it
    /// is not cut short by what later roots have paid.
    function _limit(Slot storage slot) private view returns (uint256 limit) {
        limit = slot.total;
        Slot storage other = _slots[(slot.epoch & 1) ^ 1];
        if (other.epoch > slot.epoch && _isLive(other)) limit = other.total;
    }

    function _isLive(Slot storage slot) private view returns (bool) {
        return slot.status == SETTLEMENT_PROPOSED && block.timestamp >= slot.activeAt;
    }

    function _prove(Slot storage slot, bytes32 node, bytes32[] calldata proof) private view {
        if (!MerkleProof.verifyCalldata(proof, slot.root, node)) revert InvalidProof();
    }
}
