// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    ARTIFACT_DERIVED_DATASET,
    ARTIFACT_IN_USE,
    ARTIFACT_MODEL,
    ARTIFACT_RETIRED,
    ARTIFACT_SUPPRESSED,
    IArtifactRegistry
} from "./interfaces/IArtifactRegistry.sol";
import {Ids} from "./libraries/Ids.sol";

/// @title What was made from what
contract ArtifactRegistry is IArtifactRegistry {
    mapping(bytes32 artifactId => Artifact) private _artifacts;

    /// @inheritdoc IArtifactRegistry
    function registerArtifact(uint8 kind, bytes32 parentsRoot, uint32 parentCount, bytes32 digest, bytes32 licensesRoot)
        external
        returns (bytes32 artifactId)
    {
        if (kind < ARTIFACT_MODEL || kind > ARTIFACT_DERIVED_DATASET) revert UnknownKind(kind);
        if (parentCount == 0 || parentsRoot == 0) revert NoParents();
        artifactId = Ids.artifact(address(this), msg.sender, parentsRoot, digest);
        if (_artifacts[artifactId].status != 0) revert AlreadyRegistered(artifactId);
        _artifacts[artifactId] = Artifact(msg.sender, kind, uint40(block.timestamp), ARTIFACT_IN_USE);
        emit ArtifactRegistered(artifactId, msg.sender, parentsRoot, kind, parentCount, digest, licensesRoot);
    }

    /// @inheritdoc IArtifactRegistry
    function setStatus(bytes32 artifactId, uint8 status, bytes32 evidenceDigest) external {
        Artifact memory known = _artifacts[artifactId];
        if (known.status == 0) revert UnknownArtifact(artifactId);
        if (known.registrant != msg.sender) revert NotRegistrant(artifactId, msg.sender);
        if (status < ARTIFACT_RETIRED || status > ARTIFACT_SUPPRESSED || status == known.status) {
            revert StatusNotAllowed(artifactId, known.status, status);
        }
        _artifacts[artifactId].status = status;
        emit ArtifactStatusChanged(artifactId, msg.sender, status, evidenceDigest);
    }

    /// @inheritdoc IArtifactRegistry
    function artifact(bytes32 artifactId) external view returns (Artifact memory) {
        return _artifacts[artifactId];
    }

    /// @inheritdoc IArtifactRegistry
    function artifactIdOf(address registrant, bytes32 parentsRoot, bytes32 digest) external view returns (bytes32) {
        return Ids.artifact(address(this), registrant, parentsRoot, digest);
    }
}
