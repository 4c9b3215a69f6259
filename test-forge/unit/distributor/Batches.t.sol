// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IRoyaltyDistributor} from "../../../contracts/interfaces/IRoyaltyDistributor.sol";
import {HookToken, ReentrantToken} from "../../../contracts/mocks/HostileTokens.sol";
import {Trees} from "../../Trees.sol";
import {Settled} from "./Settled.sol";

contract BatchesTest is Settled {
    function test_claimMany_pays_everybody() public {
        settle(1);
        vm.assertEq(distributor.claimMany(1, claimsOf(1)), total(1));
        for (uint256 i = 0; i < COUNT; ++i) {
            vm.assertEq(token.balanceOf(payee(i)), earned(i, 1));
        }
        vm.assertEq(distributor.paid(), total(1));
    }

    function test_claimMany_passes_over_who_was_paid() public {
        settle(1);
        claim(1, 3);
        IRoyaltyDistributor.Claim[] memory claims = claimsOf(1);
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.ClaimSkipped(payee(3), 1, 1);
        vm.assertEq(distributor.claimMany(1, claims), total(1) - earned(3, 1));
        vm.assertEq(distributor.claimMany(1, claims), 0);
        vm.assertEq(distributor.paid(), total(1));
    }

    function test_claimMany_refuses_a_wrong_proof() public {
        settle(1);
        IRoyaltyDistributor.Claim[] memory claims = claimsOf(1);
        claims[7].cumulative += 1;
        vm.expectRevert(IRoyaltyDistributor.InvalidProof.selector);
        distributor.claimMany(1, claims);
    }

    function test_claimMany_on_the_older_epoch() public {
        settle(1);
        settle(2);
        for (uint256 i = 2; i < COUNT; ++i) {
            claim(2, i);
        }
        plant(1);
        vm.assertEq(distributor.claimMany(1, claimsOf(1)), earned(0, 1) + earned(1, 1));
    }

    function test_one_batch_pays_no_more_than_the_total() public {
        bytes32[] memory leaves = new bytes32[](2);
        IRoyaltyDistributor.Claim[] memory claims = new IRoyaltyDistributor.Claim[](2);
        IRoyaltyDistributor.Payment[] memory payments = new IRoyaltyDistributor.Payment[](2);
        for (uint64 epoch = 1; epoch < 3; ++epoch) {
            for (uint256 i = 0; i < 2; ++i) {
                payments[i] = IRoyaltyDistributor.Payment(payee(i), 60 * epoch);
                leaves[i] = leaf(payee(i), 60 * epoch);
            }
            nodes = Trees.build(leaves);
            vm.prank(publisher);
            distributor.propose(epoch, nodes[0], 100 * epoch, HEAD, MANIFEST);
            vm.warp(block.timestamp + WINDOW);
            for (uint256 i = 0; i < 2; ++i) {
                claims[i] = IRoyaltyDistributor.Claim(payee(i), 60 * epoch, Trees.path(nodes, 1 + i));
            }
            vm.expectEmit(address(distributor));
            emit IRoyaltyDistributor.ClaimSkipped(payee(1), epoch, 3);
            if (epoch == 1) distributor.claimMany(epoch, claims);
            else distributor.claimSubtree(epoch, payments, new bytes32[](0));
            vm.assertEq(distributor.paid(), 60 * epoch);
        }
    }

    function test_claimSubtree_pays_everybody_below_each_node() public {
        settle(1);
        for (uint256 node = 0; node < nodes.length; ++node) {
            uint256 before = distributor.paid();
            uint256 sum = distributor.claimSubtree(1, paymentsBelow(node, 1), Trees.path(nodes, node));
            vm.assertEq(sum, node == 0 ? total(1) : 0);
            vm.assertEq(distributor.paid(), before + sum);
        }
        settle(2);
        for (uint256 node = nodes.length; node > 0; --node) {
            distributor.claimSubtree(2, paymentsBelow(node - 1, 2), Trees.path(nodes, node - 1));
        }
        vm.assertEq(distributor.paid(), total(2));
    }

    function test_claimSubtree_refuses_what_is_not_below_the_node() public {
        settle(1);
        IRoyaltyDistributor.Payment[] memory payments = paymentsBelow(1, 1);
        payments[0].cumulative += 1;
        vm.expectRevert(IRoyaltyDistributor.InvalidProof.selector);
        distributor.claimSubtree(1, payments, Trees.path(nodes, 1));
        payments = paymentsBelow(1, 1);
        vm.expectRevert(IRoyaltyDistributor.InvalidProof.selector);
        distributor.claimSubtree(1, payments, Trees.path(nodes, 2));
    }

    function test_claimSubtree_has_1_to_256_payees() public {
        settle(1);
        uint256[2] memory refused = [uint256(0), 257];
        for (uint256 i = 0; i < 2; ++i) {
            IRoyaltyDistributor.Payment[] memory payments = new IRoyaltyDistributor.Payment[](refused[i]);
            vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.SubtreeSize.selector, refused[i]));
            distributor.claimSubtree(1, payments, new bytes32[](0));
        }
    }

    function test_batches_wait_for_the_window_and_stop_for_a_challenge() public {
        propose(1);
        batchesRefused(1, abi.encodeWithSelector(IRoyaltyDistributor.WindowOpen.selector, START + WINDOW));
        batchesRefused(2, abi.encodeWithSelector(IRoyaltyDistributor.WrongEpoch.selector, 0, 2));
        challenge(1);
        batchesRefused(1, abi.encodeWithSelector(IRoyaltyDistributor.UnderChallenge.selector, 1));
    }

    function batchesRefused(uint64 epoch, bytes memory why) internal {
        IRoyaltyDistributor.Claim[] memory claims = claimsOf(epoch);
        vm.expectRevert(why);
        distributor.claimMany(epoch, claims);
        IRoyaltyDistributor.Payment[] memory payments = paymentsBelow(0, epoch);
        vm.expectRevert(why);
        distributor.claimSubtree(epoch, payments, new bytes32[](0));
    }
}

