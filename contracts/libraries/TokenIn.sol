// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title Tokens count by what arrived, not by what was asked
library TokenIn {
    using SafeERC20 for IERC20;

    /// @notice Moves `amount` and measures what `to` received; reverts if the token does.
    function pull(IERC20 token, address from, address to, uint256 amount) internal returns (uint256 received) {
        uint256 before = balance(token, to);
        token.safeTransferFrom(from, to, amount);
        uint256 present = balance(token, to);
        return present > before ? present - before : 0;
    }

    /// @notice `token.balanceOf(account)`; 0 if there is no such token.
    function balance(IERC20 token, address account) internal view returns (uint256 amount) {
        bytes4 selector = IERC20.balanceOf.selector;
        assembly ("memory-safe") {
            mstore(0, selector)
            mstore(4, shr(96, shl(96, account)))
            let ok := staticcall(gas(), token, 0, 0x24, 0, 0x20)
            amount := mul(mload(0), and(ok, gt(returndatasize(), 0x1f)))
        }
    }
}
