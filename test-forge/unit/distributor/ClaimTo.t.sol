// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IRoyaltyDistributor} from "../../../contracts/interfaces/IRoyaltyDistributor.sol";
import {Wallet1271} from "../../../contracts/mocks/Wallet1271.sol";
import {Settled} from "./Settled.sol";

contract ClaimToTest is Settled {
    function reassigned(uint256 cumulative) internal pure returns (IRoyaltyDistributor.Reassign memory) {
        return IRoyaltyDistributor.Reassign(payee(3), vm.addr(VOICE_KEY), cumulative, FAR);
    }

    function claimTo(uint64 epoch, IRoyaltyDistributor.Reassign memory reassign) internal {
        claimTo(epoch, reassign, "");
    }

    /// @dev With the error that is expected, if any.
    function claimTo(uint64 epoch, IRoyaltyDistributor.Reassign memory reassign, bytes memory why) internal {
        bytes memory by = signed(PAYEE_KEY + 3, distributor.reassignDigest(reassign));
        if (why.length != 0) vm.expectRevert(why);
        distributor.claimTo(epoch, earned(3, epoch), proof(3), reassign, by);
    }

    function test_claimTo_pays_up_to_the_signed_sum_and_never_again() public {
        settle(1);
        settle(2);
        IRoyaltyDistributor.Reassign memory reassign = reassigned(earned(3, 1));
        bytes memory by = signed(PAYEE_KEY + 3, distributor.reassignDigest(reassign));
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.RoyaltyClaimed(payee(3), 2, voice, earned(3, 1), earned(3, 1));
        distributor.claimTo(2, earned(3, 2), proof(3), reassign, by);
        vm.assertEq(token.balanceOf(voice), earned(3, 1));
        claimTo(2, reassign, abi.encodeWithSelector(IRoyaltyDistributor.NothingDue.selector, payee(3)));
        claim(2, 3);
        vm.assertEq(token.balanceOf(payee(3)), earned(3, 2) - earned(3, 1));
        claimTo(2, reassign, abi.encodeWithSelector(IRoyaltyDistributor.NothingDue.selector, payee(3)));
    }

    function test_claimTo_pays_what_is_in_the_leaf_if_more_is_signed() public {
        settle(1);
        claimTo(1, reassigned(type(uint256).max));
        vm.assertEq(token.balanceOf(voice), earned(3, 1));
        vm.assertEq(distributor.claimed(payee(3)), earned(3, 1));
    }

    function test_claimTo_refuses_anothers_signature() public {
        settle(1);
        IRoyaltyDistributor.Reassign memory reassign = reassigned(earned(3, 1));
        bytes memory by = signed(PAYEE_KEY + 4, distributor.reassignDigest(reassign));
        bytes memory why = abi.encodeWithSelector(IRoyaltyDistributor.BadSignature.selector, payee(3));
        vm.expectRevert(why);
        distributor.claimTo(1, earned(3, 1), proof(3), reassign, by);
        by = signed(PAYEE_KEY + 3, distributor.reassignDigest(reassign));
        reassign.to = stranger;
        vm.expectRevert(why);
        distributor.claimTo(1, earned(3, 1), proof(3), reassign, by);
    }

    function test_claimTo_refuses_a_wrong_proof() public {
        settle(1);
        IRoyaltyDistributor.Reassign memory reassign = reassigned(earned(3, 1));
        bytes memory by = signed(PAYEE_KEY + 3, distributor.reassignDigest(reassign));
        vm.expectRevert(IRoyaltyDistributor.InvalidProof.selector);
        distributor.claimTo(1, earned(3, 1) + 1, proof(3), reassign, by);
    }

    function test_claimTo_waits_for_the_window_and_stops_for_a_challenge() public {
        propose(1);
        IRoyaltyDistributor.Reassign memory reassign = reassigned(earned(3, 1));
        claimTo(1, reassign, abi.encodeWithSelector(IRoyaltyDistributor.WindowOpen.selector, START + WINDOW));
        claimTo(2, reassign, abi.encodeWithSelector(IRoyaltyDistributor.WrongEpoch.selector, 0, 2));
        challenge(1);
        claimTo(1, reassign, abi.encodeWithSelector(IRoyaltyDistributor.UnderChallenge.selector, 1));
    }

    function test_claimTo_pays_no_more_than_the_total() public {
        plant(1);
        vm.prank(publisher);
        distributor.propose(1, nodes[0], earned(3, 1) - 1, HEAD, MANIFEST);
        vm.warp(START + WINDOW);
        bytes4 why = IRoyaltyDistributor.Overpaid.selector;
        claimTo(1, reassigned(earned(3, 1)), abi.encodeWithSelector(why, earned(3, 1) - 1, earned(3, 1)));
        claimTo(1, reassigned(earned(3, 1) - 1));
        vm.assertEq(token.balanceOf(voice), earned(3, 1) - 1);
    }

    function test_claimTo_has_a_deadline_and_a_receiver() public {
        settle(1);
        IRoyaltyDistributor.Reassign memory reassign = reassigned(earned(3, 1));
        reassign.deadline = block.timestamp - 1;
        claimTo(1, reassign, abi.encodeWithSelector(IRoyaltyDistributor.SignatureExpired.selector, block.timestamp - 1));
        reassign.deadline = block.timestamp;
        address[2] memory nowhere = [address(0), address(distributor)];
        for (uint256 i = 0; i < 2; ++i) {
            reassign.to = nowhere[i];
            claimTo(1, reassign, abi.encodeWithSelector(IRoyaltyDistributor.InvalidRecipient.selector, nowhere[i]));
        }
        reassign.to = voice;
        claimTo(1, reassign);
    }

    function test_claimTo_takes_the_word_of_a_contract_wallet() public {
        Wallet1271 wallet = new Wallet1271(voice);
        bytes32 root = leaf(address(wallet), 7);
        vm.prank(publisher);
        distributor.propose(1, root, 7, HEAD, MANIFEST);
        vm.warp(START + WINDOW);
        IRoyaltyDistributor.Reassign memory reassign = IRoyaltyDistributor.Reassign(address(wallet), voice, 7, FAR);
        bytes memory by = signed(VOICE_KEY, distributor.reassignDigest(reassign));
        distributor.claimTo(1, 7, new bytes32[](0), reassign, by);
        vm.assertEq(token.balanceOf(voice), 7);
    }
}
