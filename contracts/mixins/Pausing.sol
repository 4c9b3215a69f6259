// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPausing} from "../interfaces/IPausing.sol";
import {GUARDIAN} from "../interfaces/IRoles.sol";
import {Roles} from "./Roles.sol";

/// @title A pause that ends by itself
abstract contract Pausing is Roles, IPausing {
    uint40 internal constant PAUSE_MAX = 7 days;

    /// @inheritdoc IPausing
    uint40 public pausedUntil;

    modifier whenNotPaused() {
        if (block.timestamp < pausedUntil) revert PausedUntil(pausedUntil);
        _;
    }

    /// @inheritdoc IPausing
    function pause(uint40 until) external onlyRole(GUARDIAN) {
        uint40 last = pausedUntil;
        uint40 present = uint40(block.timestamp);
        uint40 latest = present + PAUSE_MAX;
        if (present < last) latest = last;
        else if (last != 0 && present < last + PAUSE_MAX) revert PauseTooSoon(last + PAUSE_MAX);
        if (until > latest) revert PauseTooLong(latest);
        if (until < present) until = present;
        pausedUntil = until;
        emit PauseSet(msg.sender, until);
    }
}
