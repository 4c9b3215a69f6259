// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRoles, OWNER} from "../interfaces/IRoles.sol";

/// @title Few roles, changed in two steps and with a delay
abstract contract Roles is IRoles {
    uint40 internal constant ROLE_DELAY = 2 days;
    /// @dev After `readyAt`: an offer ends 14 days after it was made.
    uint40 internal constant ROLE_TIME = 12 days;

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
        address holder = _roleHolder(role);
        if (holder == address(0)) revert UnknownRole(role);
        if (account == address(0)) revert ZeroRole(role);
        if (account == holder) {
            address offered = _offers[role].account;
            if (offered == address(0)) revert NoRoleOffer(role);
            delete _offers[role];
            emit RoleOfferWithdrawn(role, offered);
        } else {
            uint40 readyAt = uint40(block.timestamp) + ROLE_DELAY;
            _offers[role] = Standing(account, readyAt);
            emit RoleOffered(role, account, readyAt);
        }
    }

    /// @inheritdoc IRoles
    function acceptRole(bytes32 role) external {
        Standing memory standing = _offers[role];
        if (standing.account != msg.sender) revert NotRole(role, msg.sender);
        if (block.timestamp < standing.readyAt) revert RoleNotReady(standing.readyAt);
        uint40 endsAt = standing.readyAt + ROLE_TIME;
        if (block.timestamp >= endsAt) revert RoleOfferEnded(endsAt);
        delete _offers[role];
        _setRole(role, msg.sender);
    }

    /// @inheritdoc IRoles
    function roleHolder(bytes32 role) external view returns (address) {
        return _roleHolder(role);
    }

    /// @inheritdoc IRoles
    function roleOffer(bytes32 role) external view returns (address account, uint40 readyAt) {
        Standing memory standing = _offers[role];
        if (block.timestamp < standing.readyAt + ROLE_TIME) return (standing.account, standing.readyAt);
    }

    function _setRole(bytes32 role, address account) internal {
        if (account == address(0)) revert ZeroRole(role);
        emit RoleChanged(role, _roleHolder(role), account);
        _storeRole(role, account);
    }

    function _roleHolder(bytes32 role) internal view virtual returns (address) {
        return _holders[role];
    }

    function _storeRole(bytes32 role, address account) internal virtual {
        _holders[role] = account;
    }
}
