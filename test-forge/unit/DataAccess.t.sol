// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IDataAccess} from "../../contracts/interfaces/IDataAccess.sol";
import {FeeToken, NoReturnToken} from "../../contracts/mocks/HostileTokens.sol";
import {Token} from "../../contracts/mocks/Token.sol";
import {Wallet1271} from "../../contracts/mocks/Wallet1271.sol";
import {Base} from "../Base.sol";

abstract contract AccessBase is Base {
    uint32 internal constant TRAIN = 1;
    uint32 internal constant TUNE = 1 << 8;
    uint128 internal constant PRICE = 250e6;

    bytes32 internal datasetId;

    function setUp() public virtual override {
        super.setUp();
        datasetId = register();
        token.mint(licensee, 1_000e6);
        vm.prank(licensee);
        token.approve(address(access), type(uint256).max);
    }

    function offered() internal view returns (IDataAccess.Offer memory) {
        return IDataAccess.Offer(
            datasetId, holder, licensee, address(token), PRICE, FAR, TRAIN | TUNE, START + 1 days, 30, TERMS, 1
        );
    }

    function licenseOf(IDataAccess.Offer memory offer) internal view returns (bytes32) {
        return access.licenseIdOf(access.offerDigestOf(offer), licensee);
    }

    function signature(IDataAccess.Offer memory offer) internal view returns (bytes memory) {
        return signed(HOLDER_KEY, access.offerDigestOf(offer));
    }

    function accept(IDataAccess.Offer memory offer) internal returns (bytes32) {
        bytes memory by = signature(offer);
        vm.prank(licensee);
        return access.accept(offer, holder, ROOT, by);
    }

    function refused(IDataAccess.Offer memory offer, bytes memory why) internal {
        refused(licensee, offer, signature(offer), why);
    }

    /// @dev By both ways to accept; a permit that is none is passed over.
    function refused(address who, IDataAccess.Offer memory offer, bytes memory by, bytes memory why) internal {
        vm.expectRevert(why);
        vm.prank(who);
        access.accept(offer, holder, ROOT, by);
        vm.expectRevert(why);
        vm.prank(who);
        access.acceptWithPermit(offer, holder, ROOT, by, IDataAccess.Permit(FAR, 27, 0, 0));
    }

    function granted() internal view returns (IDataAccess.Grant memory) {
        return IDataAccess.Grant(holder, ROOT, TERMS, licensee, FAR, TRAIN | TUNE, 30, 1);
    }

    function grant() internal returns (bytes32) {
        vm.prank(holder);
        return access.grant(granted());
    }
}

