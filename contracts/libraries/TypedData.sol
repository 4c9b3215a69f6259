// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IConsentRegistry} from "../interfaces/IConsentRegistry.sol";
import {IDataAccess} from "../interfaces/IDataAccess.sol";
import {IDatasetRegistry} from "../interfaces/IDatasetRegistry.sol";
import {IRoyaltyDistributor} from "../interfaces/IRoyaltyDistributor.sol";
import {IUsageLedger} from "../interfaces/IUsageLedger.sol";

/// @title The EIP-712 types: hashes of all, struct hashes of those that a contract checks
/// @dev Every field is a static word, so `abi.encode(TYPE, struct)` is `encodeData` of EIP-712.
library TypedData {
    // ConsentRegistry
    bytes32 internal constant CONSENT = keccak256(
        "Consent(address subject,address holder,bytes32 voiceId,bytes32 scopeHash,uint32 purposes,bytes32 territories,uint64 notBefore,uint64 notAfter,uint256 nonce)"
    );
    bytes32 internal constant REVOKE_CONSENT = keccak256("RevokeConsent(bytes32 consentId,uint64 deadline)");
    bytes32 internal constant EXTEND_CONSENT =
        keccak256("ExtendConsent(bytes32 consentId,address holder,uint64 deadline)");
    // DatasetRegistry
    bytes32 internal constant REGISTER = keccak256(
        "Register(address holder,bytes32 manifestRoot,bytes32 manifestDigest,bytes32 termsHash,bytes32 splitHash,uint32 items,uint64 deadline)"
    );
    bytes32 internal constant JOIN = keccak256("Join(bytes32 poolId,bytes32 datasetId,uint64 deadline)");
    // DataAccess
    bytes32 internal constant OFFER = keccak256(
        "Offer(bytes32 datasetId,address holder,uint16 transfers,address licensee,address distributor,uint128 price,uint40 expiry,uint32 purposes,uint40 deadline,uint16 noticeDays,bytes32 termsHash,uint256 nonce)"
    );
    bytes32 internal constant KEY_BINDING =
        keccak256("KeyBinding(address wallet,bytes32 encryptionKey,uint64 notAfter,uint256 nonce)");
    bytes32 internal constant OPEN_ACCESS = keccak256(
        "OpenAccess(bytes32 licenseId,bytes32 recordingsRoot,uint32 purpose,bytes2 territory,bytes32 keyBinding,uint256 nonce,uint64 deadline)"
    );
    bytes32 internal constant ACCESS = keccak256("Access(bytes32 request,bytes32 envelopesRoot,uint64 validUntil)");
    bytes32 internal constant REQUEST = keccak256(
        "Request(string method,string target,bytes32 bodySha256,address gateway,uint256 nonce,uint64 deadline)"
    );
    // UsageLedger
    bytes32 internal constant METER_SESSION = keccak256(
        "MeterSession(address meter,address sessionKey,bytes32 licenseId,uint64 validFrom,uint64 validUntil,uint128 maxUnits,uint256 nonce)"
    );
    bytes32 internal constant USAGE_RECEIPT = keccak256(
        "UsageReceipt(bytes32 receiptId,bytes32 sessionId,uint64 seq,bytes32 licenseId,uint32 purpose,bytes2 territory,bytes32 modelId,bytes32 outputCommit,uint8 outcome,uint8 unit,uint64 units,bytes32 attributionRoot,uint16 attributionMethod,uint64 occurredAtMs,bytes32 corrects)"
    );
    bytes32 internal constant SEGMENT = keccak256(
        "Segment(bytes32 sessionId,uint64 firstSeq,uint64 lastSeq,uint64 count,uint128 unitsTotal,bytes32 receiptsRoot,bytes32 prevSegmentHash,uint64 minTimeMs,uint64 maxTimeMs,bytes32 sha256,bool last)"
    );
    bytes32 internal constant ACK = keccak256("Ack(bytes32 segmentHash,uint64 receivedAtMs)");
    bytes32 internal constant GATE_REPORT = keccak256(
        "GateReport(bytes32 recordingId,uint8 verdict,bytes32 metricsDigest,bytes32 cluster,uint16 gateVersion)"
    );
    bytes32 internal constant FINDING =
        keccak256("Finding(bytes32 recordingId,bytes32 earlierId,uint32 scorePpm,int32 offsetMs,uint16 method)");
    bytes32 internal constant ATTRIBUTION =
        keccak256("Attribution(bytes32 receiptId,bytes32 attributionRoot,uint16 method,uint32 qualityPpm)");
    bytes32 internal constant EVALUATION =
        keccak256("Evaluation(bytes32 modelId,uint16 method,uint32 qualityPpm,bytes32 digest)");
    // RoyaltyDistributor
    bytes32 internal constant REASSIGN =
        keccak256("Reassign(address payee,address to,uint256 cumulative,uint256 deadline)");

    function consent(IConsentRegistry.Consent calldata c) internal pure returns (bytes32) {
        return keccak256(abi.encode(CONSENT, c));
    }

    function revokeConsent(bytes32 consentId, uint64 deadline) internal pure returns (bytes32) {
        return keccak256(abi.encode(REVOKE_CONSENT, consentId, deadline));
    }

    function extendConsent(bytes32 consentId, address holder, uint64 deadline) internal pure returns (bytes32) {
        return keccak256(abi.encode(EXTEND_CONSENT, consentId, holder, deadline));
    }

    function register(address holder, IDatasetRegistry.Registration calldata r, uint64 deadline)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(REGISTER, holder, r, deadline));
    }

    /// @dev The words as they came; a caller reads every field that is narrower than a word, and so checks it.
    function offer(IDataAccess.Offer calldata o) internal pure returns (bytes32 hash) {
        bytes32 kind = OFFER;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, kind)
            calldatacopy(add(free, 0x20), o, 0x180)
            hash := keccak256(free, 0x1a0)
        }
    }

    /// @dev Hashed where it stands: the word before it is the type's for a moment.
    function grantedOffer(IDataAccess.Offer memory o) internal pure returns (bytes32 hash) {
        bytes32 kind = OFFER;
        assembly ("memory-safe") {
            let start := sub(o, 0x20)
            let kept := mload(start)
            mstore(start, kind)
            hash := keccak256(start, 0x1a0)
            mstore(start, kept)
        }
    }

    function meterSession(IUsageLedger.MeterSession calldata s) internal pure returns (bytes32) {
        return keccak256(abi.encode(METER_SESSION, s));
    }

    function reassign(IRoyaltyDistributor.Reassign calldata r) internal pure returns (bytes32) {
        return keccak256(abi.encode(REASSIGN, r));
    }
}
