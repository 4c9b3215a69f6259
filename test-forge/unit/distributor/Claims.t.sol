// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IRoyaltyDistributor} from "../../../contracts/interfaces/IRoyaltyDistributor.sol";
import {HookToken} from "../../../contracts/mocks/HostileTokens.sol";
import {Trees} from "../../Trees.sol";
import {Settled} from "./Settled.sol";

contract ClaimsTest is Settled {
    // --- claim

    function test_claim_pays_the_payee_whoever_calls() public {
        settle(1);
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.RoyaltyClaimed(payee(3), 1, payee(3), earned(3, 1), earned(3, 1));
        vm.prank(stranger);
        claim(1, 3);
        vm.assertEq(token.balanceOf(payee(3)), earned(3, 1));
        vm.assertEq(distributor.claimed(payee(3)), earned(3, 1));
        vm.assertEq(distributor.paid(), earned(3, 1));
        vm.assertEq(distributor.funded(), FUNDS / 2);
    }

    function test_claim_pays_the_growth() public {
        settle(1);
        claim(1, 3);
        settle(2);
        claim(2, 3);
        vm.assertEq(token.balanceOf(payee(3)), earned(3, 2));
        vm.assertEq(distributor.paid(), earned(3, 2));
    }

    function test_claim_once() public {
        settle(1);
        claim(1, 3);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.NothingDue.selector, payee(3)));
        claim(1, 3);
        settle(2);
        claim(2, 3);
        plant(1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IRoyaltyDistributor.CumulativeDecreased.selector, payee(3), earned(3, 2), earned(3, 1)
            )
        );
        claim(1, 3);
    }

    function test_claim_on_both_live_epochs() public {
        settle(1);
        settle(2);
        claim(2, 0);
        plant(1);
        claim(1, 1);
        settle(3);
        plant(1);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WrongEpoch.selector, 0, 1));
        claim(1, 2);
    }

    function test_claim_on_the_older_epoch_is_not_cut_short_by_later_payments() public {
        settle(1);
        settle(2);
        for (uint256 i = 1; i < COUNT; ++i) {
            claim(2, i);
        }
        vm.assertTrue(distributor.paid() + earned(0, 1) > total(1));
        plant(1);
        claim(1, 0);
        plant(2);
        claim(2, 0);
        vm.assertEq(distributor.paid(), total(2));
    }

    function test_claim_after_the_window_only() public {
        propose(1);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WindowOpen.selector, START + WINDOW));
        claim(1, 0);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WrongEpoch.selector, 0, 2));
        claim(2, 0);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WrongEpoch.selector, 0, 0));
        claim(0, 0);
    }

    function test_claim_of_another_leaf_proves_nothing() public {
        settle(1);
        bytes memory why = abi.encodeWithSelector(IRoyaltyDistributor.InvalidProof.selector);
        vm.expectRevert(why);
        distributor.claim(1, payee(0), earned(0, 1) + 1, proof(0));
        vm.expectRevert(why);
        distributor.claim(1, payee(1), earned(0, 1), proof(0));
        vm.expectRevert(why);
        distributor.claim(1, payee(0), earned(0, 1), proof(1));
        vm.expectRevert(why);
        distributor.claim(1, payee(0), earned(0, 1), new bytes32[](0));
    }

    function test_claim_does_not_hold_on_another_chain() public {
        settle(1);
        vm.chainId(block.chainid + 1);
        vm.expectRevert(IRoyaltyDistributor.InvalidProof.selector);
        claim(1, 0);
    }

    function test_claim_pays_no_more_than_the_total_in_all() public {
        bytes32[] memory leaves = new bytes32[](2);
        leaves[0] = leaf(payee(0), 60);
        leaves[1] = leaf(payee(1), 50);
        nodes = Trees.build(leaves);
        vm.prank(publisher);
        distributor.propose(1, nodes[0], 100, HEAD, MANIFEST);
        vm.warp(START + WINDOW);
        distributor.claim(1, payee(0), 60, Trees.path(nodes, 1));
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.Overpaid.selector, 100, 110));
        distributor.claim(1, payee(1), 50, Trees.path(nodes, 2));
        IRoyaltyDistributor.Claim[] memory claims = new IRoyaltyDistributor.Claim[](1);
        claims[0] = IRoyaltyDistributor.Claim(payee(1), 50, Trees.path(nodes, 2));
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.ClaimSkipped(payee(1), 1, 3);
        vm.assertEq(distributor.claimMany(1, claims), 0);
    }

    function test_a_proposed_total_is_no_room_to_overpay_in() public {
        bytes32[] memory leaves = new bytes32[](2);
        leaves[0] = leaf(payee(0), 60);
        leaves[1] = leaf(payee(1), 50);
        nodes = Trees.build(leaves);
        vm.startPrank(publisher);
        distributor.propose(1, nodes[0], 100, HEAD, MANIFEST);
        vm.warp(START + WINDOW);
        distributor.propose(2, HEAD, 200, HEAD, MANIFEST);
        vm.stopPrank();
        distributor.claim(1, payee(0), 60, Trees.path(nodes, 1));
        bytes memory why = abi.encodeWithSelector(IRoyaltyDistributor.Overpaid.selector, 100, 110);
        vm.expectRevert(why);
        distributor.claim(1, payee(1), 50, Trees.path(nodes, 2));
        challenge(2);
        vm.warp(START + 3 * WINDOW);
        vm.expectRevert(why);
        distributor.claim(1, payee(1), 50, Trees.path(nodes, 2));
        IRoyaltyDistributor.Payment[] memory payments = new IRoyaltyDistributor.Payment[](1);
        payments[0] = IRoyaltyDistributor.Payment(payee(1), 50);
        vm.assertEq(distributor.claimSubtree(1, payments, Trees.path(nodes, 2)), 0);
    }

    function test_an_absurd_leaf_pays_nothing() public {
        uint256[3] memory absurd = [type(uint256).max, uint256(1) << 136, FUNDS];
        for (uint256 i = 0; i < 3; ++i) {
            bytes32 root = leaf(payee(0), absurd[i]);
            vm.prank(publisher);
            distributor.propose(uint64(i + 1), root, 100, HEAD, MANIFEST);
            vm.warp(block.timestamp + WINDOW);
            vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.Overpaid.selector, 100, absurd[i]));
            distributor.claim(uint64(i + 1), payee(0), absurd[i], new bytes32[](0));
        }
    }

    function test_an_absurd_leaf_pays_nothing_after_others_were_paid() public {
        uint256[2] memory absurd = [type(uint256).max, type(uint256).max - 59];
        bytes32[] memory leaves = new bytes32[](3);
        leaves[0] = leaf(payee(0), 60);
        leaves[1] = leaf(payee(1), absurd[0]);
        leaves[2] = leaf(payee(2), absurd[1]);
        nodes = Trees.build(leaves);
        vm.prank(publisher);
        distributor.propose(1, nodes[0], 100, HEAD, MANIFEST);
        vm.warp(START + WINDOW);
        distributor.claim(1, payee(0), 60, Trees.path(nodes, 2));
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.Overpaid.selector, 100, absurd[i]));
            distributor.claim(1, payee(i + 1), absurd[i], Trees.path(nodes, 3 + i));
        }
        vm.assertEq(distributor.paid(), 60);
    }

    function test_a_leaf_of_the_whole_total_is_paid_beside_what_a_later_epoch_has_paid() public {
        (bytes32 first, bytes32 second) = (leaf(payee(0), 100), leaf(payee(1), 50));
        bytes32[2] memory roots = [first, Trees.pair(first, second)];
        for (uint64 epoch = 1; epoch <= 2; ++epoch) {
            vm.prank(publisher);
            distributor.propose(epoch, roots[epoch - 1], epoch == 1 ? 100 : 150, HEAD, MANIFEST);
            vm.warp(block.timestamp + WINDOW);
        }
        bytes32[] memory path = new bytes32[](1);
        path[0] = first;
        distributor.claim(2, payee(1), 50, path);
        distributor.claim(1, payee(0), 100, new bytes32[](0));
        vm.assertEq(distributor.paid(), 150);
    }

    function test_claim_says_when_the_token_refuses() public {
        HookToken hook = new HookToken();
        adopt(hook);
        settle(1);
        for (uint256 mood = 1; mood <= 5; ++mood) {
            hook.set(payee(3), HookToken.Mood(mood));
            vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.TransferFailed.selector, payee(3), earned(3, 1)));
            distributor.claim{gas: 1_000_000}(1, payee(3), earned(3, 1), proof(3));
            vm.assertEq(distributor.claimed(payee(3)), 0);
        }
    }

    function test_claims_go_on_during_a_pause() public {
        settle(1);
        vm.prank(guardian);
        distributor.pause(uint40(block.timestamp) + 1 days);
        claim(1, 3);
    }
}
