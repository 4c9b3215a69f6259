// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title Tokens count by what arrived, not by what was asked
library TokenIn {
    using SafeERC20 for IERC20;

    /// @notice Moves `amount` and measures what `to` received; reverts if the token does.
    function pull(IERC20 token, address from, address to, uint256 amount) internal returns (uint256 received) {
        uint256 before = token.balanceOf(to);
        token.safeTransferFrom(from, to, amount);
        uint256 present = token.balanceOf(to);
        return present > before ? present - before : 0;
    }
}
