// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @dev Kinds of artifact.
uint8 constant ARTIFACT_MODEL = 1;
uint8 constant ARTIFACT_ADAPTER = 2;
uint8 constant ARTIFACT_EMBEDDING = 3;
uint8 constant ARTIFACT_SYNTHETIC_CLIP = 4;
uint8 constant ARTIFACT_DERIVED_DATASET = 5;

/// @dev Status codes of an artifact; 0 is unknown.
uint8 constant ARTIFACT_IN_USE = 1;
uint8 constant ARTIFACT_RETIRED = 2;
uint8 constant ARTIFACT_RETRAINED = 3;
uint8 constant ARTIFACT_SUPPRESSED = 4;

/// @title What was made from what
/// @notice Deployment: no constructor arguments, no owner.
/// `artifactId = keccak256(abi.encode(uint256 chainid, address registry, address registrant, bytes32 parentsRoot,
/// bytes32 digest))`. However many parents there are, they cost one root.
interface IArtifactRegistry {
    /// @notice The one slot of an artifact.
    /// @param registrant who registered it.
    /// @param kind 1 model, 2 adapter, 3 embedding, 4 synthetic clip, 5 derived dataset.
    /// @param registeredAt block time [unix s].
    /// @param status 1 in use, 2 retired, 3 retrained, 4 suppressed; 0 unknown.
    struct Artifact {
        address registrant;
        uint8 kind;
        uint40 registeredAt;
        uint8 status;
    }

    /// @notice An artifact exists from this block on, with status 1 (in use).
    /// @param artifactId which one.
    /// @param registrant who registers it, and alone may change its status.
    /// @param parentsRoot root of the standard Merkle tree over the parents' ids.
    /// @param kind 1 model, 2 adapter, 3 embedding, 4 synthetic clip, 5 derived dataset.
    /// @param parentCount how many parents.
    /// @param digest sha-256 in the CID of the document that lists them.
    /// @param licensesRoot root over the licenses under which it was made; zero if none is named.
    event ArtifactRegistered(
        bytes32 indexed artifactId,
        address indexed registrant,
        bytes32 indexed parentsRoot,
        uint8 kind,
        uint32 parentCount,
        bytes32 digest,
        bytes32 licensesRoot
    );
    /// @notice The artifact's status is now `status`.
    /// @param artifactId which one.
    /// @param by the registrant.
    /// @param status 2 retired, 3 retrained, 4 suppressed.
    /// @param evidenceDigest sha-256 of what proves it; zero if nothing does.
    event ArtifactStatusChanged(bytes32 indexed artifactId, address indexed by, uint8 status, bytes32 evidenceDigest);

    /// @notice This id is registered already.
    /// @param id which one.
    error AlreadyRegistered(bytes32 id);
    /// @notice No artifact has this id.
    /// @param id which one.
    error UnknownArtifact(bytes32 id);
    /// @notice The caller did not register the artifact.
    /// @param id which one.
    /// @param caller who asked.
    error NotRegistrant(bytes32 id, address caller);
    /// @notice 1 to 5 are known.
    /// @param kind what was given.
    error UnknownKind(uint8 kind);
    /// @notice An artifact needs a parent, and a root that names it.
    error NoParents();
    /// @notice The status can be set to 2, 3 or 4, and not to what it is.
    /// @param id which one.
    /// @param from the status now.
    /// @param to the status asked for.
    error StatusNotAllowed(bytes32 id, uint8 from, uint8 to);

    /// @notice Registers an artifact of the sender.
    /// @param kind 1 model, 2 adapter, 3 embedding, 4 synthetic clip, 5 derived dataset.
    /// @param parentsRoot root of the standard Merkle tree over the parents' ids `(bytes32 id)`.
    /// @param parentCount how many parents, at least one.
    /// @param digest sha-256 in the CID of the document that lists them.
    /// @param licensesRoot root over the licenses `(bytes32 licenseId)` under which it was made; may be zero.
    /// @return artifactId its id.
    function registerArtifact(uint8 kind, bytes32 parentsRoot, uint32 parentCount, bytes32 digest, bytes32 licensesRoot)
        external
        returns (bytes32 artifactId);

    /// @notice Says what became of an artifact; registrant only.
    /// @param artifactId which one.
    /// @param status 2 retired, 3 retrained, 4 suppressed.
    /// @param evidenceDigest sha-256 of what proves it; zero if nothing does.
    function setStatus(bytes32 artifactId, uint8 status, bytes32 evidenceDigest) external;

    /// @notice The artifact's slot, all zero if unknown.
    /// @param artifactId which one.
    /// @return the slot.
    function artifact(bytes32 artifactId) external view returns (Artifact memory);

    /// @notice The id that these three give on this chain and contract.
    /// @param registrant who registers it, and alone may change its status.
    /// @param parentsRoot root of the standard Merkle tree over the parents' ids.
    /// @param digest sha-256 in the CID of the document that lists them.
    /// @return the id.
    function artifactIdOf(address registrant, bytes32 parentsRoot, bytes32 digest) external view returns (bytes32);
}
