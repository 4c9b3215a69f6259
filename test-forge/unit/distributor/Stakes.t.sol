// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IPausing} from "../../../contracts/interfaces/IPausing.sol";
import {IRoles} from "../../../contracts/interfaces/IRoles.sol";
import {IRoyaltyDistributor} from "../../../contracts/interfaces/IRoyaltyDistributor.sol";
import {FeeToken, NoReturnToken} from "../../../contracts/mocks/HostileTokens.sol";
import {Token} from "../../../contracts/mocks/Token.sol";
import {Settled} from "./Settled.sol";

contract StakesTest is Settled {
    // --- stake

    function test_the_publisher_stakes_once() public {
        found(new Token());
        give(publisher, 2 * STAKE);
        vm.startPrank(publisher);
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.StakeChanged(publisher, STAKE);
        distributor.stake();
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.AlreadyStaked.selector, publisher));
        distributor.stake();
        vm.assertEq(distributor.staked(publisher), STAKE);
        vm.assertEq(distributor.staked(address(0)), 0);
        vm.assertEq(token.balanceOf(publisher), STAKE);
        vm.assertEq(distributor.funded(), 0);
        vm.assertEq(beside(), STAKE);
    }

    function test_nobody_else_stakes() public {
        vm.expectRevert(abi.encodeWithSelector(IRoles.NotRole.selector, bytes32("publisher"), stranger));
        vm.prank(stranger);
        distributor.stake();
    }

    function test_stake_refuses_a_token_that_keeps_a_fee() public {
        found(new FeeToken());
        give(publisher, STAKE);
        uint256 arrives = STAKE - STAKE / 100;
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.TokenShortfall.selector, STAKE, arrives));
        vm.prank(publisher);
        distributor.stake();
        vm.assertEq(distributor.staked(publisher), 0);
    }

    function test_stake_credits_nothing_that_was_not_approved() public {
        found(new Token());
        token.mint(publisher, STAKE);
        vm.expectRevert();
        vm.prank(publisher);
        distributor.stake();
        vm.assertEq(distributor.staked(publisher), 0);
    }

    // --- propose

    function test_propose_needs_the_stake() public {
        unstake(publisher);
        plant(1);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.NotStaked.selector, publisher));
        vm.prank(publisher);
        distributor.propose(1, nodes[0], total(1), HEAD, MANIFEST);
        putStake();
        propose(1);
    }

    // --- unstake

    function bound(address who, uint64 epoch) internal {
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.StakePending.selector, epoch));
        vm.prank(who);
        distributor.unstake(who);
    }

    function nothingDue(address who) internal {
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.NothingDue.selector, who));
        vm.prank(who);
        distributor.unstake(who);
    }

    function test_a_stake_stays_in_while_a_root_is_pending() public {
        for (uint64 epoch = 1; epoch <= 2; ++epoch) {
            propose(epoch);
            bound(publisher, epoch);
            vm.warp(block.timestamp + WINDOW - 1);
            bound(publisher, epoch);
            challenge(epoch);
            vm.warp(block.timestamp + 30 days);
            bound(publisher, epoch);
            resolve(licensee, epoch, true);
            propose(epoch);
            challenge(epoch);
            resolve(arbiter, epoch, false);
            vm.assertEq(unstake(publisher), BOND / 2); // what is owed is bound by nothing
            bound(publisher, epoch);
            vm.warp(block.timestamp + WINDOW);
        }
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.StakeChanged(publisher, 0);
        vm.assertEq(unstake(publisher), STAKE);
        nothingDue(publisher);
    }

    function test_a_veto_frees_the_stake() public {
        propose(1);
        veto(1);
        vm.assertEq(unstake(publisher), STAKE);
        vm.assertEq(beside(), 0);
    }

    function test_unstake_takes_the_stake_and_what_is_owed_at_once() public {
        propose(1);
        challenge(1);
        resolve(arbiter, 1, false);
        vm.warp(block.timestamp + WINDOW);
        vm.prank(publisher);
        distributor.unstake(voice);
        vm.assertEq(token.balanceOf(voice), STAKE + BOND / 2);
        vm.assertEq(beside(), BOND - BOND / 2);
    }

    function test_unstake_pays_what_is_the_senders_to_somebody() public {
        nothingDue(stranger);
        address[2] memory nowhere = [address(0), address(distributor)];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.InvalidRecipient.selector, nowhere[i]));
            vm.prank(publisher);
            distributor.unstake(nowhere[i]);
        }
        vm.assertEq(distributor.staked(publisher), STAKE);
    }

    // --- owed

    function test_a_bond_that_silence_returned_waits_until_an_epoch_is_active() public {
        propose(1);
        challenge(1);
        silence(1);
        assertOwed(stranger, 0, BOND);
        nothingDue(stranger);
        propose(1);
        challenge(1);
        silence(1);
        assertOwed(stranger, 0, 2 * BOND);
        propose(1);
        nothingDue(stranger);
        vm.warp(block.timestamp + WINDOW - 1);
        nothingDue(stranger);
        vm.warp(block.timestamp + 1);
        assertOwed(stranger, 2 * BOND, 0);
        propose(2); // and then whatever comes
        challenge(2);
        silence(2);
        assertOwed(stranger, 2 * BOND, BOND);
        vm.assertEq(unstake(stranger), 2 * BOND);
        assertOwed(stranger, 0, BOND);
        nothingDue(stranger);
        settle(2);
        vm.assertEq(unstake(stranger), BOND);
        vm.assertEq(token.balanceOf(stranger), 10 * BOND);
    }

    function test_what_is_won_leaves_at_once_beside_what_waits() public {
        propose(1);
        challenge(1);
        silence(1);
        propose(1);
        challenge(1);
        resolve(arbiter, 1, true);
        assertOwed(stranger, BOND + STAKE / 2, BOND);
        vm.assertEq(unstake(stranger), BOND + STAKE / 2);
        assertOwed(stranger, 0, BOND);
    }

    function test_a_later_epoch_frees_the_bond_as_well() public {
        propose(1);
        challenge(1);
        silence(1);
        settle(1);
        settle(2);
        settle(3);
        vm.assertEq(unstake(stranger), BOND);
    }

    // --- the publisher's role

    function test_a_stake_is_owed_to_its_owner_when_the_role_changes_hands() public {
        vm.prank(guardian);
        distributor.pause(START + 7 days);
        vm.expectEmit(address(distributor));
        emit IRoles.RoleOffered("publisher", holder, START + 2 days);
        vm.prank(owner);
        distributor.offerRole("publisher", holder);
        vm.warp(START + 2 days);
        vm.expectEmit(address(distributor));
        emit IRoles.RoleChanged("publisher", publisher, holder);
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.StakeChanged(publisher, 0);
        vm.prank(holder);
        distributor.acceptRole("publisher");
        assertOwed(publisher, STAKE, 0);
        vm.assertEq(distributor.staked(publisher), 0);
        vm.assertEq(distributor.staked(holder), 0);
        vm.assertEq(distributor.roleHolder("publisher"), holder);
        vm.assertEq(distributor.pausedUntil(), START + 7 days);
        vm.assertEq(unstake(publisher), STAKE);
        nothingDue(holder);
        vm.warp(START + 7 days);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.NotStaked.selector, holder));
        vm.prank(holder);
        distributor.propose(1, HEAD, 0, HEAD, MANIFEST);
        putStake();
        proposeAs(holder, 1);
    }

    function test_a_role_without_a_stake_owes_none() public {
        unstake(publisher);
        handOver(holder);
        assertOwed(publisher, 0, 0);
        vm.assertEq(beside(), 0);
    }

    function test_an_open_root_goes_on_as_a_strangers() public {
        distributor = deployed(address(token), 14 days, BOND, STAKE);
        token.mint(licensee, FUNDS);
        vm.startPrank(licensee);
        token.approve(address(distributor), FUNDS);
        distributor.fund(FUNDS, MANIFEST);
        vm.stopPrank();
        putStake();
        propose(1);
        handOver(holder);
        IRoyaltyDistributor.Settlement memory s = distributor.settlement(1);
        vm.assertTrue(s.byExit);
        vm.assertEq(s.activeAt, START + 14 days);
        vm.assertEq(s.total, total(1));
        vm.assertEq(distributor.staked(publisher), STAKE);
        assertOwed(publisher, 0, 0);
        bound(publisher, 1);
        vm.warp(START + 14 days);
        claim(1, 3);
        vm.assertEq(unstake(publisher), STAKE);
    }

    /// @dev The role changes hands while the root is challenged.
    function challengedAndHandedOver() internal {
        propose(1);
        challenge(1);
        handOver(holder);
        vm.assertEq(distributor.staked(publisher), STAKE);
        vm.assertEq(distributor.staked(holder), 0);
    }

    function test_an_open_root_that_is_dismissed_waits_14_days_and_its_proposer_wins() public {
        challengedAndHandedOver();
        resolve(arbiter, 1, false);
        assertOwed(publisher, BOND / 2, 0);
        assertOwed(holder, 0, 0);
        vm.assertEq(distributor.settlement(1).activeAt, block.timestamp + 14 days);
        give(holder, STAKE);
        vm.startPrank(holder);
        distributor.stake();
        distributor.propose(1, HEAD, 1, HEAD, MANIFEST); // and gives way to the new publisher's
        vm.stopPrank();
        vm.assertFalse(distributor.settlement(1).byExit);
        vm.assertEq(unstake(publisher), STAKE + BOND / 2);
        vm.assertEq(distributor.staked(holder), STAKE);
    }

    function test_an_open_root_that_is_upheld_costs_its_proposer_and_not_the_new_publisher() public {
        challengedAndHandedOver();
        putStake();
        resolve(arbiter, 1, true);
        vm.assertEq(distributor.staked(publisher), 0);
        vm.assertEq(distributor.staked(holder), STAKE);
        assertOwed(stranger, BOND + STAKE / 2, 0);
        nothingDue(publisher);
    }

    /// @dev The old publisher's open root comes where a stranger's stake still is, or its own.
    function test_an_open_root_leaves_an_idle_stake_to_its_owner() public {
        proposeByExit(1);
        vm.warp(block.timestamp + 14 days);
        propose(2);
        challenge(2);
        handOver(holder);
        assertOwed(stranger, STAKE, 0);
        vm.assertEq(distributor.staked(stranger), 0);
        vm.assertEq(distributor.staked(publisher), STAKE);
        vm.assertEq(unstake(stranger), STAKE);
        bound(publisher, 2);
    }

    function test_a_publisher_may_have_two_stakes_in_and_takes_each() public {
        proposeByExit(1);
        vm.warp(block.timestamp + 14 days);
        handOver(stranger);
        assertOwed(publisher, STAKE, 0);
        putStake();
        vm.assertEq(distributor.staked(stranger), 2 * STAKE);
        proposeAs(stranger, 2);
        vm.assertEq(unstake(stranger), STAKE); // by the exit, whose root is active
        bound(stranger, 2);
        vm.warp(block.timestamp + WINDOW);
        vm.assertEq(unstake(stranger), STAKE);
        nothingDue(stranger);
    }

    function test_a_publisher_whose_two_stakes_meet_is_owed_one() public {
        proposeByExit(1);
        vm.warp(block.timestamp + 14 days);
        handOver(stranger);
        putStake();
        proposeAs(stranger, 2);
        give(stranger, BOND);
        challengeAs(stranger, 2);
        handOver(holder);
        assertOwed(stranger, STAKE, 0);
        vm.assertEq(distributor.staked(stranger), STAKE);
        vm.assertEq(unstake(stranger), STAKE);
        bound(stranger, 2);
    }

    function test_a_new_publishers_root_binds_no_stranger_and_a_strangers_no_publisher() public {
        proposeByExit(1);
        bound(stranger, 1);
        vm.assertEq(unstake(publisher), STAKE);
        putStake();
        propose(1);
        bound(publisher, 1);
        vm.assertEq(unstake(stranger), STAKE);
    }

    // --- what a pause leaves alone

    function test_a_pause_stops_proposals_alone() public {
        propose(1);
        challenge(1);
        vm.prank(guardian);
        distributor.pause(START + 7 days);
        resolve(arbiter, 1, true);
        unstake(stranger);
        putStake();
        plant(1);
        vm.expectRevert(abi.encodeWithSelector(IPausing.PausedUntil.selector, START + 7 days));
        vm.prank(publisher);
        distributor.propose(1, nodes[0], total(1), HEAD, MANIFEST);
        vm.prank(licensee);
        distributor.fund(7, REASON);
        unstake(publisher);
    }

    function test_stakes_and_bonds_of_a_token_that_answers_nothing() public {
        adopt(Token(address(new NoReturnToken())));
        propose(1);
        challenge(1);
        resolve(arbiter, 1, true);
        vm.assertEq(unstake(stranger), BOND + STAKE / 2);
    }
}
