// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title Whose signature is this
library Signatures {
    uint256 private constant SIZE = 65;
    /// @dev Half the order of secp256k1: the other half holds the same signatures once more (EIP-2).
    uint256 private constant S_MAX = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    /// @notice Whether `signer`'s key made the signature: r ‖ s ‖ v, s in the lower half.
    function isByKey(address signer, bytes32 digest, bytes calldata signature) internal pure returns (bool) {
        if (signature.length != SIZE) return false;
        bytes32 r;
        bytes32 s;
        uint8 v;
        assembly ("memory-safe") {
            r := calldataload(signature.offset)
            s := calldataload(add(signature.offset, 0x20))
            v := byte(0, calldataload(add(signature.offset, 0x40)))
        }
        if (uint256(s) > S_MAX) return false;
        address recovered = ecrecover(digest, v, r, s);
        return recovered != address(0) && recovered == signer;
    }

    /// @notice Whether `signer` signed: by its key, or as a contract wallet (ERC-1271).
    /// @dev The key first: a key's signature needs no look at the account's code, which saves 2,600 gas.
    function isValid(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        return
            isByKey(signer, digest, signature) || SignatureChecker.isValidERC1271SignatureNow(signer, digest, signature);
    }
}
