// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import "../interfaces/IRoyaltyDistributor.sol";

/// @title Two settlements and the sums: which epoch pays, and up to what
abstract contract Epochs is IRoyaltyDistributor {
    uint40 internal constant EXIT_DELAY = 90 days;

    // The ledger's word: funded (120 bits), then from these bits on paid (120), the lock (16). The lock stands here
    // because every path that moves money writes the word anyway.
    uint256 internal constant PAID = 120;
    uint256 internal constant LOCK = 1 << 240;
    uint256 internal constant SUM_MAX = type(uint120).max;

    // The word of a settlement's facts: total (120 bits), whether it was proposed by the exit (1), then from these
    // bits on activeAt (40), epoch (64), status.
    uint256 internal constant BY_EXIT = 1 << 120;
    uint256 internal constant ACTIVE_AT = 128;
    uint256 internal constant EPOCH = 168;
    uint256 internal constant STATUS = 232;
    uint256 internal constant PROPOSED = uint256(SETTLEMENT_PROPOSED) << (STATUS - EPOCH);

    struct Slot {
        bytes32 root;
        uint256 facts;
    }

    uint256 private immutable DEPLOYED_AT = block.timestamp;

    /// @dev Epochs alternate between two places, so a proposal never touches the active one.
    Slot[2] private _slots;
    uint256 internal _ledger;

    modifier locked() {
        uint256 ledger = _ledger;
        if (ledger >= LOCK) revert Reentered();
        _ledger = ledger | LOCK;
        _;
        _ledger ^= LOCK;
    }

    /// @inheritdoc IRoyaltyDistributor
    function settlement(uint64 epoch) external view returns (Settlement memory) {
        Slot memory slot = _slot(epoch);
        uint256 facts = slot.facts;
        if (uint64(facts >> EPOCH) != epoch) return Settlement(0, 0, 0, 0, 0, false);
        return Settlement(
            slot.root, uint120(facts), uint40(facts >> ACTIVE_AT), epoch, uint8(facts >> STATUS), facts & BY_EXIT != 0
        );
    }

    /// @inheritdoc IRoyaltyDistributor
    function activeEpoch() public view returns (uint64) {
        return uint64(_newest() >> EPOCH);
    }

    /// @inheritdoc IRoyaltyDistributor
    function exitOpensAt() public view returns (uint40) {
        uint256 facts = _newest();
        return (facts == 0 ? uint40(DEPLOYED_AT) : uint40(facts >> ACTIVE_AT)) + EXIT_DELAY;
    }

    /// @inheritdoc IRoyaltyDistributor
    function funded() external view returns (uint256) {
        return uint120(_ledger);
    }

    /// @inheritdoc IRoyaltyDistributor
    function paid() external view returns (uint256) {
        return uint120(_ledger >> PAID);
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
        return (slot.root, uint120(facts));
    }

    /// @dev What may be paid in all: the total of the newest active settlement. A claim on the epoch before it
    /// is not cut short by what later roots have paid.
    function _limit(uint64 epoch, uint256 total) internal view returns (uint256) {
        uint256 other = _slot(epoch ^ 1).facts;
        return uint64(other >> EPOCH) > epoch && _isActive(other) ? uint120(other) : total;
    }

    /// @dev The place of the settlement that is neither active nor refused, and its facts; zero if there is none.
    function _pending() internal view returns (Slot storage slot, uint256 facts) {
        slot = _slot(1);
        facts = slot.facts;
        if (!_isPending(facts)) {
            slot = _slot(0);
            facts = slot.facts;
            if (!_isPending(facts)) facts = 0;
        }
    }

    /// @dev Facts of the newest settlement that is active; zero if there is none.
    function _newest() private view returns (uint256) {
        uint256 odd = _slot(1).facts;
        uint256 even = _slot(0).facts;
        if (!_isActive(odd)) odd = 0;
        if (!_isActive(even)) even = 0;
        return uint64(odd >> EPOCH) > uint64(even >> EPOCH) ? odd : even;
    }

    function _isActive(uint256 facts) private view returns (bool) {
        return facts >> STATUS == SETTLEMENT_PROPOSED && block.timestamp >= uint40(facts >> ACTIVE_AT);
    }

    function _isPending(uint256 facts) private view returns (bool) {
        uint256 status = facts >> STATUS;
        return status == SETTLEMENT_CHALLENGED
            || (status == SETTLEMENT_PROPOSED && block.timestamp < uint40(facts >> ACTIVE_AT));
    }

    /// @dev Why a settlement that is not proposed is none.
    function _refuse(uint64 epoch, uint256 facts) internal pure {
        if (facts >> EPOCH == _mark(epoch, SETTLEMENT_CHALLENGED)) revert UnderChallenge(epoch);
        revert WrongEpoch(0, epoch);
    }

    /// @dev Epoch and status as they stand above the total and the time.
    function _mark(uint64 epoch, uint8 status) internal pure returns (uint256) {
        return uint256(status) << (STATUS - EPOCH) | epoch;
    }
}
