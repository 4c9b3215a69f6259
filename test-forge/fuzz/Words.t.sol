// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IDataAccess} from "../../contracts/interfaces/IDataAccess.sol";
import {IDatasetRegistry} from "../../contracts/interfaces/IDatasetRegistry.sol";
import {Purposes} from "../../contracts/libraries/Purposes.sol";
import {Base} from "../Base.sol";

/// @dev The packed words keep every field of every value.
contract WordsFuzz is Base {
    function testFuzz_a_dataset_keeps_its_fields(address who, uint32 items, uint40 time, bytes32 root) public {
        // A guardian who holds a dataset acts on it as its holder.
        vm.assume(who != address(0) && who != guardian && items != 0 && root != 0);
        vm.warp(time);
        vm.prank(who);
        bytes32 id = datasets.register(root, MANIFEST, TERMS, SPLITS, items);
        setStatus(guardian, id, 4);
        IDatasetRegistry.Dataset memory found = datasets.dataset(id);
        vm.assertEq(found.holder, who);
        vm.assertEq(found.registeredAt, time);
        vm.assertEq(found.items, items);
        vm.assertEq(found.status, 4);
        vm.assertEq(datasets.holderStatus(id), 1);
    }

    function testFuzz_a_license_keeps_its_fields(IDataAccess.Grant memory terms, uint40 time) public {
        terms.registrant = holder;
        terms.manifestRoot = ROOT;
        terms.termsHash = TERMS;
        terms.purposes = 1 + terms.purposes % Purposes.KNOWN;
        terms.expiry = START + 1 + terms.expiry % (type(uint40).max - START); // nearly half of all words are before
        vm.assume(terms.licensee != address(0) && terms.licensee != holder);
        bytes32 datasetId = register();
        vm.prank(holder);
        bytes32 id = access.grant(terms);
        assertLicense(access.license(datasetId, id), terms, terms.expiry, 1);
        vm.warp(START + uint256(time) % (terms.expiry - START));
        vm.prank(holder);
        access.terminate(datasetId, id, REASON);
        uint256 end = block.timestamp + uint256(terms.noticeDays) * 1 days;
        assertLicense(access.license(datasetId, id), terms, end < terms.expiry ? end : terms.expiry, 2);
    }

    function assertLicense(
        IDataAccess.License memory found,
        IDataAccess.Grant memory terms,
        uint256 expiry,
        uint8 status
    ) internal pure {
        vm.assertEq(found.licensee, terms.licensee);
        vm.assertEq(found.purposes, terms.purposes);
        vm.assertEq(found.noticeDays, terms.noticeDays);
        vm.assertEq(found.expiry, expiry);
        vm.assertEq(found.status, status);
    }

    function testFuzz_recordAccess_agrees_with_checkLicense(
        uint32 granted,
        uint32 purpose,
        uint40 time,
        bool asLicensee
    ) public {
        granted = 1 + granted % Purposes.KNOWN;
        bytes32 datasetId = register();
        vm.prank(holder);
        bytes32 id = access.grant(IDataAccess.Grant(holder, ROOT, TERMS, licensee, FAR, granted, 0, 1));
        vm.warp(START + uint256(time) % (FAR - START + 2));
        address who = asLicensee ? licensee : stranger;
        uint8 reason = access.checkLicense(datasetId, id, who, purpose);
        vm.prank(who);
        (bool ok,) = address(access).call(abi.encodeCall(access.recordAccess, (datasetId, id, purpose, 1, REASON)));
        vm.assertEq(ok, reason == 0);
        bool one = purpose != 0 && purpose & (purpose - 1) == 0;
        vm.assertEq(ok, asLicensee && block.timestamp < FAR && one && purpose & granted != 0);
    }

    function testFuzz_an_offer_is_what_was_signed(IDataAccess.Offer memory offer, uint256 field) public {
        bytes32 datasetId = register();
        (offer.datasetId, offer.holder, offer.termsHash) = (datasetId, holder, TERMS);
        (offer.licensee, offer.price, offer.deadline, offer.expiry) = (licensee, 0, FAR, FAR);
        offer.purposes = 1 + offer.purposes % Purposes.KNOWN;
        bytes memory by = signed(HOLDER_KEY, access.offerDigestOf(offer));
        field %= 6;
        if (field == 0) offer.token = address(uint160(offer.token) ^ 1);
        if (field == 1) offer.purposes = offer.purposes == 1 ? 2 : 1;
        if (field == 2) offer.deadline += 1;
        if (field == 3) offer.noticeDays ^= 1;
        if (field == 4) offer.nonce ^= 1;
        if (field == 5) offer.expiry += 1;
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.BadSignature.selector, holder));
        vm.prank(licensee);
        access.accept(offer, holder, ROOT, by);
    }
}
