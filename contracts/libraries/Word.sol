// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @dev One storage slot behind a pointer: a mapping's key is hashed once, the slot read and written once.
struct Word {
    uint256 value;
}
