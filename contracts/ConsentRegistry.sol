// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IConsentRegistry} from "./interfaces/IConsentRegistry.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {TypedData} from "./libraries/TypedData.sol";

/// @title Which consents were withdrawn or extended, which erasures were ordered, which digests a wallet stands by
contract ConsentRegistry is IConsentRegistry, EIP712 {
    uint8 private constant LAST_METHOD = 6;

    /// @inheritdoc IConsentRegistry
    mapping(address subject => mapping(bytes32 consentId => uint40)) public revokedAt;
    /// @inheritdoc IConsentRegistry
    mapping(address subject => mapping(bytes32 consentId => mapping(address holder => uint40))) public extendedAt;
    /// @inheritdoc IConsentRegistry
    mapping(address wallet => mapping(bytes32 digest => uint40)) public approvedAt;

    constructor() EIP712("ConsentRegistry", "1") {}

    /// @inheritdoc IConsentRegistry
    function revokeConsent(bytes32 consentId, bytes32 reason) external {
        _revoke(msg.sender, consentId, reason);
    }

    /// @inheritdoc IConsentRegistry
    function revokeConsentFor(address subject, bytes32 consentId, uint64 deadline, bytes calldata signature) external {
        if (block.timestamp > deadline) revert SignatureExpired(deadline);
        if (!Signatures.isValid(subject, revokeDigest(consentId, deadline), signature)) revert BadSignature(subject);
        _revoke(subject, consentId, 0);
    }

    /// @inheritdoc IConsentRegistry
    function extendConsent(bytes32 consentId, address holder) external {
        _extend(msg.sender, consentId, holder);
    }

    /// @inheritdoc IConsentRegistry
    function extendConsentFor(
        address subject,
        bytes32 consentId,
        address holder,
        uint64 deadline,
        bytes calldata signature
    ) external {
        if (block.timestamp > deadline) revert SignatureExpired(deadline);
        if (!Signatures.isValid(subject, extendDigest(consentId, holder, deadline), signature)) {
            revert BadSignature(subject);
        }
        _extend(subject, consentId, holder);
    }

    /// @inheritdoc IConsentRegistry
    function orderErasure(bytes32 consentId, uint40 deadline) external {
        if (deadline < block.timestamp) revert DeadlinePassed(deadline);
        if (revokedAt[msg.sender][consentId] == 0) _revoke(msg.sender, consentId, 0);
        emit ErasureOrdered(consentId, msg.sender, deadline);
    }

    /// @inheritdoc IConsentRegistry
    function attestErasure(bytes32 consentId, bytes32 evidenceDigest, uint8 method) external {
        if (method == 0 || method > LAST_METHOD) revert UnknownMethod(method);
        emit ErasureAttested(consentId, msg.sender, evidenceDigest, method);
    }

    /// @inheritdoc IConsentRegistry
    function approveDigest(bytes32 digest) external {
        uint40 at = approvedAt[msg.sender][digest];
        if (at != 0) revert AlreadyApproved(digest, at);
        approvedAt[msg.sender][digest] = uint40(block.timestamp);
        emit DigestApproved(msg.sender, digest);
    }

    /// @inheritdoc IConsentRegistry
    function isSigned(Consent calldata consent, bytes calldata signature) external view returns (bool) {
        bytes32 consentId = consentIdOf(consent);
        return approvedAt[consent.subject][consentId] != 0 || Signatures.isByKey(consent.subject, consentId, signature);
    }

    /// @inheritdoc IConsentRegistry
    function consentIdOf(Consent calldata consent) public view returns (bytes32) {
        return _hashTypedDataV4(TypedData.consent(consent));
    }

    /// @inheritdoc IConsentRegistry
    function revokeDigest(bytes32 consentId, uint64 deadline) public view returns (bytes32) {
        return _hashTypedDataV4(TypedData.revokeConsent(consentId, deadline));
    }

    /// @inheritdoc IConsentRegistry
    function extendDigest(bytes32 consentId, address holder, uint64 deadline) public view returns (bytes32) {
        return _hashTypedDataV4(TypedData.extendConsent(consentId, holder, deadline));
    }

    function _revoke(address subject, bytes32 consentId, bytes32 reason) private {
        uint40 at = revokedAt[subject][consentId];
        if (at != 0) revert AlreadyRevoked(consentId, at);
        revokedAt[subject][consentId] = uint40(block.timestamp);
        emit ConsentRevoked(consentId, subject, reason);
    }

    function _extend(address subject, bytes32 consentId, address holder) private {
        uint40 at = extendedAt[subject][consentId][holder];
        if (at != 0) revert AlreadyExtended(consentId, holder, at);
        extendedAt[subject][consentId][holder] = uint40(block.timestamp);
        emit ConsentExtended(consentId, subject, holder);
    }
}
