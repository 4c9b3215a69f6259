// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @title Leaves of the standard Merkle trees, hashed twice so that no inner node can pass for one
library Leaves {
    /// @notice A payee's cumulative earnings at one distributor.
    function royalty(address distributor, address payee, uint256 cumulative) internal view returns (bytes32) {
        return _twice(abi.encode(block.chainid, distributor, payee, cumulative));
    }

    /// @notice A recording in a manifest.
    function recording(
        uint32 index,
        bytes32 cidDigest,
        bytes32 keyCommitment,
        bytes32 plaintextCommitment,
        bytes32 consentsHash
    ) internal pure returns (bytes32) {
        return _twice(abi.encode(index, cidDigest, keyCommitment, plaintextCommitment, consentsHash));
    }

    /// @notice The node above `leaves`, which are the last entries of its own array: node k has the children 2k+1
    /// and 2k+2, as in the whole tree. At least one leaf.
    function fold(bytes32[] memory leaves) internal pure returns (bytes32) {
        uint256 count = leaves.length;
        bytes32[] memory nodes = new bytes32[](2 * count - 1);
        for (uint256 i = 0; i < count; ++i) {
            nodes[count - 1 + i] = leaves[i];
        }
        for (uint256 k = count - 1; k != 0; --k) {
            nodes[k - 1] = Hashes.commutativeKeccak256(nodes[2 * k - 1], nodes[2 * k]);
        }
        return nodes[0];
    }

    function _twice(bytes memory fields) private pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(fields)));
    }
}