contract DataAccessAcceptTest is AccessBase {
    function test_accept_pays_the_holder_and_makes_the_license() public {
        IDataAccess.Offer memory offer = offered();
        bytes32 id = licenseOf(offer);
        bytes memory by = signature(offer);
        vm.expectEmit(address(access));
        emit IDataAccess.LicenseGranted(
            id, datasetId, licensee, holder, TERMS, TRAIN | TUNE, FAR, 30, address(token), PRICE
        );
        vm.prank(licensee);
        vm.assertEq(access.accept(offer, holder, ROOT, by), id);
        vm.assertEq(token.balanceOf(holder), PRICE);
        IDataAccess.License memory found = access.license(datasetId, id);
        vm.assertEq(found.licensee, licensee);
        vm.assertEq(found.expiry, FAR);
        vm.assertEq(found.purposes, TRAIN | TUNE);
        vm.assertEq(found.status, 1);
        vm.assertEq(found.noticeDays, 30);
    }

    function test_accept_once() public {
        accept(offered());
        refused(offered(), abi.encodeWithSelector(IDataAccess.OfferUsed.selector, access.offerDigestOf(offered())));
        vm.assertEq(token.balanceOf(holder), PRICE);
    }

    function test_an_open_offer_is_accepted_once_by_each() public {
        IDataAccess.Offer memory offer = offered();
        offer.licensee = address(0);
        offer.price = 0;
        bytes memory by = signature(offer);
        accept(offer);
        vm.prank(stranger);
        bytes32 theirs = access.accept(offer, holder, ROOT, by);
        vm.assertEq(access.license(datasetId, theirs).licensee, stranger);
        refused(offer, abi.encodeWithSelector(IDataAccess.OfferUsed.selector, access.offerDigestOf(offer)));
    }

    function test_a_targeted_offer_is_for_its_licensee() public {
        bytes memory why = abi.encodeWithSelector(IDataAccess.WrongLicensee.selector, licensee);
        refused(stranger, offered(), signature(offered()), why);
    }

    function test_accept_opens_the_dataset_id() public {
        bytes memory why = abi.encodeWithSelector(IDataAccess.UnknownDataset.selector, datasetId);
        bytes memory by = signature(offered());
        vm.startPrank(licensee);
        vm.expectRevert(why);
        access.accept(offered(), stranger, ROOT, by);
        vm.expectRevert(why);
        access.accept(offered(), holder, MANIFEST, by);
        vm.stopPrank();
        IDataAccess.Offer memory offer = offered();
        offer.termsHash = REASON;
        refused(offer, why);
        offer = offered();
        offer.datasetId = datasets.datasetIdOf(holder, ROOT, REASON);
        offer.termsHash = REASON;
        refused(offer, abi.encodeWithSelector(IDataAccess.UnknownDataset.selector, offer.datasetId));
    }

    function test_accept_refuses_a_signature_of_another_offer_or_signer() public {
        IDataAccess.Offer memory offer = offered();
        bytes memory by = signature(offer);
        bytes memory why = abi.encodeWithSelector(IDataAccess.BadSignature.selector, holder);
        offer.price = 1;
        refused(licensee, offer, by, why);
        refused(licensee, offered(), signed(LICENSEE_KEY, access.offerDigestOf(offered())), why);
        vm.chainId(block.chainid + 1);
        why = abi.encodeWithSelector(IDataAccess.UnknownDataset.selector, datasetId);
        refused(licensee, offered(), by, why);
    }

    function test_accept_refuses_who_holds_the_dataset_no_more() public {
        vm.prank(holder);
        datasets.transfer(datasetId, stranger);
        vm.prank(stranger);
        datasets.acceptTransfer(datasetId);
        refused(offered(), abi.encodeWithSelector(IDataAccess.NotHolder.selector, datasetId, holder));
    }

    function test_accept_needs_an_active_dataset() public {
        setStatus(holder, datasetId, 2);
        refused(offered(), abi.encodeWithSelector(IDataAccess.DatasetInactive.selector, datasetId, uint8(2)));
        setStatus(guardian, datasetId, 4);
        refused(offered(), abi.encodeWithSelector(IDataAccess.DatasetInactive.selector, datasetId, uint8(4)));
        setStatus(guardian, datasetId, 2);
        setStatus(holder, datasetId, 1);
        accept(offered());
    }

    function test_accept_counts_until_the_deadline() public {
        vm.warp(START + 1 days + 1);
        refused(offered(), abi.encodeWithSelector(IDataAccess.OfferExpired.selector, START + 1 days));
        vm.warp(START + 1 days);
        accept(offered());
    }

    function test_accept_refuses_terms_that_grant_nothing() public {
        IDataAccess.Offer memory offer = offered();
        offer.expiry = START;
        refused(offer, abi.encodeWithSelector(IDataAccess.ExpiryPassed.selector, START));
        offer = offered();
        offer.purposes = 0;
        refused(offer, abi.encodeWithSelector(IDataAccess.NotOnePurpose.selector, uint32(0)));
        offer.purposes = TRAIN | 0x80008000;
        refused(offer, abi.encodeWithSelector(IDataAccess.ReservedPurpose.selector, uint32(0x80008000)));
    }

    function test_accept_takes_the_word_of_a_contract_wallet() public {
        Wallet1271 wallet = new Wallet1271(holder);
        wallet.execute(address(datasets), abi.encodeCall(datasets.register, (ROOT, MANIFEST, TERMS, SPLITS, uint32(3))));
        IDataAccess.Offer memory offer = offered();
        offer.holder = address(wallet);
        offer.datasetId = datasets.datasetIdOf(address(wallet), ROOT, TERMS);
        bytes memory by = signature(offer);
        vm.prank(licensee);
        access.accept(offer, address(wallet), ROOT, by);
        vm.assertEq(token.balanceOf(address(wallet)), PRICE);
    }

    function test_nobody_pays_itself() public {
        IDataAccess.Offer memory offer = offered();
        offer.licensee = holder;
        bytes memory by = signature(offer);
        vm.prank(holder);
        access.accept(offer, holder, ROOT, by);
    }

    function test_without_the_money_there_is_no_license() public {
        IDataAccess.Offer memory offer = offered();
        offer.price = 2_000e6;
        bytes memory by = signature(offer);
        vm.prank(licensee);
        vm.expectRevert();
        access.accept(offer, holder, ROOT, by);
        vm.assertEq(access.license(datasetId, licenseOf(offer)).status, 0);
    }

    function test_the_holder_receives_the_price_in_full_or_nothing_happens() public {
        FeeToken fee = new FeeToken();
        fee.mint(licensee, PRICE);
        vm.prank(licensee);
        fee.approve(address(access), PRICE);
        IDataAccess.Offer memory offer = offered();
        offer.token = address(fee);
        refused(offer, abi.encodeWithSelector(IDataAccess.TokenShortfall.selector, PRICE, PRICE - PRICE / 100));
    }

    function test_a_token_that_answers_nothing_is_fine() public {
        NoReturnToken old = new NoReturnToken();
        old.mint(licensee, PRICE);
        vm.prank(licensee);
        old.approve(address(access), PRICE);
        IDataAccess.Offer memory offer = offered();
        offer.token = address(old);
        accept(offer);
        vm.assertEq(old.balanceOf(holder), PRICE);
    }

    function test_a_token_that_is_none_makes_no_license() public {
        IDataAccess.Offer memory offer = offered();
        offer.token = address(0xdead);
        bytes memory by = signature(offer);
        vm.expectRevert();
        vm.prank(licensee);
        access.accept(offer, holder, ROOT, by);
    }

    // --- acceptWithPermit

    function permitted(uint256 value, uint256 deadline) internal view returns (IDataAccess.Permit memory) {
        bytes32 kind = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 content =
            keccak256(abi.encode(kind, licensee, address(access), value, token.nonces(licensee), deadline));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), content));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(LICENSEE_KEY, digest);
        return IDataAccess.Permit(deadline, v, r, s);
    }

    function test_acceptWithPermit_needs_no_approval_before() public {
        vm.prank(licensee);
        token.approve(address(access), 0);
        IDataAccess.Permit memory permit = permitted(PRICE, FAR);
        bytes memory by = signature(offered());
        vm.prank(licensee);
        access.acceptWithPermit(offered(), holder, ROOT, by, permit);
        vm.assertEq(token.balanceOf(holder), PRICE);
        vm.assertEq(token.allowance(licensee, address(access)), 0);
    }

    function test_acceptWithPermit_survives_a_front_runner() public {
        vm.prank(licensee);
        token.approve(address(access), 0);
        IDataAccess.Permit memory permit = permitted(PRICE, FAR);
        bytes memory by = signature(offered());
        vm.prank(stranger);
        token.permit(licensee, address(access), PRICE, permit.deadline, permit.v, permit.r, permit.s);
        vm.prank(licensee);
        access.acceptWithPermit(offered(), holder, ROOT, by, permit);
        vm.assertEq(token.balanceOf(holder), PRICE);
    }

    // --- cancelOffer

    function test_cancelOffer_ends_a_targeted_and_an_open_offer() public {
        for (uint256 open = 0; open < 2; ++open) {
            IDataAccess.Offer memory offer = offered();
            if (open == 1) offer.licensee = address(0);
            bytes32 digest = access.offerDigestOf(offer);
            vm.expectEmit(address(access));
            emit IDataAccess.OfferCancelled(holder, digest);
            vm.prank(holder);
            vm.assertEq(access.cancelOffer(offer), digest);
            refused(offer, abi.encodeWithSelector(IDataAccess.OfferUsed.selector, digest));
            vm.expectRevert(abi.encodeWithSelector(IDataAccess.OfferUsed.selector, digest));
            vm.prank(holder);
            access.cancelOffer(offer);
        }
    }

    function test_cancelOffer_leaves_licenses_alone() public {
        IDataAccess.Offer memory offer = offered();
        offer.licensee = address(0);
        bytes32 id = accept(offer);
        vm.prank(holder);
        access.cancelOffer(offer);
        vm.assertEq(access.checkLicense(datasetId, id, licensee, TRAIN), 0);
        accept(offered());
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.OfferUsed.selector, access.offerDigestOf(offered())));
        vm.prank(holder);
        access.cancelOffer(offered());
    }

    function test_cancelOffer_by_its_holder_alone() public {
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.NotHolder.selector, datasetId, stranger));
        vm.prank(stranger);
        access.cancelOffer(offered());
    }

    function test_a_cancelled_offer_is_no_license() public {
        vm.prank(holder);
        access.cancelOffer(offered());
        bytes32 id = licenseOf(offered());
        vm.assertEq(access.checkLicense(datasetId, id, licensee, TRAIN), 1);
        vm.assertEq(access.checkLicense(datasetId, id, address(0), TRAIN), 1);
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.LicenseInactive.selector, id, uint8(3)));
        vm.prank(licensee);
        access.recordAccess(datasetId, id, TRAIN, 1, REASON);
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.LicenseInactive.selector, id, uint8(3)));
        vm.prank(holder);
        access.terminate(datasetId, id, REASON);
    }
}
