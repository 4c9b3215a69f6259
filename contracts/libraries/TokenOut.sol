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

    /// @notice Tries `token.transfer(to, amount)` with `TRY_GAS`; copies at most one word of the answer.
    /// @return ok whether the token exists, did not revert, and answered nothing or true.
    function tryTransfer(IERC20 token, address to, uint256 amount) internal returns (bool ok) {
        bytes memory data = abi.encodeCall(IERC20.transfer, (to, amount));
        uint256 limit = TRY_GAS;
        assembly ("memory-safe") {
            mstore(0, 0)
            ok := call(limit, token, 0, add(data, 0x20), mload(data), 0, 0x20)
            if ok {
                switch returndatasize()
                case 0 { ok := gt(extcodesize(token), 0) }
                default { ok := and(gt(returndatasize(), 0x1f), eq(mload(0), 1)) }
            }
        }
    }
}
