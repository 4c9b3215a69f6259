// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IRoyaltyDistributor} from "../../contracts/interfaces/IRoyaltyDistributor.sol";
import {Places} from "./Places.sol";

/// @dev What becomes of a settlement's word. Storage holds anything before; epochs are a number with each last bit.
contract SettlementsProof is Places {
    function rootOf(uint64 epoch) internal view returns (bytes32) {
        return vm.load(address(distributor), bytes32(SLOTS + 2 * (epoch & 1)));
    }

    function wordOf(uint256 total, uint256 activeAt, uint64 epoch, uint256 status) internal pure returns (uint256) {
        return total + activeAt * 2 ** 128 + uint256(epoch) * 2 ** 168 + status * 2 ** 232;
    }

    function propose(uint64 epoch, bytes32 root, uint256 total, address by, uint40 time) internal {
        vm.warp(time);
        vm.assume(time < type(uint40).max - WINDOW);
        (uint256 last, bytes32 lastRoot, uint256 funded) = (factsOf(epoch ^ 1), rootOf(epoch ^ 1), distributor.funded());
        vm.prank(by);
        distributor.propose(epoch, root, total, root, root);
        assert(factsOf(epoch) == wordOf(total, time + WINDOW, epoch, 1) && rootOf(epoch) == root && root != 0);
        assert(factsOf(epoch ^ 1) == last && rootOf(epoch ^ 1) == lastRoot);
        assert(total >= uint128(last) && total <= funded && epoch == uint64(last >> 168) + 1);
        assert(by == distributor.roleHolder("publisher"));
        IRoyaltyDistributor.Settlement memory s = distributor.settlement(epoch);
        assert(s.root == root && s.total == total && s.activeAt == time + WINDOW && s.epoch == epoch && s.status == 1);
    }

    function check_a_proposal_is_funded_and_leaves_the_active_one_alone_odd(
        bytes32 root,
        uint256 total,
        address by,
        uint40 time
    ) public {
        propose(ODD, root, total, by, time);
    }

    function check_a_proposal_is_funded_and_leaves_the_active_one_alone_even(
        bytes32 root,
        uint256 total,
        address by,
        uint40 time
    ) public {
        propose(EVEN, root, total, by, time);
    }

    /// @dev Root, total and epoch stay; the status goes from one to the other.
    function moved(uint256 before, bytes32 root, uint256 from, uint256 to, uint256 activeAt) internal view {
        uint64 epoch = uint64(before >> 168);
        assert(epoch == ODD && before == wordOf(uint128(before), uint40(before >> 128), epoch, from));
        assert(factsOf(ODD) == wordOf(uint128(before), activeAt, epoch, to) && rootOf(ODD) == root);
    }

    function check_a_veto_comes_in_time_and_changes_the_status_alone(address by, uint40 time) public {
        vm.warp(time);
        (uint256 before, bytes32 root) = (factsOf(ODD), rootOf(ODD));
        vm.prank(by);
        distributor.veto(ODD, 0);
        moved(before, root, 1, 3, uint40(before >> 128));
        assert(time < uint40(before >> 128) && by == distributor.roleHolder("guardian"));
    }

    function check_a_challenge_comes_in_time_with_its_bond_outside_the_sums(address by, uint40 time) public {
        vm.warp(time);
        (uint256 before, bytes32 root) = (factsOf(ODD), rootOf(ODD));
        (uint256 funded, uint256 paid) = (distributor.funded(), distributor.paid());
        vm.prank(by);
        distributor.challenge(ODD, 0);
        moved(before, root, 1, 2, uint40(before >> 128));
        (address challenger, uint40 at) = distributor.challenger();
        assert(time < uint40(before >> 128) && challenger == by && at == time);
        assert(distributor.funded() == funded && distributor.paid() == paid);
        assert(token.balanceOf(address(distributor)) == distributor.bond());
    }

    function check_a_ruling_opens_the_whole_window_or_rejects(address by, bool upheld, address refused, uint40 time)
        public
    {
        vm.warp(time);
        vm.assume(time < type(uint40).max - WINDOW);
        token.refuse(refused);
        (uint256 before, bytes32 root) = (factsOf(ODD), rootOf(ODD));
        (uint256 funded, uint256 paid) = (distributor.funded(), distributor.paid());
        (address challenger, uint40 at) = distributor.challenger();
        address bondTo = upheld ? challenger : distributor.roleHolder("publisher");
        uint256 owed = distributor.bondOwed(bondTo);
        vm.prank(by);
        distributor.resolve(ODD, upheld);
        moved(before, root, 2, upheld ? 4 : 1, upheld ? uint40(before >> 128) : time + WINDOW);
        assert(time >= uint256(at) + 14 days ? upheld : by == distributor.roleHolder("arbiter"));
        uint256 kept = distributor.bondOwed(bondTo) - owed;
        assert(kept + token.balanceOf(bondTo) == distributor.bond());
        assert(distributor.funded() == funded && distributor.paid() == paid);
    }
}
