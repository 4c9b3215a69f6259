// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {
    DATASET_ACTIVE,
    DATASET_REVOKED,
    DATASET_SUSPENDED,
    DATASET_SUSPENDED_BY_GUARDIAN,
    IDatasetRegistry
} from "./interfaces/IDatasetRegistry.sol";
import {GUARDIAN, OWNER} from "./interfaces/IRoles.sol";
import {Ids} from "./libraries/Ids.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {Roles} from "./mixins/Roles.sol";

/// @title Which datasets exist, who holds them and whether new licenses may be made
contract DatasetRegistry is IDatasetRegistry, Roles, EIP712 {
    uint40 private constant SPLIT_DELAY = 7 days;
    uint8 private constant HALTED = 1;
    uint8 private constant SUPERSEDED = 2;

    /// @dev `status` is the holder's; the guardian's suspension is a flag beside it.
    struct Slot {
        address holder;
        uint40 registeredAt;
        uint32 items;
        uint8 status;
        uint8 flags;
    }

    mapping(bytes32 datasetId => Slot) private _slots;
    /// @inheritdoc IDatasetRegistry
    mapping(bytes32 datasetId => address) public pendingHolder;

    constructor(address owner, address guardian) EIP712("DatasetRegistry", "1") {
        _setRole(OWNER, owner);
        _setRole(GUARDIAN, guardian);
    }

    modifier onlyHolder(bytes32 datasetId) {
        _checkHolder(datasetId, msg.sender);
        _;
    }

    /// @inheritdoc IDatasetRegistry
    function register(
        bytes32 manifestRoot,
        bytes32 manifestDigest,
        bytes32 termsHash,
        bytes32 splitHash,
        uint32 items
    ) external returns (bytes32 datasetId) {
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
    function registerFor(
        address holder,
        Registration calldata registration,
        uint64 deadline,
        bytes calldata signature
    ) external returns (bytes32 datasetId) {
        if (block.timestamp > deadline) revert SignatureExpired(deadline);
        bytes32 digest = registerDigest(holder, registration, deadline);
        if (!Signatures.isValid(holder, digest, signature)) revert BadSignature(holder);
        return _register(holder, registration);
    }

    /// @inheritdoc IDatasetRegistry
    function setStatus(bytes32 datasetId, uint8 status, bytes32 reason) external {
        if (msg.sender == _roleHolder(GUARDIAN)) _rule(datasetId, status, reason);
        else _choose(datasetId, status);
        emit DatasetStatusChanged(datasetId, msg.sender, status, reason, uint40(block.timestamp));
    }

    /// @inheritdoc IDatasetRegistry
    function supersede(bytes32 oldId, bytes32 newId) external onlyHolder(oldId) onlyHolder(newId) {
        if (oldId == newId) revert SupersedesItself(oldId);
        uint8 flags = _slots[oldId].flags;
        if (flags & SUPERSEDED != 0) revert AlreadySuperseded(oldId);
        _slots[oldId].flags = flags | SUPERSEDED;
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
        address from = _slots[datasetId].holder;
        _slots[datasetId].holder = msg.sender;
        emit DatasetTransferred(datasetId, from, msg.sender);
    }

    /// @inheritdoc IDatasetRegistry
    function setSplit(bytes32 datasetId, bytes32 splitHash) external onlyHolder(datasetId) {
        emit SplitSet(datasetId, splitHash, uint40(block.timestamp) + SPLIT_DELAY);
    }

    /// @inheritdoc IDatasetRegistry
    function rotate(
        bytes32 datasetId,
        uint32 index,
        bytes32 cidDigest,
        bytes32 keyCommitment,
        uint32 keyVersion
    ) external onlyHolder(datasetId) {
        if (index >= _slots[datasetId].items) revert UnknownRecording(datasetId, index);
        emit ContentRotated(datasetId, index, cidDigest, keyCommitment, keyVersion);
    }

    /// @inheritdoc IDatasetRegistry
    function dataset(bytes32 datasetId) external view returns (Dataset memory) {
        Slot memory slot = _slots[datasetId];
        return Dataset(
            slot.holder, slot.registeredAt, slot.items, _effective(slot), slot.flags & SUPERSEDED != 0
        );
    }

    /// @inheritdoc IDatasetRegistry
    function holderAndStatus(bytes32 datasetId) external view returns (address holder, uint8 status) {
        Slot memory slot = _slots[datasetId];
        return (slot.holder, _effective(slot));
    }

    /// @inheritdoc IDatasetRegistry
    function holderStatus(bytes32 datasetId) external view returns (uint8) {
        return _slots[datasetId].status;
    }

    /// @inheritdoc IDatasetRegistry
    function datasetIdOf(address registrant, bytes32 manifestRoot, bytes32 termsHash)
        external
        view
        returns (bytes32)
    {
        return Ids.dataset(address(this), registrant, manifestRoot, termsHash);
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
        if (manifestRoot == 0 || items == 0) revert EmptyManifest();
        datasetId = Ids.dataset(address(this), holder, manifestRoot, termsHash);
        if (_slots[datasetId].status != 0) revert AlreadyRegistered(datasetId);
        _slots[datasetId] = Slot(holder, uint40(block.timestamp), items, DATASET_ACTIVE, 0);
        emit DatasetRegistered(datasetId, holder, manifestRoot, manifestDigest, termsHash, splitHash, items);
    }

    /// @dev The guardian suspends, lifts, or repeats the status; always under a ruling.
    function _rule(bytes32 datasetId, uint8 status, bytes32 ruling) private {
        Slot memory slot = _slots[datasetId];
        if (slot.status == 0) revert UnknownDataset(datasetId);
        if (ruling == 0) revert RulingMissing(datasetId);
        uint8 present = _effective(slot);
        if (status == present) return;
        if (status == DATASET_SUSPENDED_BY_GUARDIAN) {
            _slots[datasetId].flags = slot.flags | HALTED;
        } else if (present == DATASET_SUSPENDED_BY_GUARDIAN && status == slot.status) {
            _slots[datasetId].flags = slot.flags & ~HALTED;
        } else {
            revert StatusNotAllowed(datasetId, present, status);
        }
    }

    /// @dev The holder suspends, lifts its own suspension, or revokes for good.
    function _choose(bytes32 datasetId, uint8 status) private {
        _checkHolder(datasetId, msg.sender);
        Slot memory slot = _slots[datasetId];
        uint8 present = _effective(slot);
        if (present == DATASET_REVOKED || present == DATASET_SUSPENDED_BY_GUARDIAN) {
            revert DatasetInactive(datasetId, present);
        }
        bool known = status == DATASET_ACTIVE || status == DATASET_SUSPENDED || status == DATASET_REVOKED;
        if (!known || status == present) revert StatusNotAllowed(datasetId, present, status);
        _slots[datasetId].status = status;
    }

    function _checkHolder(bytes32 datasetId, address caller) private view {
        address holder = _slots[datasetId].holder;
        if (holder == address(0)) revert UnknownDataset(datasetId);
        if (holder != caller) revert NotHolder(datasetId, caller);
    }

    function _effective(Slot memory slot) private pure returns (uint8) {
        return slot.flags & HALTED == 0 ? slot.status : DATASET_SUSPENDED_BY_GUARDIAN;
    }
}
