// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @dev Role names: the ASCII word, zero-padded on the right.
bytes32 constant OWNER = "owner";
bytes32 constant GUARDIAN = "guardian";
bytes32 constant ARBITER = "arbiter";
bytes32 constant PUBLISHER = "publisher";

/// @title Few roles, changed in two steps and with a delay
/// @notice Roles are set by the constructor. Afterwards the owner offers a role to an account; two days later
/// that account may accept it, until 14 days after the offer. Until it accepts, the present holder keeps the role.
interface IRoles {
    /// @notice The owner offered a role; it can be accepted from `readyAt` on, for 12 days.
    /// @param role its name: an ASCII word, zero-padded on the right.
    /// @param account to whom.
    /// @param readyAt from when on it can be accepted [unix s].
    event RoleOffered(bytes32 indexed role, address indexed account, uint40 readyAt);
    /// @notice The owner took an offer back.
    /// @param role its name: an ASCII word, zero-padded on the right.
    /// @param account to whom the role had been offered.
    event RoleOfferWithdrawn(bytes32 indexed role, address indexed account);
    /// @notice A role changed hands (`from` is zero at deployment).
    /// @param role its name: an ASCII word, zero-padded on the right.
    /// @param from who held it; zero at deployment.
    /// @param to who holds it now.
    event RoleChanged(bytes32 indexed role, address indexed from, address indexed to);

    /// @notice The caller does not hold the role that this needs.
    /// @param role its name: an ASCII word, zero-padded on the right.
    /// @param caller who asked.
    error NotRole(bytes32 role, address caller);
    /// @notice The contract has no role of this name.
    /// @param role its name: an ASCII word, zero-padded on the right.
    error UnknownRole(bytes32 role);
    /// @notice The offered role cannot be accepted before this time.
    /// @param readyAt from when on it can be accepted [unix s].
    error RoleNotReady(uint40 readyAt);
    /// @notice The offer of the role ended at this time.
    /// @param endedAt since when it cannot be accepted any more [unix s].
    error RoleOfferEnded(uint40 endedAt);
    /// @notice The role is offered to nobody: there is nothing to withdraw.
    /// @param role its name: an ASCII word, zero-padded on the right.
    error NoRoleOffer(bytes32 role);
    /// @notice A role may not be held by the zero address.
    /// @param role its name: an ASCII word, zero-padded on the right.
    error ZeroRole(bytes32 role);

    /// @notice Offers a role to an account; owner only. A later offer of the same role replaces it, and an offer
    /// to the present holder withdraws it.
    /// @param role its name: an ASCII word, zero-padded on the right.
    /// @param account to whom.
    function offerRole(bytes32 role, address account) external;

    /// @notice Takes a role that was offered to the caller at least two days ago, and less than 14.
    /// @param role its name: an ASCII word, zero-padded on the right.
    function acceptRole(bytes32 role) external;

    /// @notice Who holds the role now; zero for a role that this contract does not have.
    /// @param role its name: an ASCII word, zero-padded on the right.
    /// @return the account.
    function roleHolder(bytes32 role) external view returns (address);

    /// @notice The offer that stands: to whom, and from when on it can be accepted; until 12 days later.
    /// @param role its name: an ASCII word, zero-padded on the right.
    /// @return account to whom; zero if there is no offer, or it has ended.
    /// @return readyAt from when on it can be accepted [unix s]; 0 if there is none.
    function roleOffer(bytes32 role) external view returns (address account, uint40 readyAt);
}
