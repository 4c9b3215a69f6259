// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {
    DATASET_ACTIVE,
    DATASET_REVOKED,
    DATASET_SUSPENDED_BY_GUARDIAN,
    IDatasetRegistry
} from "./interfaces/IDatasetRegistry.sol";
import {GUARDIAN, OWNER} from "./interfaces/IRoles.sol";
import {Ids} from "./libraries/Ids.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {Word} from "./libraries/Word.sol";
import {Roles} from "./mixins/Roles.sol";

/// @title Which datasets exist, who holds them and whether new licenses may be made
contract DatasetRegistry is IDatasetRegistry, Roles, EIP712 {
    uint40 private constant SPLIT_DELAY = 7 days;
    uint32 private constant NOTICE_MAX = 90; // days
    uint256 private constant SHARE_BYTES = 22; // an address and two bytes
    uint256 private constant SHARES_MAX = 100 * SHARE_BYTES;
    uint256 private constant SHARES_SUM = 10_000;
    // The one word of a dataset: holder, then from these bits on registeredAt (40), items (32), the holder's status
    // (2), flags (6), transfers (16).
    uint256 private constant REGISTERED_AT = 160;
    uint256 private constant ITEMS = 200;
    uint256 private constant STATUS = 232;
    uint256 private constant HALTED = 1 << 234;
    uint256 private constant SUPERSEDED = 1 << 235;
    uint256 private constant POOL = 1 << 236;
    uint256 private constant TRANSFERS = 240;

    mapping(bytes32 datasetId => Word) private _words;
    /// @inheritdoc IDatasetRegistry
    mapping(bytes32 datasetId => address) public pendingHolder;
    /// @inheritdoc IDatasetRegistry
    mapping(bytes32 poolId => bytes32) public membersRoot;
    /// @inheritdoc IDatasetRegistry
    mapping(bytes32 poolId => mapping(bytes32 datasetId => uint40)) public leavesAt;

    constructor(address owner, address guardian) EIP712("DatasetRegistry", "1") {
        _setRole(OWNER, owner);
        _setRole(GUARDIAN, guardian);
    }

    modifier onlyHolder(bytes32 datasetId) {
        _checkHolder(datasetId, msg.sender);
        _;
    }

    /// @inheritdoc IDatasetRegistry
    function register(bytes32 manifestRoot, bytes32 manifestDigest, bytes32 termsHash, bytes32 splitHash, uint32 items)
        external
        returns (bytes32 datasetId)
    {
        return _register(msg.sender, manifestRoot, manifestDigest, termsHash, splitHash, items);
    }

    /// @inheritdoc IDatasetRegistry
    function registerMany(Registration[] calldata registrations) external returns (bytes32[] memory datasetIds) {
        datasetIds = new bytes32[](registrations.length);
        for (uint256 i = 0; i < registrations.length; ++i) {
            datasetIds[i] = _register(msg.sender, registrations[i]);
        }
    }

    /// @inheritdoc IDatasetRegistry
    function registerFor(address holder, Registration calldata registration, uint64 deadline, bytes calldata signature)
        external
        returns (bytes32 datasetId)
    {
        if (block.timestamp > deadline) revert SignatureExpired(deadline);
        bytes32 digest = registerDigest(holder, registration, deadline);
        if (!Signatures.isValid(holder, digest, signature)) revert BadSignature(holder);
        return _register(holder, registration);
    }

    /// @inheritdoc IDatasetRegistry
    function setStatus(bytes32 datasetId, uint8 status, bytes32 reason) external {
        Word storage slot = _words[datasetId];
        uint256 word = slot.value;
        slot.value =
            _holder(word) == msg.sender ? _chosen(word, datasetId, status) : _ruled(word, datasetId, status, reason);
        emit DatasetStatusChanged(datasetId, msg.sender, status, reason);
    }

    /// @inheritdoc IDatasetRegistry
    function supersede(bytes32 oldId, bytes32 newId) external onlyHolder(oldId) onlyHolder(newId) {
        if (oldId == newId) revert SupersedesItself(oldId);
        uint256 word = _words[oldId].value;
        if (word & SUPERSEDED != 0) revert AlreadySuperseded(oldId);
        _words[oldId].value = word | SUPERSEDED;
        emit DatasetSuperseded(oldId, newId);
    }

    /// @inheritdoc IDatasetRegistry
    function transfer(bytes32 datasetId, address to) external onlyHolder(datasetId) {
        pendingHolder[datasetId] = to;
    }

    /// @inheritdoc IDatasetRegistry
    function acceptTransfer(bytes32 datasetId) external {
        if (pendingHolder[datasetId] != msg.sender) revert NotOffered(datasetId, msg.sender);
        delete pendingHolder[datasetId];
        uint256 word = _words[datasetId].value;
        if (_transfers(word) == type(uint16).max) revert TransfersExhausted(datasetId);
        address from = _holder(word);
        _words[datasetId].value = ((word ^ uint160(from)) | uint160(msg.sender)) + (1 << TRANSFERS);
        emit DatasetTransferred(datasetId, from, msg.sender);
    }

    /// @inheritdoc IDatasetRegistry
    function setSplit(bytes32 datasetId, bytes calldata shares) external onlyHolder(datasetId) {
        _checkShares(shares);
        uint256 effectiveAt = block.timestamp + SPLIT_DELAY;
        bytes32 kind = SplitSet.selector;
        // `emit SplitSet(datasetId, shares, effectiveAt)`, for 200 gas less.
        assembly ("memory-safe") {
            let free := mload(0x40)
            let content := add(free, 0x60)
            mstore(free, 0x40)
            mstore(add(free, 0x20), effectiveAt)
            mstore(add(free, 0x40), shares.length)
            calldatacopy(content, shares.offset, shares.length)
            mstore(add(content, shares.length), 0)
            log2(free, add(0x60, and(add(shares.length, 0x1f), not(0x1f))), kind, datasetId)
        }
    }

    /// @inheritdoc IDatasetRegistry
    function dispute(bytes32 datasetId, bytes32 evidenceDigest) external onlyHolder(datasetId) {
        emit DatasetDisputed(datasetId, msg.sender, evidenceDigest);
    }

    /// @inheritdoc IDatasetRegistry
    function rotate(bytes32 datasetId, uint32 index, bytes32 cidDigest, bytes32 keyCommitment, uint32 keyVersion)
        external
        onlyHolder(datasetId)
    {
        uint256 word = _words[datasetId].value;
        if (word & POOL != 0 || index >= _items(word)) revert UnknownRecording(datasetId, index);
        emit ContentRotated(datasetId, index, cidDigest, keyCommitment, keyVersion);
    }

    /// @inheritdoc IDatasetRegistry
    function setMembers(bytes32 poolId, bytes32 root, bytes32 digest) external onlyHolder(poolId) {
        if (_words[poolId].value & POOL == 0) revert NotPool(poolId);
        membersRoot[poolId] = root;
        emit MembersSet(poolId, root, digest);
    }

    /// @inheritdoc IDatasetRegistry
    function leavePool(bytes32 poolId, bytes32 datasetId, bool stays) external onlyHolder(datasetId) {
        uint256 pool = _words[poolId].value;
        if (pool & POOL == 0 || _words[datasetId].value & POOL != 0) revert NotInPool(poolId, datasetId);
        uint40 known = leavesAt[poolId][datasetId];
        uint40 at = 0;
        if (!stays) {
            if (known != 0) revert AlreadyLeaving(poolId, datasetId, known);
            at = uint40(block.timestamp + _items(pool) * 1 days);
        } else if (known == 0) {
            revert NotLeaving(poolId, datasetId);
        }
        leavesAt[poolId][datasetId] = at;
        emit PoolLeft(poolId, datasetId, at);
    }

    /// @inheritdoc IDatasetRegistry
    function dataset(bytes32 datasetId) external view returns (Dataset memory) {
        uint256 word = _words[datasetId].value;
        return Dataset(
            _holder(word),
            uint40(word >> REGISTERED_AT),
            uint32(_items(word)),
            _effective(word),
            word & SUPERSEDED != 0,
            word & POOL != 0,
            _transfers(word)
        );
    }

    /// @inheritdoc IDatasetRegistry
    function standing(bytes32 datasetId) external view returns (address holder, uint8 status, uint16 transfers) {
        uint256 word = _words[datasetId].value;
        return (_holder(word), _effective(word), _transfers(word));
    }

    /// @inheritdoc IDatasetRegistry
    function holderStatus(bytes32 datasetId) external view returns (uint8) {
        return _ownStatus(_words[datasetId].value);
    }

    /// @inheritdoc IDatasetRegistry
    function datasetIdOf(address registrant, bytes32 manifestRoot, bytes32 manifestDigest, bytes32 termsHash)
        external
        view
        returns (bytes32)
    {
        return Ids.dataset(address(this), registrant, manifestRoot, manifestDigest, termsHash);
    }

    /// @inheritdoc IDatasetRegistry
    function registerDigest(address holder, Registration calldata registration, uint64 deadline)
        public
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(TypedData.register(holder, registration, deadline));
    }

    function _register(address holder, Registration calldata r) private returns (bytes32) {
        return _register(holder, r.manifestRoot, r.manifestDigest, r.termsHash, r.splitHash, r.items);
    }

    function _register(
        address holder,
        bytes32 manifestRoot,
        bytes32 manifestDigest,
        bytes32 termsHash,
        bytes32 splitHash,
        uint32 items
    ) private returns (bytes32 datasetId) {
        uint256 word = uint160(holder) | block.timestamp << REGISTERED_AT | uint256(items) << ITEMS
            | uint256(DATASET_ACTIVE) << STATUS;
        if (manifestRoot == 0) {
            if (items > NOTICE_MAX) revert NoticeTooLong(items);
            word |= POOL;
        } else if (items == 0) {
            revert EmptyManifest();
        }
        datasetId = Ids.dataset(address(this), holder, manifestRoot, manifestDigest, termsHash);
        Word storage slot = _words[datasetId];
        if (slot.value != 0) revert AlreadyRegistered(datasetId);
        slot.value = word;
        emit DatasetRegistered(datasetId, holder, manifestRoot, manifestDigest, termsHash, splitHash, items);
    }

    function _checkHolder(bytes32 datasetId, address caller) private view {
        address holder = _holder(_words[datasetId].value);
        if (holder == address(0)) revert UnknownDataset(datasetId);
        if (holder != caller) revert NotHolder(datasetId, caller);
    }

    /// @dev The guardian suspends, lifts, or repeats the status; always under a ruling.
    function _ruled(uint256 word, bytes32 datasetId, uint8 status, bytes32 ruling) private view returns (uint256) {
        if (word == 0) revert UnknownDataset(datasetId);
        if (msg.sender != _roleHolder(GUARDIAN)) revert NotHolder(datasetId, msg.sender);
        if (ruling == 0) revert RulingMissing(datasetId);
        uint8 present = _effective(word);
        if (status == present) return word;
        if (status == DATASET_SUSPENDED_BY_GUARDIAN) return word | HALTED;
        if (word & HALTED != 0 && status == _ownStatus(word)) return word ^ HALTED;
        revert StatusNotAllowed(datasetId, present, status);
    }

    /// @dev The holder suspends, lifts its own suspension, or revokes for good.
    function _chosen(uint256 word, bytes32 datasetId, uint8 status) private pure returns (uint256) {
        uint8 present = _ownStatus(word);
        if (word & HALTED != 0) revert DatasetInactive(datasetId, DATASET_SUSPENDED_BY_GUARDIAN);
        if (present == DATASET_REVOKED) revert DatasetInactive(datasetId, present);
        if (status == 0 || status > DATASET_REVOKED || status == present) {
            revert StatusNotAllowed(datasetId, present, status);
        }
        return word ^ uint256(present ^ status) << STATUS;
    }

    /// @dev Shares that make a whole, each to another payee, in the one order that they have.
    function _checkShares(bytes calldata shares) private pure {
        uint256 size = shares.length;
        if (size == 0 || size > SHARES_MAX || size % SHARE_BYTES != 0) revert SharesSize(size);
        uint256 at;
        uint256 sum;
        assembly ("memory-safe") {
            at := shares.offset
            let end := add(at, size)
            // Of a word at whose top a share stands: all below the payee, and the basis points among that.
            let below := sub(shl(96, 1), 1)
            let mask := shl(80, 0xffff)
            let share := calldataload(at)
            let bps := and(share, mask)
            // `last` is the greatest word that begins with the payee before.
            for { let last := below } mul(bps, and(gt(share, last), lt(at, end))) {} {
                sum := add(sum, bps)
                last := or(share, below)
                at := add(at, SHARE_BYTES)
                share := calldataload(at)
                bps := and(share, mask)
            }
            at := sub(at, shares.offset)
            sum := shr(80, sum)
        }
        if (at != size) revert SharesDisordered(at / SHARE_BYTES);
        if (sum != SHARES_SUM) revert SharesPartial(sum);
    }

    function _holder(uint256 word) private pure returns (address) {
        return address(uint160(word));
    }

    function _ownStatus(uint256 word) private pure returns (uint8) {
        return uint8(word >> STATUS & 3);
    }

    function _items(uint256 word) private pure returns (uint256) {
        return uint32(word >> ITEMS);
    }

    function _transfers(uint256 word) private pure returns (uint16) {
        return uint16(word >> TRANSFERS);
    }

    function _effective(uint256 word) private pure returns (uint8) {
        return word & HALTED == 0 ? _ownStatus(word) : DATASET_SUSPENDED_BY_GUARDIAN;
    }
}
