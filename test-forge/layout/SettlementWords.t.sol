// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IRoyaltyDistributor} from "../../contracts/interfaces/IRoyaltyDistributor.sol";
import {Settled} from "../unit/distributor/Settled.sol";

/// @dev The distributor's words as they stand in storage, for whoever reads it without the contract.
contract SettlementWordsTest is Settled {
    function test_the_ledgers_word() public {
        settle(1);
        vm.assertEq(word(LEDGER), FUNDS / 2);
        claim(1, 3);
        vm.assertEq(word(LEDGER), FUNDS / 2 | earned(3, 1) << 120);
        distributor.claimMany(1, claimsOf(1));
        vm.assertEq(word(LEDGER), FUNDS / 2 | total(1) << 120);
    }

    function factsOf(uint64 epoch) internal view returns (uint256) {
        return word(SLOTS + 2 * (epoch % 2) + 1);
    }

    function facts(uint64 epoch, uint256 activeAt, uint256 status) internal pure returns (uint256) {
        return total(epoch) | activeAt << 128 | uint256(epoch) << 168 | status << 232;
    }

    function test_the_words_of_a_settlement() public {
        settle(1);
        vm.assertEq(word(SLOTS + 2), uint256(nodes[0]));
        vm.assertEq(factsOf(1), facts(1, START + WINDOW, 1));
        propose(2);
        vm.assertEq(word(SLOTS), uint256(nodes[0]));
        challenge(2);
        vm.assertEq(factsOf(2), facts(2, START + 2 * WINDOW, 2));
        resolve(arbiter, 2, true);
        vm.assertEq(factsOf(2), facts(2, START + 2 * WINDOW, 4));
        putStake();
        propose(2);
        challenge(2);
        vm.warp(START + 2 * WINDOW);
        resolve(arbiter, 2, false);
        vm.assertEq(factsOf(2), facts(2, START + 3 * WINDOW, 1));
        veto(2);
        vm.assertEq(factsOf(2), facts(2, START + 3 * WINDOW, 3));
        vm.assertEq(factsOf(1), facts(1, START + WINDOW, 1));
    }

    function test_a_settlement_by_the_exit_is_marked_in_its_own_word() public {
        proposeByExit(1);
        vm.assertEq(factsOf(1), facts(1, START + 104 days, 1) | 1 << 120);
        vm.assertEq(word(PROPOSER), uint160(stranger));
        give(holder, BOND);
        challengeAs(holder, 1);
        vm.assertEq(factsOf(1), facts(1, START + 104 days, 2) | 1 << 120);
        resolve(arbiter, 1, false);
        vm.assertEq(factsOf(1), facts(1, START + 104 days, 1) | 1 << 120);
        propose(1);
        vm.assertEq(factsOf(1), facts(1, START + 90 days + WINDOW, 1));
        vm.assertEq(word(PROPOSER), uint160(stranger));
        unstake(stranger);
        vm.assertEq(word(PROPOSER), 0);
    }

    function test_the_publishers_word() public {
        uint256 rest = uint160(publisher) | uint256(1) << 200;
        vm.assertEq(word(PUBLISHERS), rest);
        vm.prank(guardian);
        distributor.pause(START + 7 days);
        rest |= uint256(START + 7 days) << 160;
        vm.assertEq(word(PUBLISHERS), rest);
        unstake(publisher);
        vm.assertEq(word(PUBLISHERS), rest ^ uint256(1) << 200);
        putStake();
        vm.prank(guardian);
        distributor.pause(0);
        vm.assertEq(word(PUBLISHERS), uint160(publisher) | uint256(START) << 160 | uint256(1) << 200);
        handOver(holder);
        vm.assertEq(word(PUBLISHERS), uint160(holder) | uint256(START) << 160);
    }

    function owedWord(address who) internal view returns (uint256) {
        return word(uint256(keccak256(abi.encode(who, OWED))));
    }

    function test_the_words_of_what_is_owed_and_of_a_challenge() public {
        propose(1);
        challenge(1);
        vm.assertEq(word(CHALLENGE), uint160(stranger) | uint256(START) << 160);
        silence(1);
        vm.assertEq(owedWord(stranger), uint256(1) << 160 | uint256(1) << 192);
        propose(1);
        challenge(1);
        silence(1);
        propose(1);
        challenge(1);
        resolve(arbiter, 1, true);
        vm.assertEq(owedWord(stranger), BOND + STAKE / 2 | uint256(2) << 160 | uint256(1) << 192);
        unstake(stranger);
        vm.assertEq(owedWord(stranger), uint256(2) << 160 | uint256(1) << 192);
        putStake();
        settle(1);
        propose(2);
        challenge(2);
        silence(2);
        vm.assertEq(owedWord(stranger), 2 * BOND | uint256(1) << 160 | uint256(2) << 192);
        unstake(stranger);
        vm.assertEq(owedWord(stranger), uint256(1) << 160 | uint256(2) << 192);
    }

    function test_a_settlement_that_is_none_is_all_zero() public {
        settle(1);
        for (uint64 epoch = 0; epoch < 4; epoch += 3) {
            IRoyaltyDistributor.Settlement memory none = distributor.settlement(epoch);
            vm.assertEq(keccak256(abi.encode(none)), keccak256(new bytes(192)));
        }
    }
}
