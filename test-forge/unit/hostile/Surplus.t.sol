// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IDataAccess} from "../../../contracts/interfaces/IDataAccess.sol";
import {IRoyaltyDistributor} from "../../../contracts/interfaces/IRoyaltyDistributor.sol";
import {ReentrantToken} from "../../../contracts/mocks/HostileTokens.sol";
import {Token} from "../../../contracts/mocks/Token.sol";
import {Settled} from "../distributor/Settled.sol";

/// @dev Adds one to whatever it moves between two accounts.
contract GenerousToken is Token {
    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0) && to != address(0)) super._update(address(0), to, 1);
    }
}

contract SurplusTest is Settled {
    function test_what_arrives_beyond_the_amount_is_credited() public {
        adopt(new GenerousToken());
        vm.assertEq(distributor.funded(), FUNDS / 2 + 1);
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.Funded(licensee, REASON, 6);
        vm.prank(licensee);
        vm.assertEq(distributor.fund(5, REASON), 6);
    }

    function test_a_license_is_funded_with_all_that_arrives() public {
        adopt(new GenerousToken());
        uint256 before = distributor.funded();
        IDataAccess.Offer memory offer =
            IDataAccess.Offer(register(), holder, 0, licensee, address(distributor), 10, FAR, 1, START, 0, TERMS, 1);
        bytes memory by = signed(HOLDER_KEY, access.offerDigestOf(offer));
        bytes32 license = access.licenseIdOf(access.offerDigestOf(offer), licensee);
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.Funded(licensee, license, 11);
        vm.prank(licensee);
        access.accept(offer, holder, ROOT, MANIFEST, 0, by);
        vm.assertEq(access.license(offer.datasetId, license).licensee, licensee);
        vm.assertEq(distributor.funded(), before + 11);
    }

    /// @dev The lock is then the whole word.
    function test_nothing_enters_before_the_first_money_has_come() public {
        ReentrantToken evil = new ReentrantToken();
        found(evil);
        evil.mint(licensee, 5);
        vm.prank(licensee);
        evil.approve(address(distributor), 5);
        evil.arm(address(distributor), abi.encodeCall(distributor.fund, (0, REASON)));
        vm.prank(licensee);
        distributor.fund(5, REASON);
        vm.assertFalse(evil.entered());
        vm.assertEq(bytes32(bytes4(evil.answer())), bytes32(IRoyaltyDistributor.Reentered.selector));
        vm.assertEq(distributor.funded(), 5);
    }

    function test_claimSubtree_of_256_payees_is_proved() public {
        settle(1);
        vm.expectRevert(IRoyaltyDistributor.InvalidProof.selector);
        distributor.claimSubtree(1, new IRoyaltyDistributor.Payment[](256), new bytes32[](0));
    }
}
