// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {RoyaltyDistributor} from "../../../contracts/RoyaltyDistributor.sol";
import {IPausing} from "../../../contracts/interfaces/IPausing.sol";
import {IRoles} from "../../../contracts/interfaces/IRoles.sol";
import {IRoyaltyDistributor} from "../../../contracts/interfaces/IRoyaltyDistributor.sol";
import {FeeToken} from "../../../contracts/mocks/HostileTokens.sol";
import {Settled} from "./Settled.sol";

contract SettlementsTest is Settled {
    // --- constructor

    function assertBounds(uint256 chain, uint40 least) internal {
        vm.chainId(chain);
        for (uint256 i = 0; i < 2; ++i) {
            uint40 bad = i == 0 ? least - 1 : 14 days + 1;
            vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WindowOutOfBounds.selector, bad));
            deployed(address(token), bad, BOND, STAKE);
            uint40 good = i == 0 ? least : 14 days;
            vm.assertEq(deployed(address(token), good, BOND, STAKE).window(), good);
        }
    }

    function test_the_window_has_hard_bounds() public {
        assertBounds(31337, 1 hours);
        assertBounds(1337, 1 hours);
        assertBounds(1, 2 days);
        assertBounds(1338, 2 days);
    }

    function test_bond_and_stake_have_hard_bounds() public {
        uint256[2] memory bad = [0, uint256(type(uint120).max) + 1];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.BondOutOfBounds.selector, bad[i]));
            deployed(address(token), WINDOW, bad[i], STAKE);
            vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.StakeOutOfBounds.selector, bad[i]));
            deployed(address(token), WINDOW, BOND, bad[i]);
        }
        RoyaltyDistributor widest = deployed(address(token), WINDOW, type(uint120).max, 1);
        vm.assertEq(widest.bond(), type(uint120).max);
        vm.assertEq(widest.stakeAmount(), 1);
        vm.assertEq(deployed(address(token), WINDOW, 1, type(uint120).max).stakeAmount(), type(uint120).max);
    }

    function test_the_access_contract_has_code() public {
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.NoAccess.selector, stranger));
        new RoyaltyDistributor(
            address(token), TERMS, WINDOW, BOND, STAKE, stranger, owner, guardian, arbiter, publisher
        );
    }

    function test_what_is_fixed_can_be_read() public view {
        vm.assertEq(distributor.token(), address(token));
        vm.assertEq(distributor.rulesetHash(), TERMS);
        vm.assertEq(distributor.window(), WINDOW);
        vm.assertEq(distributor.bond(), BOND);
        vm.assertEq(distributor.stakeAmount(), STAKE);
        vm.assertEq(distributor.access(), address(access));
        vm.assertEq(distributor.exitOpensAt(), START + 90 days);
        vm.assertEq(distributor.activeEpoch(), 0);
        vm.assertEq(distributor.settlement(1).root, 0);
    }

    // --- fund

    function test_fund_credits_what_arrived_under_its_memo() public {
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.Funded(licensee, REASON, 7e6);
        vm.prank(licensee);
        vm.assertEq(distributor.fund(7e6, REASON), 7e6);
        vm.assertEq(distributor.funded(), FUNDS / 2 + 7e6);
        vm.assertEq(distributor.paid(), 0);
        vm.assertEq(beside(), STAKE);
    }

    function test_fund_refuses_a_token_that_keeps_a_fee() public {
        FeeToken fee = new FeeToken();
        RoyaltyDistributor other = deployed(address(fee), WINDOW, BOND, STAKE);
        fee.mint(licensee, 1_000);
        vm.startPrank(licensee);
        fee.approve(address(other), 1_000);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.TokenShortfall.selector, 1_000, 990));
        other.fund(1_000, REASON);
    }

    function test_fund_refuses_more_than_120_bits() public {
        token.mint(licensee, type(uint120).max);
        vm.startPrank(licensee);
        token.approve(address(distributor), type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.AmountTooLarge.selector, uint256(type(uint120).max)));
        distributor.fund(type(uint120).max, REASON);
        distributor.fund(type(uint120).max - FUNDS / 2, REASON);
        vm.assertEq(distributor.funded(), type(uint120).max);
    }

    // --- fundFrom

    function test_the_access_contract_funds_with_its_callers_money() public {
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.Funded(licensee, REASON, 7e6);
        vm.prank(address(access));
        vm.assertEq(distributor.fundFrom(licensee, 7e6, REASON), 7e6);
        vm.assertEq(distributor.funded(), FUNDS / 2 + 7e6);
        vm.assertEq(token.balanceOf(licensee), FUNDS / 2 - 7e6);
        vm.assertEq(token.balanceOf(address(access)), 0);
    }

    function test_nobody_else_funds_with_anothers_money() public {
        address[3] memory others = [stranger, owner, licensee];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.NotAccess.selector, others[i]));
            vm.prank(others[i]);
            distributor.fundFrom(licensee, 7e6, REASON);
        }
    }

    function test_fundFrom_takes_what_was_approved_and_no_more_than_120_bits() public {
        vm.startPrank(address(access));
        vm.expectRevert();
        distributor.fundFrom(holder, 1, REASON);
        token.mint(licensee, type(uint120).max);
        vm.stopPrank();
        vm.prank(licensee);
        token.approve(address(distributor), type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.AmountTooLarge.selector, uint256(type(uint120).max)));
        vm.prank(address(access));
        distributor.fundFrom(licensee, type(uint120).max, REASON);
    }

    // --- propose

    function test_propose_is_active_after_the_window() public {
        plant(1);
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.SettlementProposed(1, nodes[0], HEAD, MANIFEST, total(1), START + WINDOW);
        propose(1);
        IRoyaltyDistributor.Settlement memory found = distributor.settlement(1);
        vm.assertEq(found.root, nodes[0]);
        vm.assertEq(found.total, total(1));
        vm.assertEq(found.activeAt, START + WINDOW);
        vm.assertEq(found.epoch, 1);
        vm.assertEq(found.status, 1);
        vm.assertFalse(found.byExit);
        vm.assertEq(distributor.activeEpoch(), 0);
        vm.warp(START + WINDOW);
        vm.assertEq(distributor.activeEpoch(), 1);
    }

    function refused(uint64 epoch, bytes memory why) internal {
        plant(epoch);
        vm.expectRevert(why);
        vm.prank(publisher);
        distributor.propose(epoch, nodes[0], total(epoch), HEAD, MANIFEST);
    }

    function wrong(uint64 expected, uint64 given) internal {
        refused(given, abi.encodeWithSelector(IRoyaltyDistributor.WrongEpoch.selector, expected, given));
    }

    function test_the_active_epoch_is_the_later_of_both() public {
        for (uint64 epoch = 1; epoch <= 4; ++epoch) {
            settle(epoch);
            vm.assertEq(distributor.activeEpoch(), epoch);
        }
    }

    function test_propose_goes_on_by_one() public {
        wrong(1, 0);
        wrong(1, 2);
        settle(1);
        wrong(2, 0);
        wrong(2, 1);
        wrong(2, 3);
        settle(2);
        wrong(3, 2);
        wrong(3, 1);
        wrong(3, 4);
        settle(3);
        vm.assertEq(distributor.activeEpoch(), 3);
        vm.assertEq(distributor.settlement(1).root, 0);
        vm.assertEq(distributor.settlement(2).status, 1);
    }

    function test_propose_one_at_a_time() public {
        propose(1);
        bytes memory why = abi.encodeWithSelector(IRoyaltyDistributor.WindowOpen.selector, START + WINDOW);
        refused(1, why);
        refused(2, why);
        vm.warp(START + WINDOW);
        propose(2);
        why = abi.encodeWithSelector(IRoyaltyDistributor.WindowOpen.selector, START + 2 * WINDOW);
        refused(2, why);
        refused(3, why);
        refused(1, why);
    }

    function test_propose_promises_no_more_than_was_funded_and_never_less_than_before() public {
        vm.startPrank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.Insolvent.selector, FUNDS / 2 + 1, FUNDS / 2));
        distributor.propose(1, HEAD, FUNDS / 2 + 1, HEAD, MANIFEST);
        vm.expectRevert(IRoyaltyDistributor.EmptyRoot.selector);
        distributor.propose(1, 0, 1, HEAD, MANIFEST);
        distributor.propose(1, HEAD, FUNDS / 2, HEAD, MANIFEST);
        vm.warp(START + WINDOW);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.TotalDecreased.selector, FUNDS / 2, FUNDS / 2 - 1));
        distributor.propose(2, HEAD, FUNDS / 2 - 1, HEAD, MANIFEST);
        distributor.propose(2, HEAD, FUNDS / 2, HEAD, MANIFEST);
    }

    function test_propose_by_the_publisher_outside_a_pause() public {
        vm.expectRevert(abi.encodeWithSelector(IRoles.NotRole.selector, bytes32("publisher"), owner));
        vm.prank(owner);
        distributor.propose(1, HEAD, 1, HEAD, MANIFEST);
        vm.prank(guardian);
        distributor.pause(START + 1 days);
        refused(1, abi.encodeWithSelector(IPausing.PausedUntil.selector, START + 1 days));
        vm.warp(START + 1 days);
        propose(1);
    }

    // --- veto

    function test_a_vetoed_epoch_keeps_its_number_and_the_active_one_keeps_paying() public {
        settle(1);
        propose(2);
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.SettlementVetoed(2, nodes[0], guardian, REASON);
        veto(2);
        vm.assertEq(distributor.settlement(2).status, 3);
        vm.warp(block.timestamp + 10 * WINDOW);
        vm.assertEq(distributor.activeEpoch(), 1);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WrongEpoch.selector, 0, 2));
        claim(2, 0);
        wrong(2, 3);
        plant(1);
        claim(1, 0);
        settle(2);
        claim(2, 0);
        vm.assertEq(token.balanceOf(payee(0)), earned(0, 2));
    }

    function test_veto_before_the_end_of_the_window_by_the_guardian() public {
        propose(1);
        vm.expectRevert(abi.encodeWithSelector(IRoles.NotRole.selector, bytes32("guardian"), publisher));
        vm.prank(publisher);
        distributor.veto(1, nodes[0], REASON);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WrongRoot.selector, nodes[0], HEAD));
        vm.prank(guardian);
        distributor.veto(1, HEAD, REASON);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WrongEpoch.selector, 0, 2));
        veto(2);
        vm.warp(START + WINDOW);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WindowClosed.selector, START + WINDOW));
        veto(1);
    }

    function test_a_veto_is_said_once() public {
        propose(1);
        veto(1);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WrongEpoch.selector, 0, 1));
        veto(1);
    }

    // --- challenge

    function test_a_challenge_freezes_its_epoch_and_no_other() public {
        settle(1);
        propose(2);
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.SettlementChallenged(2, nodes[0], stranger, REASON);
        challenge(2);
        (address by, uint40 when) = distributor.challenger();
        vm.assertEq(by, stranger);
        vm.assertEq(when, block.timestamp);
        vm.assertEq(beside(), STAKE + BOND);
        vm.assertEq(distributor.funded(), FUNDS / 2);
        vm.warp(block.timestamp + 2 * WINDOW);
        bytes memory why = abi.encodeWithSelector(IRoyaltyDistributor.UnderChallenge.selector, 2);
        vm.expectRevert(why);
        claim(2, 0);
        refused(2, why);
        refused(3, why);
        vm.expectRevert(why);
        challenge(2);
        vm.expectRevert(why);
        veto(2);
        plant(1);
        claim(1, 0);
        vm.assertEq(distributor.activeEpoch(), 1);
    }

    function test_challenge_before_the_end_of_the_window_with_the_bond() public {
        propose(1);
        vm.expectRevert();
        challengeAs(holder, 1);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WrongEpoch.selector, 0, 2));
        challenge(2);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WrongRoot.selector, nodes[0], HEAD));
        vm.prank(stranger);
        distributor.challenge(1, HEAD, REASON);
        vm.warp(START + WINDOW);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WindowClosed.selector, START + WINDOW));
        challenge(1);
    }

    // --- resolve

    function test_upheld_the_challenger_gets_its_bond_and_half_the_stake() public {
        propose(1);
        challenge(1);
        vm.warp(START + 10 days);
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.ChallengeResolved(1, nodes[0], true, stranger, 0);
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.StakeChanged(publisher, 0);
        resolve(arbiter, 1, true);
        assertOwed(stranger, BOND + STAKE / 2, 0);
        assertOwed(publisher, 0, 0);
        vm.assertEq(distributor.staked(publisher), 0);
        vm.assertEq(token.balanceOf(stranger), 9 * BOND);
        vm.assertEq(distributor.settlement(1).status, 4);
        vm.assertEq(distributor.settlement(1).total, total(1));
        vm.assertEq(distributor.settlement(1).activeAt, START + WINDOW);
        (address by, uint40 when) = distributor.challenger();
        vm.assertEq(by, address(0));
        vm.assertEq(when, 0);
        vm.assertEq(distributor.activeEpoch(), 0);
        wrong(1, 2);
        refused(1, abi.encodeWithSelector(IRoyaltyDistributor.NotStaked.selector, publisher));
        putStake();
        settle(1);
        claim(1, 0);
        vm.assertEq(unstake(stranger), BOND + STAKE / 2);
        vm.assertEq(beside(), STAKE + STAKE - STAKE / 2);
    }

    function test_dismissed_the_proposer_gets_half_the_bond_and_the_full_window_starts_again() public {
        propose(1);
        challenge(1);
        vm.warp(START + 10 days);
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.ChallengeResolved(1, nodes[0], false, stranger, START + 10 days + WINDOW);
        resolve(arbiter, 1, false);
        assertOwed(publisher, BOND / 2, 0);
        assertOwed(stranger, 0, 0);
        vm.assertEq(distributor.staked(publisher), STAKE);
        (address by,) = distributor.challenger();
        vm.assertEq(by, address(0));
        IRoyaltyDistributor.Settlement memory s = distributor.settlement(1);
        vm.assertEq(s.activeAt, START + 10 days + WINDOW);
        vm.assertEq(s.root, nodes[0]);
        vm.assertEq(s.total, total(1));
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WindowOpen.selector, START + 10 days + WINDOW));
        claim(1, 0);
        challenge(1);
        resolve(arbiter, 1, false);
        assertOwed(publisher, 2 * (BOND / 2), 0);
        veto(1);
        vm.assertEq(distributor.settlement(1).status, 3);
    }

    function test_only_the_arbiter_resolves_in_time() public {
        propose(1);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.NotChallenged.selector, 1));
        resolve(arbiter, 1, true);
        challenge(1);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.NotChallenged.selector, 3));
        resolve(arbiter, 3, true);
        bytes memory why = abi.encodeWithSelector(IRoles.NotRole.selector, bytes32("arbiter"), stranger);
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(why);
            resolve(stranger, 1, i == 0);
        }
        vm.warp(START + 14 days - 1);
        vm.expectRevert(why);
        resolve(stranger, 1, true);
        resolve(arbiter, 1, false);
    }

    function test_resolve_names_the_root_and_the_challenger() public {
        propose(1);
        challenge(1);
        vm.startPrank(arbiter);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WrongRoot.selector, nodes[0], HEAD));
        distributor.resolve(1, HEAD, stranger, true);
        vm.expectRevert(abi.encodeWithSelector(IRoyaltyDistributor.WrongChallenger.selector, stranger, licensee));
        distributor.resolve(1, nodes[0], licensee, true);
        distributor.resolve(1, nodes[0], stranger, true);
    }

    function test_a_silent_arbiter_costs_nobody() public {
        propose(1);
        challenge(1);
        vm.warp(START + 14 days);
        vm.expectRevert(abi.encodeWithSelector(IRoles.NotRole.selector, bytes32("arbiter"), arbiter));
        resolve(arbiter, 1, false);
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.ChallengeResolved(1, nodes[0], true, stranger, 0);
        resolve(licensee, 1, true);
        vm.assertEq(distributor.settlement(1).status, 4);
        assertOwed(stranger, 0, BOND);
        vm.assertEq(distributor.staked(publisher), STAKE);
        vm.assertEq(unstake(publisher), STAKE);
        putStake();
        settle(1);
        assertOwed(stranger, BOND, 0);
        vm.assertEq(unstake(stranger), BOND);
        vm.assertEq(token.balanceOf(stranger), 10 * BOND);
    }

    // --- rule, strike

    function test_the_guardian_rules_and_the_arbiter_strikes() public {
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.Ruled(MANIFEST);
        vm.prank(guardian);
        distributor.rule(MANIFEST);
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.RulingStruck(MANIFEST);
        vm.prank(arbiter);
        distributor.strike(MANIFEST);
        vm.expectRevert(abi.encodeWithSelector(IRoles.NotRole.selector, bytes32("guardian"), arbiter));
        vm.prank(arbiter);
        distributor.rule(MANIFEST);
        vm.expectRevert(abi.encodeWithSelector(IRoles.NotRole.selector, bytes32("arbiter"), guardian));
        vm.prank(guardian);
        distributor.strike(MANIFEST);
    }
}
