// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IRoyaltyDistributor} from "../interfaces/IRoyaltyDistributor.sol";

/// @title Leaves of the standard Merkle trees, and the way from a leaf to its root
/// @dev Leaves are hashed twice, so that no inner node can pass for one; pairs are hashed sorted.
library Leaves {
    /// @notice A payee's cumulative earnings at this contract:
    /// `keccak256(bytes.concat(keccak256(abi.encode(block.chainid, address(this), payee, cumulative))))`.
    function royalty(address payee, uint256 cumulative) internal view returns (bytes32 leaf) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, chainid())
            mstore(add(free, 0x20), address())
            mstore(add(free, 0x40), shr(96, shl(96, payee)))
            mstore(add(free, 0x60), cumulative)
            mstore(0, keccak256(free, 0x80))
            leaf := keccak256(0, 0x20)
        }
    }

    /// @notice The inner node of this contract's tree above these payments, at least one (see `fold`).
    /// @dev A payee with dirty upper bits makes a leaf that is nobody's.
    function royalties(IRoyaltyDistributor.Payment[] calldata payments) internal view returns (bytes32) {
        uint256 count = payments.length;
        bytes32[] memory nodes = new bytes32[](2 * count - 1);
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, chainid())
            mstore(add(free, 0x20), address())
            let payment := payments.offset
            let end := add(payment, shl(6, count))
            for { let leaf := add(nodes, shl(5, count)) } lt(payment, end) { leaf := add(leaf, 0x20) } {
                calldatacopy(add(free, 0x40), payment, 0x40)
                mstore(0, keccak256(free, 0x80))
                mstore(leaf, keccak256(0, 0x20))
                payment := add(payment, 0x40)
            }
        }
        return fold(nodes);
    }

    /// @notice A recording in a manifest.
    function recording(
        uint32 index,
        bytes32 cidDigest,
        bytes32 keyCommitment,
        bytes32 plaintextCommitment,
        bytes32 consentsHash
    ) internal pure returns (bytes32) {
        bytes32 once = keccak256(abi.encode(index, cidDigest, keyCommitment, plaintextCommitment, consentsHash));
        return keccak256(bytes.concat(once));
    }

    /// @notice A dataset in a pool, and who joined it.
    function member(bytes32 datasetId, address holder) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(datasetId, holder))));
    }

    /// @notice The root that a node and its siblings on the way up give.
    function climb(bytes32 node, bytes32[] calldata path) internal pure returns (bytes32 root) {
        assembly ("memory-safe") {
            root := node
            let end := add(path.offset, shl(5, path.length))
            for { let at := path.offset } lt(at, end) { at := add(at, 0x20) } {
                let sibling := calldataload(at)
                let place := shl(5, gt(root, sibling))
                mstore(place, root)
                mstore(xor(place, 0x20), sibling)
                root := keccak256(0, 0x40)
            }
        }
    }

    /// @notice The node above the leaves that are the last entries of `nodes`: node k has the children 2k+1 and
    /// 2k+2, as in the whole tree.
    /// @param nodes 2n-1 words for n leaves; the n-1 inner ones are overwritten.
    function fold(bytes32[] memory nodes) internal pure returns (bytes32 node) {
        assembly ("memory-safe") {
            let first := add(nodes, 0x20)
            for { let k := shr(1, mload(nodes)) } k { k := sub(k, 1) } {
                let pair := add(first, sub(shl(6, k), 0x20))
                let left := mload(pair)
                let right := mload(add(pair, 0x20))
                let place := shl(5, gt(left, right))
                mstore(place, left)
                mstore(xor(place, 0x20), right)
                mstore(add(first, shl(5, sub(k, 1))), keccak256(0, 0x40))
            }
            node := mload(first)
        }
    }
}
