// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title A pause that ends by itself
/// @notice The guardian may stop proposals (never a claim, a veto, a challenge or what is owed) for at most 7 days, and
/// again only 7 days after the last pause has ended.
interface IPausing {
    /// @notice Proposals are stopped until `until` (now: the pause was lifted).
    /// @param by the guardian.
    /// @param until when it ends [unix s].
    event PauseSet(address indexed by, uint40 until);

    /// @notice Proposals are stopped until this time.
    /// @param until when it ends [unix s].
    error PausedUntil(uint40 until);
    /// @notice A pause may last 7 days at most.
    /// @param latest the latest end that is allowed [unix s].
    error PauseTooLong(uint40 latest);
    /// @notice No proposal would be stopped by this that is not stopped, or let through that is.
    /// @param until what was given [unix s].
    error PausesNothing(uint40 until);
    /// @notice The next pause may not begin before this time.
    /// @param earliest from when on one may begin [unix s].
    error PauseTooSoon(uint40 earliest);

    /// @notice Stops proposals until `until` [unix s]; while a pause runs, only shortens it (any time
    /// before now ends it). Guardian only.
    /// @param until when it ends [unix s].
    function pause(uint40 until) external;

    /// @notice When the present or the last pause ends [unix s].
    /// @return block time [unix s]; 0 if there never was one.
    function pausedUntil() external view returns (uint40);
}
