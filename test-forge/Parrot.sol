// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @dev Answers every call with the bytes it was made with.
contract Parrot {
    bytes internal answer;

    constructor(bytes memory answer_) {
        answer = answer_;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        return answer;
    }
}