contract HostilePayeesTest is Settled {
    HookToken internal hook;

    function setUp() public override {
        super.setUp();
        hook = new HookToken();
        adopt(hook);
    }

    function test_a_payee_who_cannot_be_paid_stops_nobody_and_loses_nothing() public {
        settle(1);
        for (uint256 mood = 1; mood <= 5; ++mood) {
            hook.set(payee(mood), HookToken.Mood(mood));
        }
        uint256 sum = distributor.claimMany(1, claimsOf(1));
        assertOthersPaid(sum);
        settle(2);
        sum = distributor.claimSubtree(2, paymentsBelow(0, 2), new bytes32[](0));
        vm.assertEq(distributor.paid(), total(2) - refusedSum(2));
        hook.set(payee(2), HookToken.Mood.Kind);
        claim(2, 2);
        vm.assertEq(hook.balanceOf(payee(2)), earned(2, 2));
    }

    function refusedSum(uint64 epoch) internal pure returns (uint256 sum) {
        for (uint256 i = 1; i <= 5; ++i) {
            sum += earned(i, epoch);
        }
    }

    function assertOthersPaid(uint256 sum) internal view {
        vm.assertEq(sum, total(1) - refusedSum(1));
        vm.assertEq(distributor.paid(), sum);
        for (uint256 i = 0; i < COUNT; ++i) {
            bool refused = i >= 1 && i <= 5;
            vm.assertEq(hook.balanceOf(payee(i)), refused ? 0 : earned(i, 1));
            vm.assertEq(distributor.claimed(payee(i)), refused ? 0 : earned(i, 1));
        }
    }

    function test_a_skipped_payee_is_named_with_the_reason() public {
        settle(1);
        hook.set(payee(0), HookToken.Mood.Reverts);
        IRoyaltyDistributor.Payment[] memory payments = paymentsBelow(COUNT - 1, 1);
        bytes32[] memory path = Trees.path(nodes, COUNT - 1);
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.ClaimSkipped(payee(0), 1, 2);
        distributor.claimSubtree(1, payments, path);
    }

    function test_a_gas_burner_burns_a_bounded_share() public {
        settle(1);
        hook.set(payee(0), HookToken.Mood.BurnsGas);
        uint256 before = gasleft();
        distributor.claimMany(1, claimsOf(1));
        vm.assertLe(before - gasleft(), 200_000 + COUNT * 80_000);
    }

    function test_too_little_gas_is_no_reason_to_skip() public {
        settle(1);
        paysAllOrWantsGas(abi.encodeCall(distributor.claimMany, (1, claimsOf(1))), total(1));
        settle(2);
        paysAllOrWantsGas(
            abi.encodeCall(distributor.claimSubtree, (2, paymentsBelow(0, 2), new bytes32[](0))), total(2)
        );
    }

    function paysAllOrWantsGas(bytes memory data, uint256 sum) internal {
        bool ok = false;
        uint256 refusals = 0;
        for (uint256 gas = 100_000; !ok; gas += 50_000) {
            bytes memory answer;
            (ok, answer) = address(distributor).call{gas: gas}(data);
            if (!ok && answer.length != 0) {
                vm.assertEq(bytes32(bytes4(answer)), bytes32(IRoyaltyDistributor.GasTooLow.selector));
                ++refusals;
            }
        }
        vm.assertTrue(refusals > 0);
        vm.assertEq(distributor.paid(), sum);
    }
}

