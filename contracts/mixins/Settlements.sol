// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import "../interfaces/IRoyaltyDistributor.sol";
import {ARBITER, GUARDIAN, OWNER, PUBLISHER} from "../interfaces/IRoles.sol";
import {TokenIn} from "../libraries/TokenIn.sol";
import {TokenOut} from "../libraries/TokenOut.sol";
import {Pausing} from "./Pausing.sol";

/// @title Which root holds: proposed, stopped, active by time
abstract contract Settlements is IRoyaltyDistributor, Pausing {
    using TokenIn for IERC20;
    using TokenOut for IERC20;

    uint40 internal constant WINDOW_MIN = 1 hours;
    uint40 internal constant WINDOW_MAX = 14 days;
    uint40 internal constant ARBITER_TIME = 14 days;

    // The ledger's word: funded (120 bits), then from these bits on paid (120), the lock (16). The lock stands here
    // because every path that moves money writes the word anyway.
    uint256 internal constant PAID = 120;
    uint256 internal constant LOCK = 1 << 240;
    uint256 internal constant SUM_MAX = type(uint120).max;

    // The word of a settlement's facts: total (128 bits), then from these bits on activeAt (40), epoch (64), status.
    uint256 internal constant ACTIVE_AT = 128;
    uint256 internal constant EPOCH = 168;
    uint256 internal constant STATUS = 232;
    uint256 internal constant PROPOSED = uint256(SETTLEMENT_PROPOSED) << (STATUS - EPOCH);

    struct Slot {
        bytes32 root;
        uint256 facts;
    }

    struct Challenger {
        address by;
        uint40 at;
    }

    IERC20 internal immutable TOKEN;
    /// @inheritdoc IRoyaltyDistributor
    bytes32 public immutable rulesetHash;
    /// @inheritdoc IRoyaltyDistributor
    uint40 public immutable window;
    /// @inheritdoc IRoyaltyDistributor
    uint256 public immutable bond;

    /// @dev Epochs alternate between two places, so a proposal never touches the active one.
    Slot[2] private _slots;
    uint256 internal _ledger;
    /// @inheritdoc IRoyaltyDistributor
    Challenger public challenger;
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
    ) {
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
        uint256 ledger = _ledger;
        if (ledger >= LOCK) revert Reentered();
        _ledger = ledger | LOCK;
        _;
        _ledger ^= LOCK;
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
        if (total > funded()) revert Insolvent(total, funded());
        uint256 activeAt = block.timestamp + window;
        Slot storage slot = _slot(epoch);
        slot.root = root;
        slot.facts = total | activeAt << ACTIVE_AT | uint256(epoch) << EPOCH | uint256(SETTLEMENT_PROPOSED) << STATUS;
        emit SettlementProposed(epoch, root, usageHead, manifestDigest, total, uint40(activeAt));
    }

    /// @inheritdoc IRoyaltyDistributor
    function veto(uint64 epoch, bytes32 reasonDigest) external onlyRole(GUARDIAN) {
        _stop(epoch, SETTLEMENT_VETOED);
        emit SettlementVetoed(epoch, msg.sender, reasonDigest);
    }

    /// @inheritdoc IRoyaltyDistributor
    function challenge(uint64 epoch, bytes32 reasonDigest) external locked {
        _stop(epoch, SETTLEMENT_CHALLENGED);
        challenger = Challenger(msg.sender, uint40(block.timestamp));
        emit SettlementChallenged(epoch, msg.sender, reasonDigest);
        _pull(bond);
    }

    /// @inheritdoc IRoyaltyDistributor
    function resolve(uint64 epoch, bool upheld) external locked {
        Slot storage slot = _slot(epoch);
        uint256 facts = slot.facts;
        if (facts >> EPOCH != _mark(epoch, SETTLEMENT_CHALLENGED)) revert NotChallenged(epoch);
        bool late = block.timestamp >= challenger.at + ARBITER_TIME;
        // The silence of the arbiter upholds.
        if (late ? !upheld : msg.sender != _roleHolder(ARBITER)) revert NotRole(ARBITER, msg.sender);
        address bondTo = upheld ? challenger.by : _roleHolder(PUBLISHER);
        uint256 activeAt = upheld ? uint40(facts >> ACTIVE_AT) : block.timestamp + window;
        uint8 status = upheld ? SETTLEMENT_REJECTED : SETTLEMENT_PROPOSED;
        slot.facts = uint128(facts) | activeAt << ACTIVE_AT | _mark(epoch, status) << EPOCH;
        delete challenger;
        emit ChallengeResolved(epoch, upheld, bondTo);
        // A receiver whom the token refuses must not keep the challenge open.
        if (gasleft() < TokenOut.NEEDED_GAS) revert GasTooLow(TokenOut.NEEDED_GAS);
        if (!TOKEN.transferred(bondTo, bond, TokenOut.TRY_GAS)) bondOwed[bondTo] += bond;
    }

    /// @inheritdoc IRoyaltyDistributor
    function withdrawBond(address to) external locked {
        uint256 owed = bondOwed[msg.sender];
        if (owed == 0) revert NothingDue(msg.sender);
        if (to == address(this)) revert InvalidRecipient(to);
        delete bondOwed[msg.sender];
        _send(to, owed);
    }

    /// @inheritdoc IRoyaltyDistributor
    function settlement(uint64 epoch) external view returns (Settlement memory) {
        Slot memory slot = _slot(epoch);
        if (uint64(slot.facts >> EPOCH) != epoch) return Settlement(0, 0, 0, 0, 0);
        return
            Settlement(
                slot.root, uint128(slot.facts), uint40(slot.facts >> ACTIVE_AT), epoch, uint8(slot.facts >> STATUS)
            );
    }

    /// @inheritdoc IRoyaltyDistributor
    function activeEpoch() external view returns (uint64) {
        uint256 odd = _slot(1).facts;
        uint256 even = _slot(0).facts;
        uint64 oddEpoch = _isActive(odd) ? uint64(odd >> EPOCH) : 0;
        uint64 evenEpoch = _isActive(even) ? uint64(even >> EPOCH) : 0;
        return oddEpoch > evenEpoch ? oddEpoch : evenEpoch;
    }

    /// @inheritdoc IRoyaltyDistributor
    function token() external view returns (address) {
        return address(TOKEN);
    }

    /// @inheritdoc IRoyaltyDistributor
    function funded() public view returns (uint256) {
        return uint120(_ledger);
    }

    /// @dev Takes a proposed settlement out of its window.
    function _stop(uint64 epoch, uint8 status) private {
        Slot storage slot = _slot(epoch);
        uint256 facts = slot.facts;
        if (facts >> EPOCH != _mark(epoch, SETTLEMENT_PROPOSED)) _refuse(epoch, facts);
        uint40 activeAt = uint40(facts >> ACTIVE_AT);
        if (block.timestamp >= activeAt) revert WindowClosed(activeAt);
        slot.facts = facts ^ uint256(SETTLEMENT_PROPOSED ^ status) << STATUS;
    }

    /// @dev The place of an epoch; `epoch ^ 1` gives the other one.
    function _slot(uint64 epoch) internal pure returns (Slot storage slot) {
        assembly ("memory-safe") {
            slot.slot := add(_slots.slot, shl(1, and(epoch, 1))) // a Slot takes two words
        }
    }

    /// @dev Root and total of an epoch that pays.
    function _live(uint64 epoch) internal view returns (bytes32 root, uint256 total) {
        Slot storage slot = _slot(epoch);
        uint256 facts = slot.facts;
        if (facts >> EPOCH ^ epoch != PROPOSED) _refuse(epoch, facts);
        if (block.timestamp < uint40(facts >> ACTIVE_AT)) revert WindowOpen(uint40(facts >> ACTIVE_AT));
        return (slot.root, uint128(facts));
    }

    /// @dev Whether `epoch` may be proposed: the one before is active, and it is not itself pending or active.
    /// @return the total of the one before.
    function _checkNext(uint64 epoch) private view returns (uint256) {
        uint256 last = _slot(epoch ^ 1).facts;
        uint256 own = _slot(epoch).facts;
        if (uint64(own >> EPOCH) > uint64(last >> EPOCH)) {
            uint8 status = uint8(own >> STATUS);
            if (status == SETTLEMENT_CHALLENGED || status == SETTLEMENT_PROPOSED) {
                _checkActive(own, epoch);
                revert WrongEpoch(uint64(own >> EPOCH) + 1, epoch);
            }
        }
        _checkActive(last, epoch);
        if (epoch != uint64(last >> EPOCH) + 1) revert WrongEpoch(uint64(last >> EPOCH) + 1, epoch);
        return uint128(last);
    }

    /// @dev Reverts unless the settlement is active, or there is none.
    function _checkActive(uint256 facts, uint64 given) private view {
        uint64 epoch = uint64(facts >> EPOCH);
        uint8 status = uint8(facts >> STATUS);
        if (status > SETTLEMENT_PROPOSED) {
            if (status == SETTLEMENT_CHALLENGED) revert UnderChallenge(epoch);
            revert WrongEpoch(epoch, given);
        }
        uint40 activeAt = uint40(facts >> ACTIVE_AT);
        if (block.timestamp < activeAt) revert WindowOpen(activeAt);
    }

    function _send(address to, uint256 amount) internal {
        if (!TOKEN.transferred(to, amount, gasleft())) revert TransferFailed(to, amount);
    }

    /// @dev What arrives of `amount` from the sender; less is refused.
    function _pull(uint256 amount) internal returns (uint256 received) {
        received = TOKEN.pull(msg.sender, address(this), amount);
        if (received < amount) revert TokenShortfall(amount, received);
    }

    /// @dev What may be paid in all: the total of the newest active settlement. A claim on the epoch before it
    /// is not cut short by what later roots have paid.
    function _limit(uint64 epoch, uint256 total) internal view returns (uint256) {
        uint256 other = _slot(epoch ^ 1).facts;
        return uint64(other >> EPOCH) > epoch && _isActive(other) ? uint128(other) : total;
    }

    function _isActive(uint256 facts) private view returns (bool) {
        return facts >> STATUS == SETTLEMENT_PROPOSED && block.timestamp >= uint40(facts >> ACTIVE_AT);
    }

    /// @dev Why a settlement that is not proposed is none.
    function _refuse(uint64 epoch, uint256 facts) private pure {
        if (facts >> EPOCH == _mark(epoch, SETTLEMENT_CHALLENGED)) revert UnderChallenge(epoch);
        revert WrongEpoch(0, epoch);
    }

    /// @dev Epoch and status as they stand above the total and the time.
    function _mark(uint64 epoch, uint8 status) private pure returns (uint256) {
        return uint256(status) << (STATUS - EPOCH) | epoch;
    }
}
