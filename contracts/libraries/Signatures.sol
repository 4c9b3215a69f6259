// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title Whose signature is this
library Signatures {
    /// @notice Whether `signer`'s key made the signature.
    function isByKey(address signer, bytes32 digest, bytes calldata signature) internal pure returns (bool) {
        (address recovered, ECDSA.RecoverError error,) = ECDSA.tryRecover(digest, signature);
        return error == ECDSA.RecoverError.NoError && recovered == signer;
    }

    /// @notice Whether `signer` signed: by its key, or as a contract wallet (ERC-1271).
    /// @dev The key first: a key's signature needs no look at the account's code, which saves 2,600 gas.
    function isValid(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        return isByKey(signer, digest, signature)
            || SignatureChecker.isValidERC1271SignatureNow(signer, digest, signature);
    }
}
