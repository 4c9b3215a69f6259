// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IPausing} from "../../../contracts/interfaces/IPausing.sol";
import {IRoles} from "../../../contracts/interfaces/IRoles.sol";
import {IRoyaltyDistributor} from "../../../contracts/interfaces/IRoyaltyDistributor.sol";
import {ReentrantToken} from "../../../contracts/mocks/HostileTokens.sol";
import {Settled} from "./Settled.sol";

/// @dev The publisher is gone: the stranger proposes, with its stake approved.
contract ExitTest is Settled {
    function closed(address who, uint64 epoch) internal {
        plant(epoch);
        vm.expectRevert(abi.encodeWithSelector(IRoles.NotRole.selector, bytes32("publisher"), who));
        vm.prank(who);
        distributor.propose(epoch, nodes[0], total(epoch), HEAD, MANIFEST);
    }

    function refused(address who, uint64 epoch, bytes memory why) internal {
        plant(epoch);
        vm.expectRevert(why);
        vm.prank(who);
        distributor.propose(epoch, nodes[0], total(epoch), HEAD, MANIFEST);
    }

    function test_after_90_days_anybody_with_a_stake_proposes() public {
        vm.assertEq(distributor.exitOpensAt(), START + 90 days);
        vm.warp(START + 90 days - 1);
        closed(stranger, 1);
        vm.warp(START + 90 days);
        plant(1);
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.SettlementProposed(1, nodes[0], HEAD, MANIFEST, total(1), START + 104 days);
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.StakeChanged(stranger, STAKE);
        proposeAs(stranger, 1);
        vm.assertTrue(distributor.settlement(1).byExit);
        vm.assertEq(distributor.settlement(1).total, total(1));
        vm.assertEq(distributor.staked(stranger), STAKE);
        vm.assertEq(token.balanceOf(stranger), 10 * BOND - STAKE);
        vm.warp(START + 104 days - 1);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WindowOpen.selector, START + 104 days));
        claim(1, 0);
        vm.warp(START + 104 days);
        vm.assertEq(distributor.claimMany(1, claimsOf(1)), total(1));
        vm.assertEq(unstake(stranger), STAKE);
    }

    function test_the_90_days_begin_with_the_newest_active_epoch() public {
        settle(1);
        vm.assertEq(distributor.exitOpensAt(), START + WINDOW + 90 days);
        settle(2);
        vm.assertEq(distributor.exitOpensAt(), START + 2 * WINDOW + 90 days);
        propose(3);
        vm.assertEq(distributor.exitOpensAt(), START + 2 * WINDOW + 90 days);
        veto(3);
        vm.warp(START + 2 * WINDOW + 90 days - 1);
        closed(stranger, 3);
        vm.warp(START + 2 * WINDOW + 90 days);
        proposeAs(stranger, 3);
        vm.warp(block.timestamp + 14 days);
        vm.assertEq(distributor.activeEpoch(), 3);
        closed(stranger, 4);
        vm.assertEq(distributor.exitOpensAt(), START + 2 * WINDOW + 104 days + 90 days);
    }

    function test_the_exit_keeps_every_other_rule() public {
        settle(1);
        vm.warp(distributor.exitOpensAt());
        vm.startPrank(stranger);
        vm.expectRevert(IRoyaltyDistributor.EmptyRoot.selector);
        distributor.propose(2, 0, total(1), HEAD, MANIFEST);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.TotalDecreased.selector, total(1), total(1) - 1));
        distributor.propose(2, HEAD, total(1) - 1, HEAD, MANIFEST);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.Insolvent.selector, FUNDS / 2 + 1, FUNDS / 2));
        distributor.propose(2, HEAD, FUNDS / 2 + 1, HEAD, MANIFEST);
        vm.stopPrank();
        refused(stranger, 1, abi.encodeWithSelector(IRoyaltyDistributor.WrongEpoch.selector, 2, 1));
        refused(stranger, 3, abi.encodeWithSelector(IRoyaltyDistributor.WrongEpoch.selector, 2, 3));
        uint40 until = uint40(block.timestamp) + 7 days;
        vm.prank(guardian);
        distributor.pause(until);
        refused(stranger, 2, abi.encodeWithSelector(IPausing.PausedUntil.selector, until));
        vm.warp(until);
        proposeAs(stranger, 2);
        refused(stranger, 2, abi.encodeWithSelector(IRoyaltyDistributor.WindowOpen.selector, until + 14 days));
        refused(licensee, 2, abi.encodeWithSelector(IRoyaltyDistributor.WindowOpen.selector, until + 14 days));
    }

    function test_the_exit_wants_the_whole_stake() public {
        vm.warp(START + 90 days);
        plant(1);
        token.mint(holder, STAKE - 1);
        vm.startPrank(holder);
        token.approve(address(distributor), STAKE);
        vm.expectRevert();
        distributor.propose(1, nodes[0], total(1), HEAD, MANIFEST);
        vm.assertEq(distributor.settlement(1).status, 0);
        vm.assertEq(distributor.staked(holder), 0);
    }

    function test_a_stake_by_the_exit_serves_again_while_it_is_in() public {
        proposeByExit(1);
        veto(1);
        uint256 before = token.balanceOf(stranger);
        proposeAs(stranger, 1);
        vm.assertEq(token.balanceOf(stranger), before);
        vm.assertEq(beside(), 2 * STAKE);
        veto(1);
        vm.assertEq(unstake(stranger), STAKE);
    }

    function test_the_next_strangers_stake_leaves_the_one_before_owed() public {
        proposeByExit(1);
        veto(1);
        give(holder, STAKE);
        plant(1);
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.StakeChanged(stranger, 0);
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.StakeChanged(holder, STAKE);
        proposeAs(holder, 1);
        assertOwed(stranger, STAKE, 0);
        vm.assertEq(distributor.staked(holder), STAKE);
        vm.assertEq(unstake(stranger), STAKE);
    }

    function test_a_strangers_root_is_vetoed_and_challenged_as_any() public {
        proposeByExit(1);
        vm.warp(block.timestamp + 14 days - 1);
        veto(1);
        vm.assertEq(distributor.settlement(1).status, 3);
        vm.assertTrue(distributor.settlement(1).byExit);
        proposeAs(stranger, 1);
        give(holder, BOND);
        vm.warp(block.timestamp + 14 days - 1);
        challengeAs(holder, 1);
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.StakeChanged(stranger, 0);
        resolve(arbiter, 1, true);
        assertOwed(holder, BOND + STAKE / 2, 0);
        vm.assertEq(distributor.staked(stranger), 0);
        vm.assertEq(distributor.staked(publisher), STAKE);
        assertOwed(stranger, 0, 0);
    }

    function test_a_strangers_dismissed_root_waits_14_days_again_and_the_stranger_wins() public {
        proposeByExit(1);
        give(holder, BOND);
        challengeAs(holder, 1);
        vm.warp(block.timestamp + 3 days);
        resolve(arbiter, 1, false);
        assertOwed(stranger, BOND / 2, 0);
        IRoyaltyDistributor.Settlement memory s = distributor.settlement(1);
        vm.assertEq(s.activeAt, block.timestamp + 14 days);
        vm.assertTrue(s.byExit);
        vm.assertEq(s.total, total(1));
        vm.warp(s.activeAt);
        claim(1, 0);
        vm.assertEq(unstake(stranger), STAKE + BOND / 2);
    }

    /// @dev One bond and a silent arbiter: the second challenge needs a second bond, the third a third.
    function test_one_bond_does_not_shut_the_exit_for_ever() public {
        vm.warp(START + 90 days);
        give(holder, BOND);
        proposeAs(stranger, 1);
        challengeAs(holder, 1);
        silence(1);
        vm.assertEq(distributor.staked(stranger), STAKE);
        proposeAs(stranger, 1);
        assertOwed(holder, 0, BOND);
        vm.prank(holder);
        token.approve(address(distributor), BOND);
        vm.expectRevert();
        challengeAs(holder, 1);
        vm.warp(block.timestamp + 14 days);
        vm.assertEq(distributor.claimMany(1, claimsOf(1)), total(1));
        vm.assertEq(unstake(holder), BOND);
    }

    function test_the_publishers_proposal_takes_the_place_of_a_strangers() public {
        vm.warp(START + 90 days);
        vm.prank(stranger);
        distributor.propose(1, HEAD, 5, HEAD, MANIFEST); // junk
        vm.warp(block.timestamp + 14 days - 1);
        propose(1);
        IRoyaltyDistributor.Settlement memory s = distributor.settlement(1);
        vm.assertEq(s.root, nodes[0]);
        vm.assertEq(s.total, total(1));
        vm.assertEq(s.activeAt, block.timestamp + WINDOW);
        vm.assertFalse(s.byExit);
        refused(publisher, 1, abi.encodeWithSelector(IRoyaltyDistributor.WindowOpen.selector, s.activeAt));
        refused(stranger, 1, abi.encodeWithSelector(IRoyaltyDistributor.WindowOpen.selector, s.activeAt));
        vm.assertEq(unstake(stranger), STAKE);
        vm.warp(block.timestamp + WINDOW);
        claim(1, 3);
        vm.assertEq(distributor.exitOpensAt(), block.timestamp + 90 days);
    }

    function test_a_strangers_challenged_or_active_root_gives_way_to_nobody() public {
        proposeByExit(1);
        give(holder, BOND);
        challengeAs(holder, 1);
        refused(publisher, 1, abi.encodeWithSelector(IRoyaltyDistributor.UnderChallenge.selector, 1));
        resolve(arbiter, 1, false);
        refused(
            publisher, 2, abi.encodeWithSelector(IRoyaltyDistributor.WindowOpen.selector, block.timestamp + 14 days)
        );
        vm.warp(block.timestamp + 14 days);
        refused(publisher, 1, abi.encodeWithSelector(IRoyaltyDistributor.WrongEpoch.selector, 2, 1));
        propose(2);
    }

    function test_a_challenge_of_the_strangers_root_does_not_land_on_the_publishers() public {
        vm.warp(START + 90 days);
        vm.prank(stranger);
        distributor.propose(1, HEAD, 5, HEAD, MANIFEST);
        propose(1);
        give(holder, BOND);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WrongRoot.selector, nodes[0], HEAD));
        vm.prank(holder);
        distributor.challenge(1, HEAD, REASON);
    }

    function test_a_publisher_without_a_stake_takes_no_strangers_place() public {
        proposeByExit(1);
        unstake(publisher);
        refused(publisher, 1, abi.encodeWithSelector(IRoyaltyDistributor.NotStaked.selector, publisher));
    }

    function test_nothing_enters_while_a_stake_by_the_exit_comes_in() public {
        ReentrantToken evil = new ReentrantToken();
        adopt(evil);
        evil.arm(address(distributor), abi.encodeCall(distributor.fund, (5, REASON)));
        proposeByExit(1);
        vm.assertFalse(evil.entered());
        vm.assertEq(bytes32(bytes4(evil.answer())), bytes32(IRoyaltyDistributor.Reentered.selector));
        vm.assertEq(distributor.funded(), FUNDS / 2);
        vm.assertEq(beside(), 2 * STAKE);
    }

    function test_no_stake_by_the_exit_comes_in_while_money_does() public {
        ReentrantToken evil = new ReentrantToken();
        adopt(evil);
        vm.warp(START + 90 days);
        evil.mint(address(evil), STAKE);
        vm.prank(address(evil));
        evil.approve(address(distributor), STAKE);
        evil.arm(address(distributor), abi.encodeCall(distributor.propose, (1, HEAD, 0, HEAD, MANIFEST)));
        vm.prank(licensee);
        distributor.fund(5, REASON);
        vm.assertFalse(evil.entered());
        vm.assertEq(bytes32(bytes4(evil.answer())), bytes32(IRoyaltyDistributor.Reentered.selector));
        vm.assertEq(distributor.settlement(1).status, 0);
    }
}
