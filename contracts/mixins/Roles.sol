// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRoles, OWNER} from "../interfaces/IRoles.sol";

/// @title Few roles, changed in two steps and with a delay
abstract contract Roles is IRoles {
    uint40 internal constant ROLE_DELAY = 2 days;

    struct Standing {
        address account;
        uint40 readyAt;
    }

    mapping(bytes32 role => address) private _holders;
    mapping(bytes32 role => Standing) private _offers;

    modifier onlyRole(bytes32 role) {
        if (_holders[role] != msg.sender) revert NotRole(role, msg.sender);
        _;
    }

    /// @inheritdoc IRoles
    function offerRole(bytes32 role, address account) external onlyRole(OWNER) {
        address holder = _holders[role];
        if (holder == address(0)) revert UnknownRole(role);
        if (account == address(0)) revert ZeroRole(role);
        uint40 readyAt = uint40(block.timestamp) + ROLE_DELAY;
        if (account == holder) delete _offers[role];
        else _offers[role] = Standing(account, readyAt);
        emit RoleOffered(role, account, readyAt);
    }

    /// @inheritdoc IRoles
    function acceptRole(bytes32 role) external {
        Standing memory standing = _offers[role];
        if (standing.account != msg.sender) revert NotRole(role, msg.sender);
        if (block.timestamp < standing.readyAt) revert RoleNotReady(standing.readyAt);
        delete _offers[role];
        _setRole(role, msg.sender);
    }

    /// @inheritdoc IRoles
    function roleHolder(bytes32 role) external view returns (address) {
        return _holders[role];
    }

    /// @inheritdoc IRoles
    function roleOffer(bytes32 role) external view returns (address account, uint40 readyAt) {
        Standing memory standing = _offers[role];
        return (standing.account, standing.readyAt);
    }

    function _roleHolder(bytes32 role) internal view returns (address) {
        return _holders[role];
    }

    function _setRole(bytes32 role, address account) internal {
        if (account == address(0)) revert ZeroRole(role);
        emit RoleChanged(role, _holders[role], account);
        _holders[role] = account;
    }
}
