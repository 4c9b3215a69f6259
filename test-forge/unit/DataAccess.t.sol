// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {DataAccess} from "../../contracts/DataAccess.sol";
import {RoyaltyDistributor} from "../../contracts/RoyaltyDistributor.sol";
import {IDataAccess} from "../../contracts/interfaces/IDataAccess.sol";
import {IRoyaltyDistributor} from "../../contracts/interfaces/IRoyaltyDistributor.sol";
import {FeeToken, NoReturnToken} from "../../contracts/mocks/HostileTokens.sol";
import {Token} from "../../contracts/mocks/Token.sol";
import {Wallet1271} from "../../contracts/mocks/Wallet1271.sol";
import {Base} from "../Base.sol";
import {Parrot} from "../Parrot.sol";

abstract contract AccessBase is Base {
    uint32 internal constant TRAIN = 1;
    uint32 internal constant TUNE = 1 << 8;
    uint128 internal constant PRICE = 250e6;
    uint128 internal constant DEPOSIT = 40e6;

    bytes32 internal datasetId;
    RoyaltyDistributor internal distributor;

    function setUp() public virtual override {
        super.setUp();
        datasetId = register();
        adopt(token, address(access));
    }

    /// @dev A distributor of this token for licenses of that contract; the licensee has money, and lets it take it.
    function adopt(Token by, address accessOf) internal {
        token = by;
        distributor =
            new RoyaltyDistributor(address(by), TERMS, 1 days, 1, 1, accessOf, owner, guardian, arbiter, publisher);
        by.mint(licensee, 1_000e6);
        vm.prank(licensee);
        by.approve(address(distributor), type(uint256).max);
    }

    function offered() internal view returns (IDataAccess.Offer memory) {
        return IDataAccess.Offer({
            datasetId: datasetId,
            holder: holder,
            transfers: 0,
            licensee: licensee,
            distributor: address(distributor),
            price: PRICE,
            expiry: FAR,
            purposes: TRAIN | TUNE,
            deadline: START + 1 days,
            noticeDays: 30,
            termsHash: TERMS,
            nonce: 1
        });
    }

    function handOver(address from, address to) internal {
        vm.prank(from);
        datasets.transfer(datasetId, to);
        vm.prank(to);
        datasets.acceptTransfer(datasetId);
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
        return access.accept(offer, holder, ROOT, MANIFEST, DEPOSIT, by);
    }

    function refused(IDataAccess.Offer memory offer, bytes memory why) internal {
        refused(licensee, offer, signature(offer), why);
    }

    /// @dev By both ways to accept; a permit that is none is passed over.
    function refused(address who, IDataAccess.Offer memory offer, bytes memory by, bytes memory why) internal {
        vm.expectRevert(why);
        vm.prank(who);
        access.accept(offer, holder, ROOT, MANIFEST, DEPOSIT, by);
        vm.expectRevert(why);
        vm.prank(who);
        access.acceptWithPermit(offer, holder, ROOT, MANIFEST, DEPOSIT, by, IDataAccess.Permit(FAR, 27, 0, 0));
    }

    function granted() internal view returns (IDataAccess.Grant memory) {
        return
            IDataAccess.Grant(holder, ROOT, MANIFEST, TERMS, licensee, address(distributor), FAR, TRAIN | TUNE, 30, 1);
    }

    function grant() internal returns (bytes32) {
        vm.prank(holder);
        return access.grant(granted());
    }
}

