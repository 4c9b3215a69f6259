// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @dev Role names: the ASCII word, zero-padded on the right.
bytes32 constant OWNER = "owner";
bytes32 constant GUARDIAN = "guardian";
bytes32 constant ARBITER = "arbiter";
bytes32 constant PUBLISHER = "publisher";

/// @title Few roles, changed in two steps and with a delay
/// @notice Roles are set by the constructor. Afterwards the owner offers a role to an account; two days later
/// that account may accept it. Until it accepts, the present holder keeps the role.
interface IRoles {
    /// @notice The owner offered a role; it can be accepted from `readyAt` on.
    event RoleOffered(bytes32 indexed role, address indexed account, uint40 readyAt);
    /// @notice A role changed hands (`from` is zero at deployment).
    event RoleChanged(bytes32 indexed role, address indexed from, address indexed to);

    /// @notice The caller does not hold the role that this needs.
    error NotRole(bytes32 role, address caller);
    /// @notice The contract has no role of this name.
    error UnknownRole(bytes32 role);
    /// @notice The offered role cannot be accepted before this time.
    error RoleNotReady(uint40 readyAt);
    /// @notice A role may not be held by the zero address.
    error ZeroRole(bytes32 role);

    /// @notice Offers a role to an account; owner only. A later offer of the same role replaces it, and an offer
    /// to the present holder withdraws it.
    function offerRole(bytes32 role, address account) external;

    /// @notice Takes a role that was offered to the caller at least two days ago.
    function acceptRole(bytes32 role) external;

    /// @notice Who holds the role now; zero for a role that this contract does not have.
    function roleHolder(bytes32 role) external view returns (address);

    /// @notice The offer that stands: to whom, and from when on it can be accepted.
    function roleOffer(bytes32 role) external view returns (address account, uint40 readyAt);
}
