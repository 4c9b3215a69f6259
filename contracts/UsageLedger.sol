// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {OWNER} from "./interfaces/IRoles.sol";
import {IUsageLedger} from "./interfaces/IUsageLedger.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {Roles} from "./mixins/Roles.sol";

/// @title What each meter anchored: one chain of heads per meter
contract UsageLedger is IUsageLedger, Roles, EIP712 {
    bytes32 private constant REMOVED = bytes32(uint256(1));

    /// @inheritdoc IUsageLedger
    mapping(address meter => bytes32) public headOf;

    constructor(address owner) EIP712("UsageLedger", "1") {
        _setRole(OWNER, owner);
    }

    /// @inheritdoc IUsageLedger
    function admitMeter(address meter) external onlyRole(OWNER) {
        if (headOf[meter] != 0) revert AlreadyMeter(meter);
        headOf[meter] = keccak256(abi.encode(meter));
        emit MeterAdmitted(meter);
    }

    /// @inheritdoc IUsageLedger
    function removeMeter(address meter) external onlyRole(OWNER) {
        _checkMeter(meter, headOf[meter]);
        headOf[meter] = REMOVED;
        emit MeterRemoved(meter);
    }

    /// @inheritdoc IUsageLedger
    function anchor(bytes32 prev, bytes32 root, uint64 count, bytes32 digest) external returns (bytes32 head) {
        bytes32 present = headOf[msg.sender];
        _checkMeter(msg.sender, present);
        if (present != prev) revert HeadMismatch(present, prev);
        head = keccak256(abi.encode(prev, root, count, digest));
        headOf[msg.sender] = head;
        emit UsageAnchored(msg.sender, root, head, count, digest);
    }

    /// @inheritdoc IUsageLedger
    function closeSession(MeterSession calldata session, uint128 unitsTotal, bytes calldata signature) external {
        emit SessionClosed(_signedSession(session, signature), msg.sender, unitsTotal);
    }

    /// @inheritdoc IUsageLedger
    function revokeSession(MeterSession calldata session, bytes calldata signature) external {
        emit SessionRevoked(_signedSession(session, signature), msg.sender);
    }

    /// @inheritdoc IUsageLedger
    function sessionIdOf(MeterSession calldata session) public view returns (bytes32) {
        return _hashTypedDataV4(TypedData.meterSession(session));
    }

    /// @dev The id of a session that the sender signed.
    function _signedSession(MeterSession calldata session, bytes calldata signature) private view returns (bytes32 id) {
        id = sessionIdOf(session);
        if (!Signatures.isValid(msg.sender, id, signature)) revert BadSignature(msg.sender);
    }

    function _checkMeter(address meter, bytes32 head) private pure {
        if (head == 0 || head == REMOVED) revert NotMeter(meter);
    }
}
