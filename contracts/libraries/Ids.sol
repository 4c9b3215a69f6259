// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title Ids that commit to what they name
library Ids {
    /// @notice The id of a dataset at `registry`, for ever that of its first holder.
    function dataset(
        address registry,
        address registrant,
        bytes32 manifestRoot,
        bytes32 manifestDigest,
        bytes32 termsHash
    ) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, registry, registrant, manifestRoot, manifestDigest, termsHash));
    }

    /// @notice The id of the license that `licensee` makes of an offer.
    function license(bytes32 offerDigest, address licensee) internal pure returns (bytes32) {
        return keccak256(abi.encode(offerDigest, licensee));
    }

    /// @notice The id of an artifact at `registry`.
    function artifact(address registry, address registrant, bytes32 parentsRoot, bytes32 digest)
        internal
        view
        returns (bytes32)
    {
        return keccak256(abi.encode(block.chainid, registry, registrant, parentsRoot, digest));
    }

    /// @notice What a recording's leaf says of the consents that it rests on; zero for none.
    function consents(bytes32[] memory ascendingIds) internal pure returns (bytes32) {
        return ascendingIds.length == 0 ? bytes32(0) : keccak256(abi.encode(ascendingIds));
    }
}
