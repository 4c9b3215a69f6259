// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @dev What halmos answers beside the ordinary cheat codes.
interface Svm {
    /// @notice Every slot of the contract holds a value of which nothing is known.
    function enableSymbolicStorage(address at) external;
    /// @notice A number of which nothing is known.
    function createUint256(string memory name) external returns (uint256);
}

Svm constant svm = Svm(0xF3993A62377BCd56AE39D773740A5390411E8BC9);
