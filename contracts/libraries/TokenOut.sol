// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title A transfer that may fail without harm
library TokenOut {
    /// @notice Gas that one try may use; ordinary tokens need 30,000 to 60,000.
    uint256 internal constant TRY_GAS = 200_000;

    /// @notice Gas that must be left before a try, so that a failure is never the caller's thrift: EIP-150 passes
    /// on 63/64, and 60,000 serve to put the outcome on record.
    uint256 internal constant NEEDED_GAS = TRY_GAS * 64 / 63 + 60_000;

    /// @notice `token.transfer(to, amount)` with at most `limit` gas; copies at most one word of the answer.
    /// @return ok whether the token exists, did not revert, and answered nothing or true.
    function transferred(IERC20 token, address to, uint256 amount, uint256 limit) internal returns (bool ok) {
        bytes4 selector = IERC20.transfer.selector;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, selector)
            mstore(add(free, 4), shr(96, shl(96, to)))
            mstore(add(free, 0x24), amount)
            ok := call(limit, token, 0, free, 0x44, 0, 0x20)
            // True, or nothing from an account with code.
            let yes := and(eq(mload(0), 1), gt(returndatasize(), 0x1f))
            if iszero(and(ok, yes)) {
                ok := and(ok, and(iszero(returndatasize()), gt(extcodesize(token), 0)))
            }
        }
    }
}
