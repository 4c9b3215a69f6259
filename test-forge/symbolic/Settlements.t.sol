// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IRoyaltyDistributor} from "../../contracts/interfaces/IRoyaltyDistributor.sol";
import {Places} from "./Places.sol";

/// @dev What becomes of a settlement's word. Storage holds anything before; epochs are a number with each last bit.
contract SettlementsProof is Places {
    uint256 internal constant BY_EXIT = 1 << 120;

    function rootOf(uint64 epoch) internal view returns (bytes32) {
        return bytes32(word(SLOTS + 2 * (epoch & 1)));
    }

    function wordOf(uint256 total, uint256 activeAt, uint64 epoch, uint256 status) internal pure returns (uint256) {
        return total + activeAt * 2 ** 128 + uint256(epoch) * 2 ** 168 + status * 2 ** 232;
    }

    struct Before {
        uint256 own;
        uint256 last;
        bytes32 lastRoot;
        uint256 funded;
        uint256 publisher;
        uint256 exit;
    }

    function before(uint64 epoch, uint40 time) internal returns (Before memory b) {
        vm.warp(time);
        vm.assume(time < type(uint40).max - 14 days);
        b = Before(factsOf(epoch), factsOf(epoch ^ 1), rootOf(epoch ^ 1), distributor.funded(), word(PUBLISHERS), 0);
        b.exit = distributor.exitOpensAt();
    }

    /// @dev What holds of every proposal, whoever makes it.
    function proposed(Before memory b, uint64 epoch, bytes32 root, uint256 total, uint256 mark, uint256 activeAt)
        internal
        view
    {
        assert(factsOf(epoch) == wordOf(total, activeAt, epoch, 1) + mark && rootOf(epoch) == root && root != 0);
        assert(factsOf(epoch ^ 1) == b.last && rootOf(epoch ^ 1) == b.lastRoot && !isPending(b.last));
        assert(total >= uint120(b.last) && total <= b.funded && epoch == uint64(b.last >> 168) + 1);
        assert(block.timestamp >= uint40(b.publisher >> 160));
        IRoyaltyDistributor.Settlement memory s = distributor.settlement(epoch);
        assert(s.root == root && s.total == total && s.activeAt == activeAt && s.epoch == epoch && s.status == 1);
        assert(s.byExit == (mark != 0));
    }

    function byPublisher(uint64 epoch, bytes32 root, uint256 total, address by, uint40 time) internal {
        Before memory b = before(epoch, time);
        vm.assume(by == address(uint160(b.publisher)));
        vm.prank(by);
        distributor.propose(epoch, root, total, root, root);
        proposed(b, epoch, root, total, 0, time + WINDOW);
        assert(b.publisher >> 200 != 0 && word(PUBLISHERS) == b.publisher);
        // What was pending there is the exit's, and not challenged.
        assert(uint64(b.own >> 168) <= uint64(b.last >> 168) || !isPending(b.own) || b.own >> 232 == 1);
        assert(uint64(b.own >> 168) <= uint64(b.last >> 168) || !isPending(b.own) || b.own & BY_EXIT != 0);
    }

    function check_a_publishers_proposal_is_funded_and_leaves_the_active_one_alone_odd(
        bytes32 root,
        uint256 total,
        address by,
        uint40 time
    ) public {
        byPublisher(ODD, root, total, by, time);
    }

    function check_a_publishers_proposal_is_funded_and_leaves_the_active_one_alone_even(
        bytes32 root,
        uint256 total,
        address by,
        uint40 time
    ) public {
        byPublisher(EVEN, root, total, by, time);
    }

    function check_a_proposal_by_the_exit_brings_its_stake_and_comes_late(
        bytes32 root,
        uint256 total,
        address by,
        uint40 time
    ) public {
        Before memory b = before(ODD, time);
        vm.assume(by != address(uint160(b.publisher)));
        address held = exitProposer();
        uint256 owed = owedWord(held);
        vm.prank(by);
        distributor.propose(ODD, root, total, root, root);
        proposed(b, ODD, root, total, BY_EXIT, time + 14 days);
        assert(time >= b.exit && exitProposer() == by && word(PUBLISHERS) == b.publisher);
        assert(uint64(b.own >> 168) <= uint64(b.last >> 168) || !isPending(b.own));
        assert(token.balanceOf(address(distributor)) == (held == by ? 0 : STAKE));
        if (held != by && held != address(0)) assert(owedWord(held) == owed + STAKE);
        else assert(owedWord(held) == owed);
    }

    /// @dev Root, total, mark and epoch stay; the status goes from one to the other.
    function moved(uint256 facts, bytes32 root, uint256 from, uint256 to, uint256 activeAt) internal view {
        uint64 epoch = uint64(facts >> 168);
        assert(epoch == ODD && facts == wordOf(uint128(facts), uint40(facts >> 128), epoch, from));
        assert(factsOf(ODD) == wordOf(uint128(facts), activeAt, epoch, to) && rootOf(ODD) == root);
    }

    function check_a_veto_comes_in_time_and_changes_the_status_of_its_root_alone(address by, bytes32 given, uint40 time)
        public
    {
        vm.warp(time);
        (uint256 facts, bytes32 root) = (factsOf(ODD), rootOf(ODD));
        vm.prank(by);
        distributor.veto(ODD, given, 0);
        moved(facts, root, 1, 3, uint40(facts >> 128));
        assert(time < uint40(facts >> 128) && by == distributor.roleHolder("guardian") && given == root);
    }

    function check_a_challenge_comes_in_time_with_its_bond_outside_the_sums(address by, bytes32 given, uint40 time)
        public
    {
        vm.warp(time);
        (uint256 facts, bytes32 root) = (factsOf(ODD), rootOf(ODD));
        (uint256 funded, uint256 paid) = (distributor.funded(), distributor.paid());
        vm.prank(by);
        distributor.challenge(ODD, given, 0);
        moved(facts, root, 1, 2, uint40(facts >> 128));
        assert(word(CHALLENGE) == uint160(by) + uint256(time) * 2 ** 160);
        assert(time < uint40(facts >> 128) && given == root);
        assert(distributor.funded() == funded && distributor.paid() == paid);
        assert(token.balanceOf(address(distributor)) == BOND);
    }

    struct Stood {
        uint256 facts;
        bytes32 root;
        uint256 ledger;
        uint256 publisher;
        address proposer;
        address challenger;
        uint256 won; // what was owed before to who wins now
    }

    function stood() internal view returns (Stood memory s) {
        s = Stood(
            factsOf(ODD), rootOf(ODD), word(4), word(PUBLISHERS), address(0), address(uint160(word(CHALLENGE))), 0
        );
        bool byExit = s.facts & BY_EXIT != 0;
        s.proposer = byExit ? exitProposer() : address(uint160(s.publisher));
    }

    /// @dev Sums are what they were, and no token was called.
    function unmoved(Stood memory s) internal view {
        assert(word(4) == s.ledger);
        assert(token.balanceOf(s.challenger) == 0 && token.balanceOf(s.proposer) == 0);
    }

    function check_upheld_the_challenger_is_owed_its_bond_and_half_the_stake(address by, uint40 time) public {
        vm.warp(time);
        Stood memory s = stood();
        vm.assume(time < (word(CHALLENGE) >> 160) + 14 days);
        s.won = owedWord(s.challenger);
        vm.prank(by);
        distributor.resolve(ODD, s.root, s.challenger, true);
        moved(s.facts, s.root, 2, 4, uint40(s.facts >> 128));
        assert(by == distributor.roleHolder("arbiter"));
        assert(owedWord(s.challenger) == s.won + BOND + STAKE / 2);
        if (s.facts & BY_EXIT != 0) assert(exitProposer() == address(0) && word(PUBLISHERS) == s.publisher);
        else assert(word(PUBLISHERS) == s.publisher ^ 1 << 200);
        unmoved(s);
    }

    function check_dismissed_the_proposer_is_owed_half_the_bond_and_the_whole_window_opens(address by, uint40 time)
        public
    {
        vm.warp(time);
        vm.assume(time < type(uint40).max - 14 days);
        Stood memory s = stood();
        (s.won) = owedWord(s.proposer);
        vm.prank(by);
        distributor.resolve(ODD, s.root, s.challenger, false);
        moved(s.facts, s.root, 2, 1, time + (s.facts & BY_EXIT != 0 ? 14 days : WINDOW));
        assert(by == distributor.roleHolder("arbiter") && time < (word(CHALLENGE) >> 160) + 14 days);
        assert(owedWord(s.proposer) == s.won + BOND / 2 && word(PUBLISHERS) == s.publisher);
        unmoved(s);
    }

    function check_silence_moves_no_stake_and_the_bond_waits(address by, bool upheld, uint40 time) public {
        vm.warp(time);
        Stood memory s = stood();
        vm.assume(time >= (word(CHALLENGE) >> 160) + 14 days);
        s.won = owedWord(s.challenger);
        vm.assume(uint32(s.won >> 160) < type(uint32).max && uint160(s.won) < 2 ** 150);
        vm.prank(by);
        distributor.resolve(ODD, s.root, s.challenger, upheld);
        assert(upheld);
        moved(s.facts, s.root, 2, 4, uint40(s.facts >> 128));
        uint256 present = owedWord(s.challenger);
        bool again = s.won >> 192 == ODD;
        assert(present >> 192 == ODD && uint32(present >> 160) == (again ? uint32(s.won >> 160) + 1 : 1));
        assert(uint160(present) == uint160(s.won) + (again ? 0 : uint32(s.won >> 160) * BOND));
        assert(word(PUBLISHERS) == s.publisher);
        unmoved(s);
    }

    function check_a_ruling_touches_no_root_and_no_challenge_but_its_own(bytes32 given, address named, bool upheld)
        public
    {
        vm.warp(0);
        (bytes32 root, address by) = (rootOf(ODD), address(uint160(word(CHALLENGE))));
        vm.prank(distributor.roleHolder("arbiter"));
        distributor.resolve(ODD, given, named, upheld);
        assert(given == root && named == by);
    }
}
