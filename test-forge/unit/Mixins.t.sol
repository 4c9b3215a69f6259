// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {DatasetRegistry} from "../../contracts/DatasetRegistry.sol";
import {RoyaltyDistributor} from "../../contracts/RoyaltyDistributor.sol";
import {UsageLedger} from "../../contracts/UsageLedger.sol";
import {IPausing} from "../../contracts/interfaces/IPausing.sol";
import {ARBITER, GUARDIAN, IRoles, OWNER, PUBLISHER} from "../../contracts/interfaces/IRoles.sol";
import {Base} from "../Base.sol";
import {Settled} from "./distributor/Settled.sol";

contract RolesTest is Base {
    bytes32 internal constant GUARD = "guardian";

    function offer(bytes32 role, address account) internal {
        vm.prank(owner);
        datasets.offerRole(role, account);
    }

    function accept(bytes32 role, address account) internal {
        vm.prank(account);
        datasets.acceptRole(role);
    }

    function test_roles_are_set_at_deployment() public {
        vm.assertEq(datasets.roleHolder("owner"), owner);
        vm.assertEq(datasets.roleHolder(GUARD), guardian);
        vm.assertEq(datasets.roleHolder("arbiter"), address(0));
        vm.expectRevert(abi.encodeWithSelector(IRoles.ZeroRole.selector, GUARD));
        new DatasetRegistry(owner, address(0));
    }

    function test_no_contract_begins_with_a_role_that_is_nobodys() public {
        bytes memory noOwner = abi.encodeWithSelector(IRoles.ZeroRole.selector, OWNER);
        vm.expectRevert(noOwner);
        new DatasetRegistry(address(0), guardian);
        vm.expectRevert(noOwner);
        new UsageLedger(address(0));
        bytes32[4] memory roles = [OWNER, GUARDIAN, ARBITER, PUBLISHER];
        for (uint256 i = 0; i < 4; ++i) {
            address[4] memory who = [owner, guardian, arbiter, publisher];
            who[i] = address(0);
            vm.expectRevert(abi.encodeWithSelector(IRoles.ZeroRole.selector, roles[i]));
            new RoyaltyDistributor(address(token), TERMS, 1 days, 1, 1, address(access), who[0], who[1], who[2], who[3]);
        }
    }

    function test_a_role_changes_hands_in_two_steps_after_two_days() public {
        vm.expectEmit(address(datasets));
        emit IRoles.RoleOffered(GUARD, stranger, START + 2 days);
        offer(GUARD, stranger);
        (address account, uint40 readyAt) = datasets.roleOffer(GUARD);
        vm.assertEq(account, stranger);
        vm.assertEq(readyAt, START + 2 days);
        vm.warp(START + 2 days - 1);
        vm.expectRevert(abi.encodeWithSelector(IRoles.RoleNotReady.selector, START + 2 days));
        accept(GUARD, stranger);
        vm.assertEq(datasets.roleHolder(GUARD), guardian);
        vm.warp(START + 2 days);
        vm.expectEmit(address(datasets));
        emit IRoles.RoleChanged(GUARD, guardian, stranger);
        accept(GUARD, stranger);
        vm.assertEq(datasets.roleHolder(GUARD), stranger);
        vm.expectRevert(abi.encodeWithSelector(IRoles.NotRole.selector, GUARD, stranger));
        accept(GUARD, stranger);
    }

    function test_a_role_is_accepted_by_the_offered_account_only() public {
        offer(GUARD, stranger);
        vm.warp(START + 2 days);
        vm.expectRevert(abi.encodeWithSelector(IRoles.NotRole.selector, GUARD, licensee));
        accept(GUARD, licensee);
    }

    function test_an_offer_to_the_holder_withdraws() public {
        offer(GUARD, stranger);
        vm.expectEmit(address(datasets));
        emit IRoles.RoleOfferWithdrawn(GUARD, stranger);
        offer(GUARD, guardian);
        (address account, uint40 readyAt) = datasets.roleOffer(GUARD);
        vm.assertEq(account, address(0));
        vm.assertEq(readyAt, 0);
        vm.expectRevert(abi.encodeWithSelector(IRoles.NoRoleOffer.selector, GUARD));
        offer(GUARD, guardian);
        vm.warp(START + 2 days);
        vm.expectRevert(abi.encodeWithSelector(IRoles.NotRole.selector, GUARD, stranger));
        accept(GUARD, stranger);
    }

    function test_an_offer_ends_after_14_days() public {
        offer(GUARD, stranger);
        vm.warp(START + 14 days - 1);
        (address account,) = datasets.roleOffer(GUARD);
        vm.assertEq(account, stranger);
        vm.warp(START + 14 days);
        (account,) = datasets.roleOffer(GUARD);
        vm.assertEq(account, address(0));
        vm.expectRevert(abi.encodeWithSelector(IRoles.RoleOfferEnded.selector, START + 14 days));
        accept(GUARD, stranger);
        vm.assertEq(datasets.roleHolder(GUARD), guardian);
        offer(GUARD, stranger);
        vm.warp(START + 28 days - 1);
        accept(GUARD, stranger);
        vm.assertEq(datasets.roleHolder(GUARD), stranger);
    }

    function test_a_later_offer_starts_the_delay_again() public {
        offer(GUARD, stranger);
        vm.warp(START + 1 days);
        offer(GUARD, stranger);
        vm.warp(START + 2 days);
        vm.expectRevert(abi.encodeWithSelector(IRoles.RoleNotReady.selector, START + 3 days));
        accept(GUARD, stranger);
    }

    function test_only_the_owner_offers_known_roles_to_somebody() public {
        vm.expectRevert(abi.encodeWithSelector(IRoles.NotRole.selector, bytes32("owner"), guardian));
        vm.prank(guardian);
        datasets.offerRole(GUARD, stranger);
        vm.expectRevert(abi.encodeWithSelector(IRoles.UnknownRole.selector, bytes32("publisher")));
        offer("publisher", stranger);
        vm.expectRevert(abi.encodeWithSelector(IRoles.ZeroRole.selector, GUARD));
        offer(GUARD, address(0));
    }

    function test_the_owners_role_changes_the_same_way() public {
        offer("owner", stranger);
        vm.warp(START + 2 days);
        accept("owner", stranger);
        vm.expectRevert(abi.encodeWithSelector(IRoles.NotRole.selector, bytes32("owner"), owner));
        offer(GUARD, stranger);
    }
}