contract DataAccessAcceptTest is AccessBase {
    /// @dev What the distributor holds under a license is all that anybody paid.
    function assertPaid(uint256 amount) internal view {
        vm.assertEq(token.balanceOf(address(distributor)), amount);
        vm.assertEq(distributor.funded(), amount);
        vm.assertEq(token.balanceOf(licensee), 1_000e6 - amount);
        vm.assertEq(token.balanceOf(holder), 0);
    }

    function test_accept_makes_the_license_then_funds_it_with_price_and_deposit() public {
        IDataAccess.Offer memory offer = offered();
        bytes32 id = licenseOf(offer);
        bytes memory by = signature(offer);
        vm.expectEmit(address(access));
        emit IDataAccess.LicenseGranted(
            id, datasetId, licensee, holder, TERMS, TRAIN | TUNE, FAR, 30, address(distributor), PRICE
        );
        vm.expectEmit(address(distributor));
        emit IRoyaltyDistributor.Funded(licensee, id, PRICE + DEPOSIT);
        vm.prank(licensee);
        vm.assertEq(access.accept(offer, holder, ROOT, MANIFEST, DEPOSIT, by), id);
        assertPaid(PRICE + DEPOSIT);
        IDataAccess.License memory found = access.license(datasetId, id);
        vm.assertEq(found.licensee, licensee);
        vm.assertEq(found.expiry, FAR);
        vm.assertEq(found.purposes, TRAIN | TUNE);
        vm.assertEq(found.status, 1);
        vm.assertEq(found.noticeDays, 30);
    }

    function test_price_and_deposit_may_each_be_nothing_and_both_may_be_all() public {
        IDataAccess.Offer memory offer = offered();
        bytes memory by = signature(offer);
        vm.prank(licensee);
        access.accept(offer, holder, ROOT, MANIFEST, 0, by);
        assertPaid(PRICE);
        (offer.price, offer.nonce) = (0, 2);
        accept(offer);
        assertPaid(PRICE + DEPOSIT);
        (offer.price, offer.nonce) = (type(uint128).max, 3);
        by = signature(offer);
        vm.expectRevert(
            abi.encodeWithSignature(
                "ERC20InsufficientBalance(address,uint256,uint256)",
                licensee,
                1_000e6 - PRICE - DEPOSIT,
                2 * uint256(type(uint128).max)
            )
        );
        vm.prank(licensee);
        access.accept(offer, holder, ROOT, MANIFEST, type(uint128).max, by);
    }

    /// @dev Whatever the offer names: it is not looked at where nothing is to be paid.
    function test_accept_calls_nothing_where_nothing_is_to_be_paid() public {
        address[3] memory named = [address(0), address(0xdead), address(token)];
        for (uint256 i = 0; i < 3; ++i) {
            IDataAccess.Offer memory offer = offered();
            (offer.distributor, offer.price) = (named[i], 0);
            bytes memory by = signature(offer);
            vm.expectEmit(address(access));
            emit IDataAccess.LicenseGranted(
                licenseOf(offer), datasetId, licensee, holder, TERMS, TRAIN | TUNE, FAR, 30, named[i], 0
            );
            vm.prank(licensee);
            access.accept(offer, holder, ROOT, MANIFEST, 0, by);
        }
        assertPaid(0);
    }

    function test_accept_pays_no_account_without_code() public {
        IDataAccess.Offer memory offer = offered();
        offer.distributor = address(0xdead);
        refused(offer, abi.encodeWithSelector(IDataAccess.NoDistributor.selector, address(0xdead)));
        offer.price = 0; // the deposit is left
        refused(offer, abi.encodeWithSelector(IDataAccess.NoDistributor.selector, address(0xdead)));
    }

    function test_a_distributor_takes_no_money_for_another_access_contract() public {
        adopt(new Token(), address(new DataAccess(address(datasets), address(consents))));
        refused(offered(), abi.encodeWithSelector(IRoyaltyDistributor.NotAccess.selector, address(access)));
    }

    function test_accept_once() public {
        accept(offered());
        refused(offered(), abi.encodeWithSelector(IDataAccess.OfferUsed.selector, access.offerDigestOf(offered())));
        assertPaid(PRICE + DEPOSIT);
    }

    function test_an_open_offer_is_accepted_once_by_each() public {
        IDataAccess.Offer memory offer = offered();
        offer.licensee = address(0);
        offer.price = 0;
        bytes memory by = signature(offer);
        accept(offer);
        vm.prank(stranger);
        bytes32 theirs = access.accept(offer, holder, ROOT, MANIFEST, 0, by);
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
        access.accept(offered(), stranger, ROOT, MANIFEST, DEPOSIT, by);
        vm.expectRevert(why);
        access.accept(offered(), holder, MANIFEST, MANIFEST, DEPOSIT, by);
        vm.expectRevert(why);
        access.accept(offered(), holder, ROOT, ROOT, DEPOSIT, by);
        vm.stopPrank();
        IDataAccess.Offer memory offer = offered();
        offer.termsHash = REASON;
        refused(offer, why);
        offer = offered();
        offer.datasetId = datasets.datasetIdOf(holder, ROOT, MANIFEST, REASON);
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
        handOver(holder, stranger);
        refused(offered(), abi.encodeWithSelector(IDataAccess.NotHolder.selector, datasetId, holder));
    }

    function test_an_offer_ends_with_the_next_transfer() public {
        IDataAccess.Offer memory offer = offered();
        offer.transfers = 1;
        refused(offer, abi.encodeWithSelector(IDataAccess.WrongTransfers.selector, uint16(0), uint16(1)));
        handOver(holder, holder);
        refused(offered(), abi.encodeWithSelector(IDataAccess.WrongTransfers.selector, uint16(1), uint16(0)));
        accept(offer);
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
        offer.datasetId = datasets.datasetIdOf(address(wallet), ROOT, MANIFEST, TERMS);
        bytes memory by = signature(offer);
        vm.prank(licensee);
        access.accept(offer, address(wallet), ROOT, MANIFEST, DEPOSIT, by);
        assertPaid(PRICE + DEPOSIT);
    }

    function test_a_holder_pays_for_a_license_of_its_own_as_everybody_does() public {
        token.mint(holder, PRICE + DEPOSIT);
        vm.prank(holder);
        token.approve(address(distributor), PRICE + DEPOSIT);
        IDataAccess.Offer memory offer = offered();
        offer.licensee = holder;
        bytes memory by = signature(offer);
        vm.prank(holder);
        access.accept(offer, holder, ROOT, MANIFEST, DEPOSIT, by);
        vm.assertEq(distributor.funded(), PRICE + DEPOSIT);
        vm.assertEq(token.balanceOf(holder), 0);
    }

    function test_without_the_money_there_is_no_license() public {
        IDataAccess.Offer memory offer = offered();
        offer.price = 2_000e6;
        bytes memory by = signature(offer);
        vm.prank(licensee);
        vm.expectRevert();
        access.accept(offer, holder, ROOT, MANIFEST, DEPOSIT, by);
        vm.assertEq(access.license(datasetId, licenseOf(offer)).status, 0);
    }

    function test_price_and_deposit_arrive_in_full_or_nothing_happens() public {
        adopt(new FeeToken(), address(access));
        uint256 sum = PRICE + DEPOSIT;
        refused(offered(), abi.encodeWithSelector(IRoyaltyDistributor.TokenShortfall.selector, sum, sum - sum / 100));
    }

    function test_a_token_that_answers_nothing_is_fine() public {
        adopt(Token(address(new NoReturnToken())), address(access));
        accept(offered());
        assertPaid(PRICE + DEPOSIT);
    }

    function test_a_token_that_is_none_makes_no_license() public {
        distributor = new RoyaltyDistributor(
            address(0xdead), TERMS, 1 days, 1, 1, address(access), owner, guardian, arbiter, publisher
        );
        bytes memory by = signature(offered());
        vm.expectRevert();
        vm.prank(licensee);
        access.accept(offered(), holder, ROOT, MANIFEST, DEPOSIT, by);
    }

    // --- acceptWithPermit

    function permitted(uint256 value, uint256 deadline) internal view returns (IDataAccess.Permit memory) {
        bytes32 kind = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 content =
            keccak256(abi.encode(kind, licensee, address(distributor), value, token.nonces(licensee), deadline));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), content));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(LICENSEE_KEY, digest);
        return IDataAccess.Permit(deadline, v, r, s);
    }

    function allow(uint256 amount) internal {
        vm.prank(licensee);
        token.approve(address(distributor), amount);
    }

    function test_acceptWithPermit_needs_no_approval_before() public {
        allow(0);
        IDataAccess.Permit memory permit = permitted(PRICE + DEPOSIT, FAR);
        bytes memory by = signature(offered());
        vm.prank(licensee);
        access.acceptWithPermit(offered(), holder, ROOT, MANIFEST, DEPOSIT, by, permit);
        assertPaid(PRICE + DEPOSIT);
        vm.assertEq(token.allowance(licensee, address(distributor)), 0);
    }

    function test_acceptWithPermit_is_for_price_and_deposit_exactly() public {
        allow(0);
        bytes memory by = signature(offered());
        uint256[3] memory other = [uint256(PRICE), PRICE + DEPOSIT - 1, PRICE + DEPOSIT + 1];
        for (uint256 i = 0; i < 3; ++i) {
            IDataAccess.Permit memory permit = permitted(other[i], FAR);
            vm.expectRevert(
                abi.encodeWithSignature(
                    "ERC20InsufficientAllowance(address,uint256,uint256)", address(distributor), 0, PRICE + DEPOSIT
                )
            );
            vm.prank(licensee);
            access.acceptWithPermit(offered(), holder, ROOT, MANIFEST, DEPOSIT, by, permit);
        }
    }

    function test_acceptWithPermit_survives_a_front_runner() public {
        allow(0);
        IDataAccess.Permit memory permit = permitted(PRICE + DEPOSIT, FAR);
        bytes memory by = signature(offered());
        vm.prank(stranger);
        token.permit(licensee, address(distributor), PRICE + DEPOSIT, permit.deadline, permit.v, permit.r, permit.s);
        vm.prank(licensee);
        access.acceptWithPermit(offered(), holder, ROOT, MANIFEST, DEPOSIT, by, permit);
        assertPaid(PRICE + DEPOSIT);
    }

    function test_acceptWithPermit_of_what_is_free_moves_nothing() public {
        IDataAccess.Offer memory offer = offered();
        offer.price = 0;
        IDataAccess.Permit memory permit = permitted(0, FAR);
        bytes memory by = signature(offer);
        vm.prank(licensee);
        bytes32 id = access.acceptWithPermit(offer, holder, ROOT, MANIFEST, 0, by, permit);
        vm.assertEq(access.license(datasetId, id).status, 1);
        assertPaid(0);
    }

    /// @dev No code; code without `token()`; one that answers too little, reverts, or names a token that is none.
    function test_acceptWithPermit_says_in_words_that_there_is_no_token() public {
        address ofNone = address(
            new RoyaltyDistributor(
                address(0xdead), TERMS, 1 days, 1, 1, address(access), owner, guardian, arbiter, publisher
            )
        );
        address[5] memory named = [address(0), address(0xdead), address(token), address(new Parrot(hex"ffff")), ofNone];
        for (uint256 i = 0; i < 5; ++i) {
            IDataAccess.Offer memory offer = offered();
            (offer.distributor, offer.price) = (named[i], 0);
            bytes memory by = signature(offer);
            vm.expectRevert(abi.encodeWithSelector(IDataAccess.NoDistributor.selector, named[i]));
            vm.prank(licensee);
            access.acceptWithPermit(offer, holder, ROOT, MANIFEST, 0, by, IDataAccess.Permit(FAR, 27, 0, 0));
        }
    }

    function test_a_token_named_with_upper_bits_is_the_address_alone() public {
        IDataAccess.Offer memory offer = offered();
        offer.price = 0;
        offer.distributor = address(new Parrot(abi.encode(uint256(uint160(address(token))) | 7 << 160)));
        bytes memory by = signature(offer);
        vm.prank(licensee);
        access.acceptWithPermit(offer, holder, ROOT, MANIFEST, 0, by, IDataAccess.Permit(FAR, 27, 0, 0));
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
