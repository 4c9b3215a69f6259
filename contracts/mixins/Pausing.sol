// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPausing} from "../interfaces/IPausing.sol";
import {GUARDIAN} from "../interfaces/IRoles.sol";
import {Roles} from "./Roles.sol";

/// @title A pause that ends by itself
abstract contract Pausing is Roles, IPausing {
    uint40 internal constant PAUSE_MAX = 7 days;

    // The publisher's word: its account (160 bits), then from these bits on pausedUntil (40), staked (8). They stand
    // together because every proposal asks for all three.
    uint256 internal constant PAUSED_UNTIL = 160;
    uint256 internal constant STAKED = 200;
    uint256 internal _publisher;

    /// @inheritdoc IPausing
    function pause(uint40 until) external onlyRole(GUARDIAN) {
        uint256 word = _publisher;
        uint40 last = uint40(word >> PAUSED_UNTIL);
        uint40 present = uint40(block.timestamp);
        if (present < last) {
            if (until > last) revert PauseTooLong(last);
            if (until == last) revert PausesNothing(until);
            if (until < present) until = present;
        } else {
            if (until <= present) revert PausesNothing(until);
            if (last != 0 && present < last + PAUSE_MAX) revert PauseTooSoon(last + PAUSE_MAX);
            if (until > present + PAUSE_MAX) revert PauseTooLong(present + PAUSE_MAX);
        }
        _publisher = word ^ uint256(last ^ until) << PAUSED_UNTIL;
        emit PauseSet(msg.sender, until);
    }

    /// @inheritdoc IPausing
    function pausedUntil() external view returns (uint40) {
        return uint40(_publisher >> PAUSED_UNTIL);
    }
}
