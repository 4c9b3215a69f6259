// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {RoyaltyDistributor} from "../../contracts/RoyaltyDistributor.sol";
import {svm} from "./Svm.sol";
import {Vm} from "../Vm.sol";

/// @dev A token that counts what it is told to move, and refuses whom it is told to.
contract Counter {
    mapping(address => uint256) public balanceOf;
    address public refused;
    address public lastFrom;

    function refuse(address account) external {
        refused = account;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        lastFrom = from;
        balanceOf[to] += amount;
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        if (to == refused) return false;
        balanceOf[to] += amount;
        return true;
    }
}

/// @dev A distributor whose storage holds anything: any sums, any settlement in either place, any claims. Epochs of
/// the proofs are a number with each last bit, since that bit alone says where an epoch stands.
abstract contract Places {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint40 internal constant WINDOW = 1 days;
    uint64 internal constant ODD = 7;
    uint64 internal constant EVEN = 8;
    uint256 internal constant SLOTS = 0;
    uint256 internal constant PUBLISHERS = 7;
    uint256 internal constant PROPOSER = 8;
    uint256 internal constant OWED = 9;
    uint256 internal constant CHALLENGE = 10;
    uint256 internal constant BOND = 7;
    uint256 internal constant STAKE = 9;

    Counter internal token = new Counter();
    RoyaltyDistributor internal distributor = new RoyaltyDistributor(
        address(token),
        0,
        WINDOW,
        BOND,
        STAKE,
        address(token),
        address(0x0a),
        address(0x0b),
        address(0x0c),
        address(0x0d)
    );

    function setUp() public {
        svm.enableSymbolicStorage(address(distributor));
        // What the constructor wrote would stay: who is publisher, since when there is a pause, whether a stake is in.
        uint256 publisher = svm.createUint256("publisher");
        vm.assume(uint160(publisher) != 0 && publisher >> 208 == 0);
        vm.store(address(distributor), bytes32(PUBLISHERS), bytes32(publisher));
    }

    function word(uint256 slot) internal view returns (uint256) {
        return uint256(vm.load(address(distributor), bytes32(slot)));
    }

    function factsOf(uint64 epoch) internal view returns (uint256) {
        return word(SLOTS + 2 * (epoch & 1) + 1);
    }

    /// @dev Above the account the slot holds anything.
    function exitProposer() internal view returns (address) {
        return address(uint160(word(PROPOSER)));
    }

    function owedWord(address who) internal view returns (uint256) {
        return word(uint256(keccak256(abi.encode(who, OWED))));
    }

    /// @dev Whether what stands there is neither active nor refused.
    function isPending(uint256 facts) internal view returns (bool) {
        return facts >> 232 == 2 || (facts >> 232 == 1 && block.timestamp < uint40(facts >> 128));
    }
}
