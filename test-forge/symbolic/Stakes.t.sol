// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Places} from "./Places.sol";

/// @dev What becomes of stakes and of what is owed. Storage holds anything before.
contract StakesProof is Places {
    uint256 internal constant BY_EXIT = 1 << 120;

    function check_a_stake_comes_in_once_and_from_the_publisher(address by) public {
        (uint256 funded, uint256 publisher) = (distributor.funded(), word(PUBLISHERS));
        vm.prank(by);
        distributor.stake();
        assert(by == address(uint160(publisher)) && publisher >> 200 == 0);
        assert(word(PUBLISHERS) == publisher + 2 ** 200);
        assert(token.balanceOf(address(distributor)) == STAKE && distributor.funded() == funded);
    }

    /// @dev One stake at most leaves, its owner's, which no pending root needs; sums stay. Nothing is owed to the sender.
    function check_a_stake_leaves_free_and_to_its_owner(address by, address to, uint40 time) public {
        vm.warp(time);
        vm.assume(by != address(0)); // whom nobody sends for
        vm.store(address(distributor), keccak256(abi.encode(by, OWED)), 0);
        (uint256 publisher, address proposer, uint256 ledger) = (word(PUBLISHERS), exitProposer(), word(4));
        uint256 pending = isPending(factsOf(1)) ? factsOf(1) : isPending(factsOf(2)) ? factsOf(2) : 0;
        vm.prank(by);
        distributor.unstake(to);
        assert(to != address(0) && to != address(distributor) && word(4) == ledger && owedWord(by) == 0);
        assert(token.balanceOf(to) == STAKE);
        if (word(PUBLISHERS) == publisher) {
            assert(by == proposer && exitProposer() == address(0) && pending & BY_EXIT == 0);
        } else {
            assert(by == address(uint160(publisher)) && word(PUBLISHERS) == publisher ^ 1 << 200);
            assert(publisher >> 200 != 0 && (pending == 0 || pending & BY_EXIT != 0));
        }
    }

    /// @dev Who has no stake in is paid what is owed and waits for nothing; bonds that wait stay.
    function check_what_is_owed_leaves_once(address by, address to, uint40 time) public {
        vm.warp(time);
        vm.store(address(distributor), bytes32(PUBLISHERS), 0);
        vm.store(address(distributor), bytes32(PROPOSER), 0);
        vm.assume(by != address(0));
        uint256 present = owedWord(by);
        vm.assume(uint160(present) < 2 ** 150);
        vm.prank(by);
        distributor.unstake(to);
        uint256 rest = owedWord(by);
        uint256 bonds = uint32(present >> 160) * BOND;
        assert(uint160(rest) == 0 && (rest == 0 || rest == present ^ uint160(present)));
        assert(token.balanceOf(to) == uint160(present) + (rest == 0 ? bonds : 0) && token.balanceOf(to) != 0);
        assert(rest == 0 || distributor.activeEpoch() < present >> 192);
        assert(word(PUBLISHERS) == 0 && exitProposer() == address(0));
    }

    /// @dev Base units, bonds that wait and their epoch come out of the word as they went in.
    function check_what_is_owed_keeps_its_fields(address who, uint40 time) public {
        vm.warp(time);
        uint256 present = owedWord(who);
        vm.assume(uint160(present) < 2 ** 150);
        (uint256 amount, uint256 waiting) = distributor.owed(who);
        uint256 bonds = uint32(present >> 160) * BOND;
        bool over = present >> 160 != 0 && distributor.activeEpoch() >= present >> 192;
        assert(amount == uint160(present) + (over ? bonds : 0) && waiting == (over ? 0 : bonds));
    }

    function check_a_pause_changes_no_publisher_and_no_stake(address by, uint40 until, uint40 time) public {
        vm.warp(time);
        vm.assume(time < type(uint40).max - 14 days);
        uint256 present = word(PUBLISHERS);
        uint40 last = uint40(present >> 160);
        vm.assume(last <= time + 7 days); // as every pause before was
        vm.prank(by);
        distributor.pause(until);
        uint40 end = distributor.pausedUntil();
        assert(by == distributor.roleHolder("guardian") && end != last && end <= time + 7 days);
        assert(time < last ? end < last && end >= time : end == until && end > time);
        assert(word(PUBLISHERS) ^ present == uint256(end ^ last) << 160);
    }

    /// @dev The new publisher begins without a stake; the old one's is owed, or goes on with its open root.
    function check_a_publisher_that_goes_keeps_its_stake(address by, uint40 time) public {
        vm.warp(time);
        uint256 present = word(PUBLISHERS);
        address from = address(uint160(present));
        (uint256 odd, uint256 even) = (factsOf(1), factsOf(2));
        bool open = isPending(odd) ? odd & BY_EXIT == 0 : isPending(even) && even & BY_EXIT == 0;
        uint256 owed = owedWord(from);
        vm.assume(exitProposer() != from);
        vm.prank(by);
        distributor.acceptRole("publisher");
        assert(word(PUBLISHERS) == uint160(by) + uint256(uint40(present >> 160)) * 2 ** 160);
        bool goesOn = exitProposer() == from;
        if (present >> 200 == 0) assert(owedWord(from) == owed);
        else if (open) assert(goesOn && owedWord(from) == owed);
        else assert(owedWord(from) == owed + STAKE);
        assert(factsOf(1) | BY_EXIT == odd | BY_EXIT && factsOf(2) | BY_EXIT == even | BY_EXIT);
    }
}
