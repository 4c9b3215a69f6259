// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @dev Status codes of a dataset; 0 is unknown.
uint8 constant DATASET_ACTIVE = 1;
/// @dev By the holder: no new licenses; the holder may lift it.
uint8 constant DATASET_SUSPENDED = 2;
/// @dev By the holder, for good: no new licenses.
uint8 constant DATASET_REVOKED = 3;
/// @dev By the guardian, under a published ruling: no new licenses, and `checkAccess` refuses under existing ones.
uint8 constant DATASET_SUSPENDED_BY_GUARDIAN = 4;

/// @title Which datasets exist, who holds them and whether new licenses may be made
/// @notice Deployment: `constructor(address owner, address guardian)`. Needs no other contract.
/// `datasetId = keccak256(abi.encode(uint256 chainid, address registry, address registrant, bytes32 manifestRoot,
/// bytes32 manifestDigest, bytes32 termsHash))`, the registrant being the first holder; a transfer changes the holder,
/// never the id.
/// A dataset without recordings (root 0) is a pool: its holder, the curator, names as members the datasets of others;
/// the pool's licenses cover their recordings. Members are the leaves
/// `keccak256(bytes.concat(keccak256(abi.encode(bytes32 datasetId, address holder))))` of a standard Merkle tree, the
/// holder being who joined; that it did so is signed in the document that `setMembers` names, not proved here. A pool
/// joins no pool.
/// EIP-712 domain: name `DatasetRegistry`, version `1`, chain id, this address. Signed off chain under the same domain,
/// by a member's holder: `Join(bytes32 poolId,bytes32 datasetId,uint64 deadline)`.
interface IDatasetRegistry {
    /// @notice What one `register` says; in `registerMany` one for each dataset.
    /// @param manifestRoot root of the standard Merkle tree over the manifest's recordings; zero: it is a pool.
    /// @param manifestDigest sha-256 in the CID of the manifest.
    /// @param termsHash sha-256 of the canonical terms.
    /// @param splitHash sha-256 of the manifest's splits, packed as `setSplit` takes them.
    /// @param items number of recordings, at least one; of a pool its notice in days, 0 to 90.
    struct Registration {
        bytes32 manifestRoot;
        bytes32 manifestDigest;
        bytes32 termsHash;
        bytes32 splitHash;
        uint32 items;
    }

    /// @notice The one slot of a dataset.
    /// @param holder the rights holder now.
    /// @param registeredAt block time of registration [unix s].
    /// @param items number of recordings; of a pool its notice in days.
    /// @param status 1 active, 2 suspended (holder), 3 revoked (holder), 4 suspended by the guardian; 0 unknown.
    /// @param superseded whether a newer version has been named.
    /// @param pool whether it is a pool.
    /// @param transfers how often it changed hands.
    struct Dataset {
        address holder;
        uint40 registeredAt;
        uint32 items;
        uint8 status;
        bool superseded;
        bool pool;
        uint16 transfers;
    }

