// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import "../interfaces/IRoyaltyDistributor.sol";
import {ARBITER, GUARDIAN, PUBLISHER} from "../interfaces/IRoles.sol";
import {Stakes} from "./Stakes.sol";

/// @title Which root holds: proposed, stopped, active by time
abstract contract Settlements is Stakes {
    uint40 internal constant WINDOW_MIN = 2 days;
    uint40 internal constant WINDOW_MIN_DEVNET = 1 hours;
    uint40 internal constant WINDOW_MAX = 14 days;
    uint40 internal constant EXIT_WINDOW = 14 days;
    uint40 internal constant ARBITER_TIME = 14 days;

    // The word of the challenge: who challenged (160 bits), then from this bit on when (40).
    uint256 internal constant CHALLENGED_AT = 160;

    /// @inheritdoc IRoyaltyDistributor
    bytes32 public immutable rulesetHash;
    /// @inheritdoc IRoyaltyDistributor
    uint40 public immutable window;

    /// @dev The last challenge, decided or not: whether one is open the settlement's status says.
    uint256 private _challenge;

    constructor(bytes32 rulesetHash_, uint40 window_) {
        bool devnet = block.chainid == 31337 || block.chainid == 1337;
        if (window_ < (devnet ? WINDOW_MIN_DEVNET : WINDOW_MIN) || window_ > WINDOW_MAX) {
            revert WindowOutOfBounds(window_);
        }
        rulesetHash = rulesetHash_;
        window = window_;
    }

    /// @inheritdoc IRoyaltyDistributor
    function propose(uint64 epoch, bytes32 root, uint256 total, bytes32 usageHead, bytes32 manifestDigest) external {
        uint256 word = _publisher;
        uint40 pausedTo = uint40(word >> PAUSED_UNTIL);
        bool byExit = address(uint160(word)) != msg.sender;
        if (byExit && block.timestamp < exitOpensAt()) revert NotRole(PUBLISHER, msg.sender);
        if (block.timestamp < pausedTo) revert PausedUntil(pausedTo);
        if (root == 0) revert EmptyRoot();
        uint256 before = _checkNext(epoch, byExit);
        if (total < before) revert TotalDecreased(before, total);
        uint256 limit = uint120(_ledger);
        if (total > limit) revert Insolvent(total, limit);
        uint256 facts = total | _mark(epoch, SETTLEMENT_PROPOSED) << EPOCH;
        if (byExit) facts |= BY_EXIT;
        else if (word < 1 << STAKED) revert NotStaked(msg.sender);
        uint256 activeAt = block.timestamp + _windowOf(facts);
        Slot storage slot = _slot(epoch);
        slot.root = root;
        slot.facts = facts | activeAt << ACTIVE_AT;
        emit SettlementProposed(epoch, root, usageHead, manifestDigest, total, uint40(activeAt));
        if (facts & BY_EXIT != 0) _stakeByExit();
    }

    /// @inheritdoc IRoyaltyDistributor
    function veto(uint64 epoch, bytes32 root, bytes32 reasonDigest) external onlyRole(GUARDIAN) {
        _stop(epoch, root, SETTLEMENT_VETOED);
        emit SettlementVetoed(epoch, root, msg.sender, reasonDigest);
    }

    /// @inheritdoc IRoyaltyDistributor
    function challenge(uint64 epoch, bytes32 root, bytes32 reasonDigest) external locked {
        _stop(epoch, root, SETTLEMENT_CHALLENGED);
        _challenge = block.timestamp << CHALLENGED_AT | uint160(msg.sender);
        emit SettlementChallenged(epoch, root, msg.sender, reasonDigest);
        _pull(msg.sender, bond);
    }

    /// @inheritdoc IRoyaltyDistributor
    function resolve(uint64 epoch, bytes32 root, address by, bool upheld) external {
        Slot storage slot = _slot(epoch);
        uint256 facts = slot.facts;
        if (facts >> EPOCH != _mark(epoch, SETTLEMENT_CHALLENGED)) revert NotChallenged(epoch);
        _checkRoot(slot, root);
        uint256 word = _challenge;
        if (by != address(uint160(word))) revert WrongChallenger(address(uint160(word)), by);
        bool late = block.timestamp >= (word >> CHALLENGED_AT) + ARBITER_TIME;
        // After that anybody may say that the arbiter was silent; nobody may say anything else.
        if (late ? !upheld : msg.sender != _roleHolder(ARBITER)) revert NotRole(ARBITER, msg.sender);
        uint256 activeAt = 0;
        if (upheld) {
            slot.facts = facts ^ uint256(SETTLEMENT_CHALLENGED ^ SETTLEMENT_REJECTED) << STATUS;
        } else {
            activeAt = block.timestamp + _windowOf(facts);
            slot.facts = uint128(facts) | activeAt << ACTIVE_AT | _mark(epoch, SETTLEMENT_PROPOSED) << EPOCH;
        }
        emit ChallengeResolved(epoch, root, upheld, by, uint40(activeAt));
        if (late) {
            _oweOnceActive(by, epoch); // the proposer's stake is bound no more
        } else if (upheld) {
            _forfeit(facts);
            _owe(by, bond + stakeAmount / 2);
        } else {
            _owe(_proposerOf(facts), bond / 2);
        }
    }

    /// @inheritdoc IRoyaltyDistributor
    function rule(bytes32 digest) external onlyRole(GUARDIAN) {
        emit Ruled(digest);
    }

    /// @inheritdoc IRoyaltyDistributor
    function strike(bytes32 digest) external onlyRole(ARBITER) {
        emit RulingStruck(digest);
    }

    /// @inheritdoc IRoyaltyDistributor
    function challenger() external view returns (address by, uint40 at) {
        (, uint256 pending) = _pending();
        if (pending >> STATUS != SETTLEMENT_CHALLENGED) return (address(0), 0);
        return (address(uint160(_challenge)), uint40(_challenge >> CHALLENGED_AT));
    }

    /// @dev Takes a proposed settlement out of its window.
    function _stop(uint64 epoch, bytes32 root, uint8 status) private {
        Slot storage slot = _slot(epoch);
        uint256 facts = slot.facts;
        if (facts >> EPOCH != _mark(epoch, SETTLEMENT_PROPOSED)) _refuse(epoch, facts);
        uint40 activeAt = uint40(facts >> ACTIVE_AT);
        if (block.timestamp >= activeAt) revert WindowClosed(activeAt);
        _checkRoot(slot, root);
        slot.facts = facts ^ uint256(SETTLEMENT_PROPOSED ^ status) << STATUS;
    }

    /// @dev Whether `epoch` may be proposed: the one before is active, and it is not itself pending or active. What
    /// was proposed by the exit and is not challenged gives way to the publisher.
    /// @return the total of the one before.
    function _checkNext(uint64 epoch, bool byExit) private view returns (uint256) {
        uint256 last = _slot(epoch ^ 1).facts;
        uint256 own = _slot(epoch).facts;
        if (uint64(own >> EPOCH) > uint64(last >> EPOCH)) {
            uint8 status = uint8(own >> STATUS);
            bool givesWay = !byExit && own & BY_EXIT != 0 && block.timestamp < uint40(own >> ACTIVE_AT);
            if (status == SETTLEMENT_CHALLENGED || (status == SETTLEMENT_PROPOSED && !givesWay)) {
                _checkActive(own, epoch);
                revert WrongEpoch(uint64(own >> EPOCH) + 1, epoch);
            }
        }
        _checkActive(last, epoch);
        if (epoch != uint64(last >> EPOCH) + 1) revert WrongEpoch(uint64(last >> EPOCH) + 1, epoch);
        return uint120(last);
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

    function _checkRoot(Slot storage slot, bytes32 given) private view {
        bytes32 root = slot.root;
        if (root != given) revert WrongRoot(root, given);
    }

    /// @dev Seconds until what has these facts is active, from its proposal or a dismissal on.
    function _windowOf(uint256 facts) private view returns (uint256) {
        return facts & BY_EXIT != 0 ? EXIT_WINDOW : window;
    }
}
