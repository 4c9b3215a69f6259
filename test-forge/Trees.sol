// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @dev Standard Merkle trees for tests: an array in which node k has the children 2k+1 and 2k+2.
library Trees {
    function build(bytes32[] memory leaves) internal pure returns (bytes32[] memory nodes) {
        nodes = new bytes32[](2 * leaves.length - 1);
        for (uint256 i = 0; i < leaves.length; ++i) {
            nodes[leaves.length - 1 + i] = leaves[i];
        }
        for (uint256 k = leaves.length - 1; k > 0; --k) {
            nodes[k - 1] = pair(nodes[2 * k - 1], nodes[2 * k]);
        }
    }

    function pair(bytes32 a, bytes32 b) internal pure returns (bytes32) {
        return a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
    }

    function path(bytes32[] memory nodes, uint256 node) internal pure returns (bytes32[] memory found) {
        uint256 depth = 0;
        for (uint256 k = node; k > 0; k = (k - 1) / 2) {
            ++depth;
        }
        found = new bytes32[](depth);
        for (uint256 i = 0; i < depth; ++i) {
            found[i] = nodes[node % 2 == 0 ? node - 1 : node + 1];
            node = (node - 1) / 2;
        }
    }

    /// @dev Indices, among the leaves, of those below a node, breadth first.
    function below(uint256 count, uint256 node) internal pure returns (uint256[] memory found) {
        uint256[] memory walk = new uint256[](2 * count);
        uint256 end = 1;
        walk[0] = node;
        uint256 inner = 0;
        for (uint256 at = 0; at < end; ++at) {
            if (2 * walk[at] + 1 < 2 * count - 1) {
                walk[end++] = 2 * walk[at] + 1;
                walk[end++] = 2 * walk[at] + 2;
                ++inner;
            }
        }
        found = new uint256[](inner + 1);
        uint256 n = 0;
        for (uint256 at = 0; at < end; ++at) {
            if (walk[at] >= count - 1) found[n++] = walk[at] - (count - 1);
        }
    }
}
