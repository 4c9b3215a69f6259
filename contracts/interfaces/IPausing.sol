// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title A pause that ends by itself
/// @notice The guardian may stop new business (never a claim, a revocation or a termination) for at most 7 days,
/// and again only 7 days after the last pause has ended.
interface IPausing {
    /// @notice New business is stopped until `until` (now or earlier: the pause was lifted).
    event PauseSet(address indexed by, uint40 until);

    /// @notice New business is stopped until this time.
    error PausedUntil(uint40 until);
    /// @notice A pause may last 7 days at most.
    error PauseTooLong(uint40 latest);
    /// @notice The next pause may not begin before this time.
    error PauseTooSoon(uint40 earliest);

    /// @notice Stops new business until `until` [unix s]; while a pause runs, only shortens it. Guardian only.
    function pause(uint40 until) external;

    /// @notice When the present or the last pause ends [unix s].
    function pausedUntil() external view returns (uint40);
}
