// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title What each meter anchored: one chain of heads per meter
/// @notice Deployment: `constructor(address owner)`; the owner then admits meters by `admitMeter`.
/// A meter's head is `keccak256(abi.encode(address meter))` at admission, then
/// `keccak256(abi.encode(bytes32 prev, bytes32 root, uint64 count, bytes32 digest))`, and 1 for ever once removed.
/// EIP-712 domain: name `UsageLedger`, version `1`, chain id, this address. Signed off chain under the same domain:
/// `UsageReceipt(bytes32 receiptId,bytes32 sessionId,uint64 seq,bytes32 licenseId,uint32 purpose,bytes2 territory,bytes32 modelId,bytes32 outputCommit,uint8 outcome,uint8 unit,uint64 units,bytes32 attributionRoot,uint16 attributionMethod,uint64 occurredAtMs,bytes32 corrects)`,
/// `Segment(bytes32 sessionId,uint64 firstSeq,uint64 lastSeq,uint64 count,uint128 unitsTotal,bytes32 receiptsRoot,bytes32 prevSegmentHash,uint64 minTimeMs,uint64 maxTimeMs,bytes32 sha256,bool last)`,
/// `Ack(bytes32 segmentHash,uint64 receivedAtMs)`,
/// `GateReport(bytes32 recordingId,uint8 verdict,bytes32 metricsDigest,bytes32 cluster,uint16 gateVersion)`,
/// `Attribution(bytes32 receiptId,bytes32 attributionRoot,uint16 method,uint32 qualityPpm)`,
/// `Finding(bytes32 recordingId,bytes32 earlierId,uint32 scorePpm,int32 offsetMs,uint16 method)`,
/// `Evaluation(bytes32 modelId,uint16 method,uint32 qualityPpm,bytes32 digest)`.
interface IUsageLedger {
    /// @notice
    /// `MeterSession(address meter,address sessionKey,bytes32 licenseId,uint64 validFrom,uint64 validUntil,uint128 maxUnits,uint256 nonce)`
    /// Its EIP-712 digest is the session's id.
    /// @param meter to whose gateway the usage goes.
    /// @param sessionKey the short-lived key that signs segments.
    /// @param licenseId the license that is used.
    /// @param validFrom first second at which the key may sign [unix s].
    /// @param validUntil last second at which it may [unix s].
    /// @param maxUnits units that it may sign for in all.
    /// @param nonce tells two otherwise equal sessions apart.
    struct MeterSession {
        address meter;
        address sessionKey;
        bytes32 licenseId;
        uint64 validFrom;
        uint64 validUntil;
        uint128 maxUnits;
        uint256 nonce;
    }

    /// @notice The meter may anchor from now on.
    /// @param meter the gateway operator's account.
    event MeterAdmitted(address indexed meter);
    /// @notice The meter may never anchor again.
    /// @param meter the gateway operator's account.
    event MeterRemoved(address indexed meter);
    /// @notice A batch is anchored; `head` follows the meter's previous head.
    /// @param meter the gateway operator's account.
    /// @param root root over the batch's segment hashes; 0 if it has none.
    /// @param head the meter's head from now on.
    /// @param count receipts in the batch.
    /// @param dataDigest sha-256 in the CID of the batch document.
    event UsageAnchored(
        address indexed meter, bytes32 indexed root, bytes32 indexed head, uint64 count, bytes32 dataDigest
    );
    /// @notice The signer of the session said what it used in all. May repeat: the first counts, and only by the signer
    /// of the session whom its license names.
    /// @param sessionId EIP-712 digest of the session.
    /// @param licensee who signed it.
    /// @param unitsTotal units used in all; what is anchored counts if it is more, and never more than `maxUnits`.
    event SessionClosed(bytes32 indexed sessionId, address indexed licensee, uint128 unitsTotal);
    /// @notice The signer of the session ended it. May repeat: the first counts, and only by the signer of the session
    /// whom its license names.
    /// @param sessionId EIP-712 digest of the session.
    /// @param licensee who signed it.
    event SessionRevoked(bytes32 indexed sessionId, address indexed licensee);

    /// @notice The batch does not follow the meter's head.
    /// @param expected the meter's head now.
    /// @param given what the batch follows.
    error HeadMismatch(bytes32 expected, bytes32 given);
    /// @notice The account is no admitted meter.
    /// @param caller who asked.
    error NotMeter(address caller);
    /// @notice The meter is admitted, or was and is removed.
    /// @param meter the gateway operator's account.
    error AlreadyMeter(address meter);
    /// @notice The signature is not one of `signer` over this session.
    /// @param signer whose signature was needed.
    error BadSignature(address signer);

    /// @notice Admits a meter; owner only. One that was removed is never admitted again.
    /// @param meter the gateway operator's account.
    function admitMeter(address meter) external;

    /// @notice Removes a meter for good; owner only. What it anchored stays.
    /// @param meter the gateway operator's account.
    function removeMeter(address meter) external;

    /// @notice Anchors a batch of usage behind the sender's head; the sender is an admitted meter.
    /// @param prev the sender's head now.
    /// @param root root of the standard Merkle tree over the batch's segment hashes; 0 if it has none.
    /// @param count receipts in the batch.
    /// @param digest sha-256 in the CID of the batch document.
    /// @return head the sender's new head.
    function anchor(bytes32 prev, bytes32 root, uint64 count, bytes32 digest) external returns (bytes32 head);

    /// @notice Says what a session that the sender signed used in all, so that it owes this and not `maxUnits` where its
    /// meter is silent. Changes nothing in the contract.
    /// @param session the session, as it was signed.
    /// @param unitsTotal units used in all.
    /// @param signature the sender's over the session (ERC-1271 if the sender is a contract).
    function closeSession(MeterSession calldata session, uint128 unitsTotal, bytes calldata signature) external;

    /// @notice Ends a session that the sender signed: nothing anchored later counts (but for the grace of the
    /// ruleset).
    /// @param session the session, as it was signed.
    /// @param signature the sender's over the session (ERC-1271 if the sender is a contract).
    function revokeSession(MeterSession calldata session, bytes calldata signature) external;

    /// @notice The meter's head; 0 if never admitted, 1 once removed.
    /// @param meter the gateway operator's account.
    /// @return the head.
    function headOf(address meter) external view returns (bytes32);

    /// @notice The EIP-712 digest of a session.
    /// @param session all of its fields.
    /// @return the session's id.
    function sessionIdOf(MeterSession calldata session) external view returns (bytes32);
}
