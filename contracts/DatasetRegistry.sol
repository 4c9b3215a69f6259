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
    // The one word of a dataset: holder, then from these bits on registeredAt (40), items (32), the holder's status
    // (8), flags (8).
    uint256 private constant REGISTERED_AT = 160;
    uint256 private constant ITEMS = 200;
    uint256 private constant STATUS = 232;
    uint256 private constant HALTED = 1 << 240;
    uint256 private constant SUPERSEDED = 1 << 241;

    mapping(bytes32 datasetId => Word) private _words;
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
        emit DatasetStatusChanged(datasetId, msg.sender, status, reason, uint40(block.timestamp));
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
        address from = _holder(word);
        _words[datasetId].value = (word ^ uint160(from)) | uint160(msg.sender);
        emit DatasetTransferred(datasetId, from, msg.sender);
    }

    /// @inheritdoc IDatasetRegistry
    function setSplit(bytes32 datasetId, bytes32 splitHash) external onlyHolder(datasetId) {
        emit SplitSet(datasetId, splitHash, uint40(block.timestamp) + SPLIT_DELAY);
    }

    /// @inheritdoc IDatasetRegistry
    function rotate(bytes32 datasetId, uint32 index, bytes32 cidDigest, bytes32 keyCommitment, uint32 keyVersion)
        external
        onlyHolder(datasetId)
    {
        if (index >= uint32(_words[datasetId].value >> ITEMS)) revert UnknownRecording(datasetId, index);
        emit ContentRotated(datasetId, index, cidDigest, keyCommitment, keyVersion);
    }

    /// @inheritdoc IDatasetRegistry
    function dataset(bytes32 datasetId) external view returns (Dataset memory) {
        uint256 word = _words[datasetId].value;
        return Dataset(
            _holder(word),
            uint40(word >> REGISTERED_AT),
            uint32(word >> ITEMS),
            _effective(word),
            word & SUPERSEDED != 0
        );
    }

    /// @inheritdoc IDatasetRegistry
    function holderAndStatus(bytes32 datasetId) external view returns (address holder, uint8 status) {
        uint256 word = _words[datasetId].value;
        return (_holder(word), _effective(word));
    }

    /// @inheritdoc IDatasetRegistry
    function holderStatus(bytes32 datasetId) external view returns (uint8) {
        return _ownStatus(_words[datasetId].value);
    }

    /// @inheritdoc IDatasetRegistry
    function datasetIdOf(address registrant, bytes32 manifestRoot, bytes32 termsHash) external view returns (bytes32) {
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
        Word storage slot = _words[datasetId];
        if (slot.value != 0) revert AlreadyRegistered(datasetId);
        slot.value = uint160(holder) | block.timestamp << REGISTERED_AT | uint256(items) << ITEMS
            | uint256(DATASET_ACTIVE) << STATUS;
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

    function _holder(uint256 word) private pure returns (address) {
        return address(uint160(word));
    }

    function _ownStatus(uint256 word) private pure returns (uint8) {
        return uint8(word >> STATUS);
    }

    function _effective(uint256 word) private pure returns (uint8) {
        return word & HALTED == 0 ? _ownStatus(word) : DATASET_SUSPENDED_BY_GUARDIAN;
    }
}
