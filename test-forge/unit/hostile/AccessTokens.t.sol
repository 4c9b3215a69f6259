// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IDataAccess} from "../../../contracts/interfaces/IDataAccess.sol";
import {BlacklistToken, HookToken, NoReturnToken, ReentrantToken} from "../../../contracts/mocks/HostileTokens.sol";
import {Token} from "../../../contracts/mocks/Token.sol";
import {AccessBase} from "../DataAccess.t.sol";

/// @dev Both ways to accept an offer, against every token of the failure table.
contract AccessTokensTest is AccessBase {
    IDataAccess.Permit internal noPermit;

    function pay(Token by) internal returns (IDataAccess.Offer memory) {
        adopt(by, address(access));
        return offered();
    }

    /// @dev Accepts in one of the two ways, with a bounded amount of gas.
    function tried(IDataAccess.Offer memory offer, bool withPermit) internal returns (bool ok) {
        bytes memory by = signature(offer);
        bytes memory data = withPermit
            ? abi.encodeCall(access.acceptWithPermit, (offer, holder, ROOT, MANIFEST, DEPOSIT, by, noPermit))
            : abi.encodeCall(access.accept, (offer, holder, ROOT, MANIFEST, DEPOSIT, by));
        vm.prank(licensee);
        (ok,) = address(access).call{gas: 2_000_000}(data);
        vm.assertEq(access.license(datasetId, licenseOf(offer)).status, ok ? 1 : 0);
        vm.assertEq(token.balanceOf(address(distributor)), ok ? PRICE + DEPOSIT : 0);
        vm.assertEq(distributor.funded(), ok ? PRICE + DEPOSIT : 0);
    }

    function test_there_is_no_license_without_the_price_whatever_the_token_says() public {
        for (uint256 way = 0; way < 2; ++way) {
            HookToken hook = new HookToken();
            IDataAccess.Offer memory offer = pay(hook);
            for (uint256 mood = 1; mood <= 5; ++mood) {
                hook.set(address(distributor), HookToken.Mood(mood));
                vm.assertFalse(tried(offer, way == 1));
            }
            hook.set(address(distributor), HookToken.Mood.LongTrue);
            vm.assertTrue(tried(offer, way == 1));
        }
    }

    function test_there_is_no_license_where_the_token_lists_the_distributor() public {
        BlacklistToken listing = new BlacklistToken();
        IDataAccess.Offer memory offer = pay(listing);
        listing.list(address(distributor), true);
        vm.assertFalse(tried(offer, false));
        vm.assertFalse(tried(offer, true));
        listing.list(address(distributor), false);
        vm.assertTrue(tried(offer, false));
    }

    function test_acceptWithPermit_does_without_a_permit_that_the_token_refuses() public {
        for (uint256 mood = 2; mood <= 5; ++mood) {
            HookToken hook = new HookToken();
            IDataAccess.Offer memory offer = pay(hook);
            hook.set(licensee, HookToken.Mood(mood));
            // A burner leaves a 64th, which is too little for the rest.
            vm.assertEq(tried(offer, true), HookToken.Mood(mood) != HookToken.Mood.BurnsGas);
        }
    }

    function test_acceptWithPermit_takes_a_token_that_has_none_and_answers_nothing() public {
        vm.assertTrue(tried(pay(Token(address(new NoReturnToken()))), true));
    }

    function test_accept_entered_again_finds_the_offer_used() public {
        for (uint256 way = 0; way < 4; ++way) {
            ReentrantToken evil = new ReentrantToken();
            licensee = address(evil);
            IDataAccess.Offer memory offer = pay(evil);
            if (way % 2 == 1) offer.licensee = address(0);
            bytes memory by = signature(offer);
            bytes memory again = way < 2
                ? abi.encodeCall(access.accept, (offer, holder, ROOT, MANIFEST, DEPOSIT, by))
                : abi.encodeCall(access.acceptWithPermit, (offer, holder, ROOT, MANIFEST, DEPOSIT, by, noPermit));
            evil.arm(address(access), again);
            vm.assertTrue(tried(offer, way >= 2));
            vm.assertFalse(evil.entered());
            vm.assertEq(
                evil.answer(), abi.encodeWithSelector(IDataAccess.OfferUsed.selector, access.offerDigestOf(offer))
            );
        }
    }
}