contract PausingTest is Settled {
    function pause(uint40 until) internal {
        vm.prank(guardian);
        distributor.pause(until);
    }

    function nothing(uint40 until) internal {
        vm.expectRevert(abi.encodeWithSelector(IPausing.PausesNothing.selector, until));
        pause(until);
    }

    function test_a_pause_lasts_seven_days_at_most() public {
        vm.expectRevert(abi.encodeWithSelector(IPausing.PauseTooLong.selector, START + 7 days));
        pause(START + 7 days + 1);
        vm.expectEmit(address(distributor));
        emit IPausing.PauseSet(guardian, START + 7 days);
        pause(START + 7 days);
        vm.assertEq(distributor.pausedUntil(), START + 7 days);
        vm.assertEq(distributor.roleHolder("publisher"), publisher);
        vm.assertEq(distributor.staked(publisher), STAKE);
    }

    function test_a_running_pause_can_only_be_shortened() public {
        pause(START + 3 days);
        vm.expectRevert(abi.encodeWithSelector(IPausing.PauseTooLong.selector, START + 3 days));
        pause(START + 3 days + 1);
        pause(START + 1 days);
        vm.warp(START + 1 hours);
        vm.expectEmit(address(distributor));
        emit IPausing.PauseSet(guardian, START + 1 hours);
        pause(0);
        vm.assertEq(distributor.pausedUntil(), START + 1 hours);
    }

    function test_a_pause_that_pauses_nothing_is_refused() public {
        nothing(0);
        nothing(START);
        pause(START + 3 days);
        nothing(START + 3 days);
        vm.warp(START + 3 days);
        nothing(START + 3 days);
        nothing(0);
        vm.assertEq(distributor.pausedUntil(), START + 3 days);
    }

    function test_the_next_pause_waits_seven_days() public {
        pause(START + 1 days);
        vm.warp(START + 8 days - 1);
        vm.expectRevert(abi.encodeWithSelector(IPausing.PauseTooSoon.selector, START + 8 days));
        pause(START + 9 days);
        vm.warp(START + 8 days);
        pause(START + 9 days);
    }

    function test_a_pause_that_ends_now_is_over() public {
        pause(START + 1 days);
        vm.warp(START + 1 days);
        vm.expectRevert(abi.encodeWithSelector(IPausing.PauseTooSoon.selector, START + 8 days));
        pause(START + 1 days + 1);
        vm.warp(START + 8 days);
        pause(START + 15 days);
        vm.assertEq(distributor.pausedUntil(), START + 15 days);
    }

    function test_a_chain_may_be_younger_than_seven_days() public {
        vm.warp(1 days);
        pause(2 days);
        vm.assertEq(distributor.pausedUntil(), 2 days);
    }

    function test_only_the_guardian_pauses() public {
        vm.expectRevert(abi.encodeWithSelector(IRoles.NotRole.selector, bytes32("guardian"), owner));
        vm.prank(owner);
        distributor.pause(START + 1);
    }
}