    /// @notice A dataset exists from this block on, with status 1 (active).
    /// @param datasetId which one.
    /// @param holder the rights holder.
    /// @param manifestRoot root of the standard Merkle tree over the recordings; zero: it is a pool.
    /// @param manifestDigest sha-256 in the CID of the manifest.
    /// @param termsHash sha-256 of the canonical terms.
    /// @param splitHash sha-256 of the manifest's splits, packed as `setSplit` takes them.
    /// @param items number of recordings, at least one; of a pool its notice in days, 0 to 90.
    event DatasetRegistered(
        bytes32 indexed datasetId,
        address indexed holder,
        bytes32 indexed manifestRoot,
        bytes32 manifestDigest,
        bytes32 termsHash,
        bytes32 splitHash,
        uint32 items
    );
    /// @notice The dataset's status is now `status` (the last event wins). From the guardian `reason` is the digest
    /// of the published ruling; the same status may be repeated by a further ruling.
    /// @param datasetId which one.
    /// @param by holder or guardian.
    /// @param status 1 active, 2 suspended (holder), 3 revoked (holder), 4 suspended by the guardian.
    /// @param reason from the guardian the digest of the published ruling; from the holder what it likes.
    event DatasetStatusChanged(bytes32 indexed datasetId, address indexed by, uint8 status, bytes32 reason);
    /// @notice The holder of both named `newId` as the version that replaces `oldId`.
    /// @param oldId what is replaced.
    /// @param newId what replaces it.
    event DatasetSuperseded(bytes32 indexed oldId, bytes32 indexed newId);
    /// @notice The offered holder accepted. Offers of licenses and announced splits of before are void.
    /// @param datasetId which one.
    /// @param from who held it.
    /// @param to who holds it now.
    event DatasetTransferred(bytes32 indexed datasetId, address indexed from, address indexed to);
    /// @notice What falls due in windows that start at `effectiveAt` or later is shared so, unless the dataset is
    /// transferred before that time.
    /// @param datasetId which one.
    /// @param shares as `setSplit` takes them.
    /// @param effectiveAt from then on [unix s].
    event SplitSet(bytes32 indexed datasetId, bytes shares, uint40 effectiveAt);
    /// @notice The dataset's holder claims that others hold what is its own.
    /// @param datasetId which one.
    /// @param holder who claims it.
    /// @param evidenceDigest sha-256 of the evidence.
    event DatasetDisputed(bytes32 indexed datasetId, address indexed holder, bytes32 evidenceDigest);
    /// @notice One recording is served under a new content id and a new key.
    /// @param datasetId which one.
    /// @param index which recording, by its place in the manifest.
    /// @param cidDigest sha-256 in the CID of the newly sealed audio.
    /// @param keyCommitment commitment to the new key.
    /// @param keyVersion number of the new key, one more than that of the last.
    event ContentRotated(
        bytes32 indexed datasetId, uint32 indexed index, bytes32 cidDigest, bytes32 keyCommitment, uint32 keyVersion
    );
    /// @notice The pool's members are those under this root; whoever is not among them is out.
    /// @param poolId which pool.
    /// @param root of the tree over the members; zero: there are none.
    /// @param digest sha-256 in the CID of the document that lists them, each with its holder's signed `Join`.
    event MembersSet(bytes32 indexed poolId, bytes32 root, bytes32 digest);
    /// @notice The member leaves the pool.
    /// @param poolId which pool.
    /// @param datasetId which member.
    /// @param leavesAt from then on it is no member [unix s]; zero: it stays.
    event PoolLeft(bytes32 indexed poolId, bytes32 indexed datasetId, uint40 leavesAt);

    /// @notice This id is registered already.
    /// @param id which one.
    error AlreadyRegistered(bytes32 id);
    /// @notice No dataset has this id.
    /// @param id which one.
    error UnknownDataset(bytes32 id);
    /// @notice The caller is not the dataset's holder.
    /// @param id which one.
    /// @param caller who asked.
    error NotHolder(bytes32 id, address caller);
    /// @notice The dataset's status does not allow this.
    /// @param id which one.
    /// @param status what it is now.
    error DatasetInactive(bytes32 id, uint8 status);
    /// @notice This status cannot be set by this caller now.
    /// @param id which one.
    /// @param from the status now.
    /// @param to the status asked for.
    error StatusNotAllowed(bytes32 id, uint8 from, uint8 to);
    /// @notice The guardian acts only under a published ruling: its digest may not be zero.
    /// @param id which one.
    error RulingMissing(bytes32 id);
    /// @notice A manifest with a root has at least one recording.
    error EmptyManifest();
    /// @notice A pool's notice is 90 days at most.
    /// @param noticeDays what was given.
    error NoticeTooLong(uint32 noticeDays);
    /// @notice The signature is not one of `signer` over these facts.
    /// @param signer whose signature was needed.
    error BadSignature(address signer);
    /// @notice The signed deadline has passed.
    /// @param deadline last second at which it counts [unix s].
    error SignatureExpired(uint64 deadline);
    /// @notice A newer version has been named already.
    /// @param id which one.
    error AlreadySuperseded(bytes32 id);
    /// @notice A dataset cannot supersede itself.
    /// @param id which one.
    error SupersedesItself(bytes32 id);
    /// @notice The transfer was offered to somebody else.
    /// @param id which one.
    /// @param caller who asked.
    error NotOffered(bytes32 id, address caller);
    /// @notice The dataset has changed hands 65,535 times and does so no more.
    /// @param id which one.
    error TransfersExhausted(bytes32 id);
    /// @notice A split is 1 to 100 shares of 22 bytes.
    /// @param size bytes that were given.
    error SharesSize(uint256 size);
    /// @notice Payees ascend, so that each stands once and none is zero; each share is 1 basis point at least.
    /// @param index the first share that does otherwise.
    error SharesDisordered(uint256 index);
    /// @notice Shares sum to 10,000 basis points.
    /// @param sum what these sum to.
    error SharesPartial(uint256 sum);
    /// @notice The dataset is no pool.
    /// @param id which one.
    error NotPool(bytes32 id);
    /// @notice The one is no pool, or the other is: a pool joins no pool.
    /// @param poolId what should be a pool.
    /// @param datasetId what should be a dataset.
    error NotInPool(bytes32 poolId, bytes32 datasetId);
    /// @notice The dataset is leaving, or has left, the pool.
    /// @param poolId which pool.
    /// @param datasetId which member.
    /// @param leavesAt from when on it is no member [unix s].
    error AlreadyLeaving(bytes32 poolId, bytes32 datasetId, uint40 leavesAt);
    /// @notice The dataset is not leaving the pool.
    /// @param poolId which pool.
    /// @param datasetId which member.
    error NotLeaving(bytes32 poolId, bytes32 datasetId);
    /// @notice The dataset has no recording of this index.
    /// @param id which one.
    /// @param index which recording, by its place in the manifest.
    error UnknownRecording(bytes32 id, uint32 index);