contract ReentrancyTest is Settled {
    ReentrantToken internal evil;

    function setUp() public override {
        super.setUp();
        evil = new ReentrantToken();
        adopt(evil);
        evil.mint(address(evil), FUNDS);
        vm.prank(address(evil));
        evil.approve(address(distributor), FUNDS);
        settle(1);
    }

    function assertRefused() internal view {
        vm.assertFalse(evil.entered());
        vm.assertEq(bytes32(bytes4(evil.answer())), bytes32(IRoyaltyDistributor.Reentered.selector));
    }

    function test_fund_cannot_be_credited_twice() public {
        evil.arm(address(distributor), abi.encodeCall(distributor.fund, (5, REASON)));
        vm.prank(licensee);
        distributor.fund(7, REASON);
        assertRefused();
        vm.assertEq(distributor.funded(), FUNDS / 2 + 7);
    }

    function test_nothing_enters_while_a_batch_pays() public {
        bytes[4] memory calls = [
            abi.encodeCall(distributor.claim, (1, payee(7), earned(7, 1), proof(7))),
            abi.encodeCall(distributor.claimMany, (1, claimsOf(1))),
            abi.encodeCall(distributor.claimSubtree, (1, paymentsBelow(0, 1), new bytes32[](0))),
            abi.encodeCall(distributor.fund, (5, REASON))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            evil.arm(address(distributor), calls[i]);
            distributor.claimSubtree(1, paymentsBelow(COUNT - 1 + i, 1), Trees.path(nodes, COUNT - 1 + i));
            assertRefused();
        }
        vm.assertEq(distributor.paid(), earned(0, 1) + earned(1, 1) + earned(2, 1) + earned(3, 1));
    }

    function test_a_claim_inside_a_claim_pays_each_once() public {
        evil.arm(address(distributor), abi.encodeCall(distributor.claim, (1, payee(0), earned(0, 1), proof(0))));
        claim(1, 0);
        vm.assertFalse(evil.entered());
        vm.assertEq(bytes32(bytes4(evil.answer())), bytes32(IRoyaltyDistributor.NothingDue.selector));
        evil.arm(address(distributor), abi.encodeCall(distributor.claim, (1, payee(1), earned(1, 1), proof(1))));
        claim(1, 2);
        vm.assertTrue(evil.entered());
        vm.assertEq(distributor.paid(), earned(0, 1) + earned(1, 1) + earned(2, 1));
        vm.assertEq(evil.balanceOf(payee(0)), earned(0, 1));
    }

    function test_a_bond_is_not_also_funds() public {
        propose(2);
        evil.arm(address(distributor), abi.encodeCall(distributor.fund, (5, REASON)));
        challenge(2);
        assertRefused();
        vm.assertEq(distributor.funded(), FUNDS / 2);
        vm.assertEq(beside(), STAKE + BOND);
    }
}
