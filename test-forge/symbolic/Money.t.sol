// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IRoyaltyDistributor} from "../../contracts/interfaces/IRoyaltyDistributor.sol";
import {Places} from "./Places.sol";

/// @dev A wallet that signs everything.
contract Yes {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return this.isValidSignature.selector;
    }
}

/// @dev What claims do to the sums. Trees have one leaf, whose root it is. Which paths are left to the solver depends on
/// how busy the machine is; the usual one, yices, does not come to its end on some of them, z3 takes seconds.
/// @custom:halmos --solver z3
contract MoneyProof is Places {
    Yes internal wallet = new Yes();

    /// @dev What must be the same after, or differ by what was paid.
    struct Sums {
        uint256 funded;
        uint256 paid;
        uint256 claimed;
        uint256 limit;
    }

    /// @dev Before a claim: no total is above what was funded, which `check_a_proposal_…` shows of every proposal.
    function sums(uint64 epoch, address payee) internal view returns (Sums memory s) {
        (uint256 own, uint256 other) = (factsOf(epoch), factsOf(epoch ^ 1));
        bool newer = other >> 232 == 1 && uint64(other >> 168) > epoch && block.timestamp >= uint40(other >> 128);
        s = Sums(distributor.funded(), distributor.paid(), distributor.claimed(payee), uint120(own));
        if (newer && uint120(other) > s.limit) s.limit = uint120(other);
        vm.assume(s.limit <= s.funded);
    }

    function paidExactly(Sums memory s, address payee, address to, uint256 amount) internal view {
        assert(distributor.claimed(payee) == s.claimed + amount && s.claimed + amount >= s.claimed);
        assert(distributor.paid() == s.paid + amount);
        assert(distributor.funded() == s.funded);
        assert(amount == 0 || (distributor.paid() <= s.limit && amount <= s.limit));
        assert(token.balanceOf(to) == amount);
    }

    /// @dev Any cumulative sum, said as what it is more than what was claimed: the solver then subtracts nothing.
    function above(Sums memory s, uint256 more) internal pure returns (uint256 cumulative) {
        unchecked {
            return s.claimed + more;
        }
    }

    function claim(uint64 epoch, address payee, uint256 more, uint40 time) internal {
        vm.warp(time);
        Sums memory s = sums(epoch, payee);
        distributor.claim(epoch, payee, above(s, more), new bytes32[](0));
        assert(more != 0);
        paidExactly(s, payee, payee, more);
    }

    function check_a_claim_pays_what_is_new_odd(address payee, uint256 more, uint40 time) public {
        claim(ODD, payee, more, time);
    }

    function check_a_claim_pays_what_is_new_even(address payee, uint256 more, uint40 time) public {
        claim(EVEN, payee, more, time);
    }

    function check_a_claim_to_another_pays_what_was_signed(uint256 more, address to, uint256 signed, uint40 time)
        public
    {
        vm.warp(time);
        address payee = address(wallet);
        Sums memory s = sums(ODD, payee);
        (uint256 cumulative, uint256 limit) = (above(s, more), above(s, signed));
        distributor.claimTo(ODD, cumulative, new bytes32[](0), IRoyaltyDistributor.Reassign(payee, to, limit, time), "");
        assert(to != address(0) && to != address(distributor) && more != 0 && signed != 0);
        paidExactly(s, payee, to, cumulative < limit ? more : signed);
    }

    /// @dev The same claim twice: the second finds nothing due, unless the token refused the first.
    function check_a_batch_books_what_it_paid(address payee, uint256 more, address refused, uint40 time) public {
        vm.warp(time);
        token.refuse(refused);
        Sums memory s = sums(EVEN, payee);
        IRoyaltyDistributor.Claim[] memory both = new IRoyaltyDistributor.Claim[](2);
        both[0] = both[1] = IRoyaltyDistributor.Claim(payee, above(s, more), new bytes32[](0));
        uint256 moved = distributor.claimMany(EVEN, both);
        assert(moved == 0 || (payee != refused && moved == more && more != 0));
        paidExactly(s, payee, payee, moved);
    }

    function check_a_subtree_books_what_it_paid(address payee, uint256 more, address refused, uint40 time) public {
        vm.warp(time);
        token.refuse(refused);
        Sums memory s = sums(ODD, payee);
        IRoyaltyDistributor.Payment[] memory one = new IRoyaltyDistributor.Payment[](1);
        one[0] = IRoyaltyDistributor.Payment(payee, above(s, more));
        uint256 moved = distributor.claimSubtree(ODD, one, new bytes32[](0));
        assert(moved == 0 || (payee != refused && moved == more && more != 0));
        paidExactly(s, payee, payee, moved);
    }

    function check_funding_adds_what_arrived_and_nothing_else(address from, uint256 amount, bool direct) public {
        (uint256 funded, uint256 paid) = (distributor.funded(), distributor.paid());
        if (!direct) vm.prank(address(token));
        uint256 received = direct ? distributor.fund(amount, 0) : distributor.fundFrom(from, amount, 0);
        assert(received == amount && token.lastFrom() == (direct ? address(this) : from));
        assert(distributor.funded() == funded + amount && funded + amount <= type(uint120).max);
        assert(distributor.paid() == paid && token.balanceOf(address(distributor)) == amount);
    }

    function check_nobody_but_the_access_contract_takes_anothers_money(address by, address from, uint256 amount)
        public
    {
        vm.prank(by);
        distributor.fundFrom(from, amount, 0);
        assert(by == address(token));
    }
}