    /// @notice Registers a dataset of the caller, or with root 0 a pool.
    /// @param manifestRoot root of the standard Merkle tree over the recordings; zero: it is a pool.
    /// @param manifestDigest sha-256 in the CID of the manifest.
    /// @param termsHash sha-256 of the canonical terms.
    /// @param splitHash sha-256 of the manifest's splits, packed as `setSplit` takes them.
    /// @param items number of recordings, at least one; of a pool its notice in days, 0 to 90.
    /// @return datasetId its id.
    function register(bytes32 manifestRoot, bytes32 manifestDigest, bytes32 termsHash, bytes32 splitHash, uint32 items)
        external
        returns (bytes32 datasetId);

    /// @notice Registers several datasets of the caller; all or none.
    /// @param registrations what is registered, one each.
    /// @return datasetIds their ids, in order.
    function registerMany(Registration[] calldata registrations) external returns (bytes32[] memory datasetIds);

    /// @notice Registers a dataset for a holder who signed
    /// `Register(address holder,bytes32 manifestRoot,bytes32 manifestDigest,bytes32 termsHash,bytes32 splitHash,uint32 items,uint64 deadline)`.
    /// @param holder who signed, and holds it.
    /// @param registration what is registered.
    /// @param deadline last second at which the signature counts.
    /// @param signature 65 bytes r ‖ s ‖ v, or what the holder's contract wallet accepts (ERC-1271).
    /// @return datasetId its id.
    function registerFor(address holder, Registration calldata registration, uint64 deadline, bytes calldata signature)
        external
        returns (bytes32 datasetId);

    /// @notice Changes the status. The holder: 1 ↔ 2, and from both to 3 (for good); nothing while the guardian's
    /// suspension stands. The guardian, with the digest of a ruling in `reason`: to 4 from any; from 4 back to the
    /// holder's own status (see `holderStatus`); or the present status again.
    /// @param datasetId which one.
    /// @param status 1 active, 2 suspended (holder), 3 revoked (holder), 4 suspended by the guardian.
    /// @param reason from the guardian the digest of the published ruling; from the holder what it likes.
    function setStatus(bytes32 datasetId, uint8 status, bytes32 reason) external;

    /// @notice Names a newer version, once; the caller holds both. Licenses of the old one go on.
    /// @param oldId what is replaced.
    /// @param newId what replaces it.
    function supersede(bytes32 oldId, bytes32 newId) external;

    /// @notice Offers the dataset to a new holder (zero withdraws the offer). Offers of licenses that the old
    /// holder signed end with the transfer, for good; licenses go on. Consents are not sold with it: the new holder's
    /// licenses need `extendConsent` of each voice.
    /// @param datasetId which one.
    /// @param to the new holder; zero withdraws the offer.
    function transfer(bytes32 datasetId, address to) external;

    /// @notice Takes over a dataset that was offered to the caller.
    /// @param datasetId which one.
    function acceptTransfer(bytes32 datasetId) external;

