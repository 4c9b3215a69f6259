// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title Purposes are bits of a mask; 0 to 14 are known
library Purposes {
    uint32 internal constant KNOWN = 0x7fff;

    /// @notice The bits that have no meaning yet.
    function reserved(uint32 purposes) internal pure returns (uint32) {
        return purposes & ~KNOWN;
    }

    /// @notice Whether the mask names exactly one purpose.
    function isOne(uint32 purposes) internal pure returns (bool) {
        return purposes != 0 && purposes & (purposes - 1) == 0;
    }
}