    /// @notice Announces who shares what the dataset earns, in force 7 days from now unless it is transferred before.
    /// Holder only; keeps no state.
    /// @param datasetId which one.
    /// @param shares 22 bytes a payee, `address payee ‖ uint16 bps` (big-endian), at most 100 of them: payees ascend,
    /// every share is at least 1 basis point, all sum to 10,000.
    function setSplit(bytes32 datasetId, bytes calldata shares) external;

    /// @notice Puts on record that the holder claims what others registered too. Holder only; keeps no state.
    /// @param datasetId its own dataset.
    /// @param evidenceDigest sha-256 of the evidence.
    function dispute(bytes32 datasetId, bytes32 evidenceDigest) external;

    /// @notice Announces a re-encrypted recording. Holder only; keeps no state.
    /// @param datasetId which one.
    /// @param index which recording, by its place in the manifest.
    /// @param cidDigest sha-256 in the CID of the newly sealed audio.
    /// @param keyCommitment commitment to the new key.
    /// @param keyVersion number of the new key, one more than that of the last.
    function rotate(bytes32 datasetId, uint32 index, bytes32 cidDigest, bytes32 keyCommitment, uint32 keyVersion)
        external;

    /// @notice Names a pool's members, any number of them. The pool's holder only.
    /// @param poolId which pool.
    /// @param root of the standard Merkle tree over `(bytes32 datasetId, address holder)` of each; zero for none.
    /// @param digest sha-256 in the CID of the document that lists them, each with its holder's signed `Join`.
    function setMembers(bytes32 poolId, bytes32 root, bytes32 digest) external;

    /// @notice Takes a dataset out of a pool once the pool's notice is over, or takes that back. The dataset's holder
    /// only; a transfer keeps it. Whether the dataset is a member, the pool's root says, not this.
    /// @param poolId which pool.
    /// @param datasetId which member.
    /// @param stays false to leave; true to take it back, before or after the notice is over.
    function leavePool(bytes32 poolId, bytes32 datasetId, bool stays) external;

    /// @notice The dataset, all zero if unknown.
    /// @param datasetId which one.
    /// @return the slot.
    function dataset(bytes32 datasetId) external view returns (Dataset memory);

    /// @notice Holder, status and transfers in one read; zeros if unknown.
    /// @param datasetId which one.
    /// @return holder the rights holder now.
    /// @return status 1 active, 2 suspended (holder), 3 revoked (holder), 4 suspended by the guardian; 0 unknown.
    /// @return transfers how often it changed hands.
    function standing(bytes32 datasetId) external view returns (address holder, uint8 status, uint16 transfers);

    /// @notice The status that the holder chose, which a lift of the guardian's suspension returns to.
    /// @param datasetId which one.
    /// @return 1 active, 2 suspended, 3 revoked; 0 unknown.
    function holderStatus(bytes32 datasetId) external view returns (uint8);

    /// @notice To whom the dataset has been offered; zero if to nobody.
    /// @param datasetId which one.
    /// @return the account.
    function pendingHolder(bytes32 datasetId) external view returns (address);

    /// @notice The root over a pool's members; zero if it has none.
    /// @param poolId which pool.
    /// @return the root.
    function membersRoot(bytes32 poolId) external view returns (bytes32);

    /// @notice When the dataset leaves the pool [unix s]; 0 if it does not.
    /// @param poolId which pool.
    /// @param datasetId which member.
    /// @return block time [unix s]; 0 if it stays.
    function leavesAt(bytes32 poolId, bytes32 datasetId) external view returns (uint40);

    /// @notice The id that these four give on this chain and contract.
    /// @param registrant the first holder.
    /// @param manifestRoot root of the standard Merkle tree over the recordings; zero: it is a pool.
    /// @param manifestDigest sha-256 in the CID of the manifest.
    /// @param termsHash sha-256 of the canonical terms.
    /// @return the id.
    function datasetIdOf(address registrant, bytes32 manifestRoot, bytes32 manifestDigest, bytes32 termsHash)
        external
        view
        returns (bytes32);

    /// @notice The EIP-712 digest that `registerFor` checks.
    /// @param holder who is to sign.
    /// @param registration what is registered.
    /// @param deadline last second at which it counts [unix s].
    /// @return the digest to sign.
    function registerDigest(address holder, Registration calldata registration, uint64 deadline)
        external
        view
        returns (bytes32);
}
