// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {DataAccess} from "../../contracts/DataAccess.sol";
import {IDataAccess} from "../../contracts/interfaces/IDataAccess.sol";
import {AccessBase} from "./DataAccess.t.sol";
import {Vm} from "../Vm.sol";

contract DataAccessUseTest is AccessBase {
    // --- grant

    function test_grant_makes_the_license_of_an_offer_without_price_or_deadline() public {
        handOver(holder, holder);
        IDataAccess.Offer memory offer = offered();
        (offer.price, offer.deadline, offer.transfers) = (0, 0, 1);
        bytes32 id = licenseOf(offer);
        vm.expectEmit(address(access));
        emit IDataAccess.LicenseGranted(
            id, datasetId, licensee, holder, TERMS, TRAIN | TUNE, FAR, 30, address(distributor), 0
        );
        vm.assertEq(grant(), id);
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.OfferUsed.selector, access.offerDigestOf(offer)));
        grant();
        bytes memory by = signature(offer);
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.OfferExpired.selector, uint40(0)));
        vm.prank(licensee);
        access.accept(offer, holder, ROOT, MANIFEST, DEPOSIT, by);
    }

    function test_grant_by_the_holder_to_somebody() public {
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.NotHolder.selector, datasetId, stranger));
        vm.prank(stranger);
        access.grant(granted());
        IDataAccess.Grant memory terms = granted();
        terms.licensee = address(0);
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.WrongLicensee.selector, address(0)));
        vm.prank(holder);
        access.grant(terms);
    }

    function grantRefused(IDataAccess.Grant memory terms, bytes memory why) internal {
        vm.expectRevert(why);
        vm.prank(holder);
        access.grant(terms);
    }

    function test_grant_refuses_terms_and_datasets_that_accept_refuses() public {
        IDataAccess.Grant memory terms = granted();
        terms.expiry = START;
        grantRefused(terms, abi.encodeWithSelector(IDataAccess.ExpiryPassed.selector, START));
        terms = granted();
        terms.purposes = 0;
        grantRefused(terms, abi.encodeWithSelector(IDataAccess.NotOnePurpose.selector, uint32(0)));
        terms.purposes = TRAIN | 0x80008000;
        grantRefused(terms, abi.encodeWithSelector(IDataAccess.ReservedPurpose.selector, uint32(0x80008000)));
        terms = granted();
        terms.termsHash = REASON;
        bytes32 none = datasets.datasetIdOf(holder, ROOT, MANIFEST, REASON);
        grantRefused(terms, abi.encodeWithSelector(IDataAccess.UnknownDataset.selector, none));
        setStatus(holder, datasetId, 2);
        grantRefused(granted(), abi.encodeWithSelector(IDataAccess.DatasetInactive.selector, datasetId, uint8(2)));
        setStatus(holder, datasetId, 1);
        grant();
    }

    // --- terminate

    function test_the_licensee_terminates_at_once() public {
        bytes32 id = grant();
        vm.expectEmit(address(access));
        emit IDataAccess.LicenseTerminated(id, licensee, REASON, START);
        vm.prank(licensee);
        access.terminate(datasetId, id, REASON);
        vm.assertEq(access.checkLicense(datasetId, id, licensee, TRAIN), 4);
        IDataAccess.License memory found = access.license(datasetId, id);
        vm.assertEq(found.expiry, START);
        vm.assertEq(found.status, 2);
        vm.assertEq(found.licensee, licensee);
        vm.assertEq(found.purposes, TRAIN | TUNE);
        vm.assertEq(found.noticeDays, 30);
    }

    function test_the_holder_gives_notice_and_never_lengthens() public {
        bytes32 id = grant();
        vm.expectEmit(address(access));
        emit IDataAccess.LicenseTerminated(id, holder, REASON, START + 30 days);
        vm.prank(holder);
        access.terminate(datasetId, id, REASON);
        vm.warp(START + 30 days - 1);
        vm.assertEq(access.checkLicense(datasetId, id, licensee, TRAIN), 0);
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.LicenseInactive.selector, id, uint8(2)));
        vm.prank(holder);
        access.terminate(datasetId, id, REASON);
        vm.prank(licensee);
        access.terminate(datasetId, id, REASON);
        vm.assertEq(access.license(datasetId, id).expiry, START + 30 days - 1);
    }

    function test_notice_ends_with_the_license() public {
        bytes32 id = grant();
        vm.warp(FAR - 1 days);
        vm.prank(holder);
        access.terminate(datasetId, id, REASON);
        vm.assertEq(access.license(datasetId, id).expiry, FAR);
    }

    function test_the_new_holder_terminates_not_the_old() public {
        bytes32 id = grant();
        handOver(holder, stranger);
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.NotHolder.selector, datasetId, holder));
        vm.prank(holder);
        access.terminate(datasetId, id, REASON);
        vm.prank(stranger);
        access.terminate(datasetId, id, REASON);
    }

    function test_terminate_what_is_over_or_unknown() public {
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.LicenseInactive.selector, REASON, uint8(0)));
        access.terminate(datasetId, REASON, REASON);
        bytes32 id = grant();
        vm.warp(FAR);
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.LicenseInactive.selector, id, uint8(4)));
        vm.prank(licensee);
        access.terminate(datasetId, id, REASON);
    }

    function test_the_holders_revocation_of_the_dataset_leaves_licenses() public {
        bytes32 id = grant();
        setStatus(holder, datasetId, 3);
        vm.prank(licensee);
        access.recordAccess(datasetId, id, TRAIN, 1, REASON);
    }

    // --- recordAccess

    function test_recordAccess_by_the_licensee_for_one_licensed_purpose() public {
        bytes32 id = grant();
        vm.expectEmit(address(access));
        emit IDataAccess.AccessRecorded(id, datasetId, licensee, TUNE, 3, REASON);
        vm.prank(licensee);
        access.recordAccess(datasetId, id, TUNE, 3, REASON);
    }

    function used(uint32 purpose, uint64 units, bytes32 receiptHash) internal pure returns (IDataAccess.Use memory) {
        return IDataAccess.Use(uint96(purpose) << 64 | units, receiptHash);
    }

    function recordRefused(bytes32 id, uint32 purpose, bytes memory why) internal {
        vm.expectRevert(why);
        access.recordAccess(datasetId, id, purpose, 1, REASON);
        IDataAccess.Use[] memory uses = new IDataAccess.Use[](3);
        (uses[0], uses[1], uses[2]) = (used(TRAIN, 1, REASON), used(purpose, 1, REASON), used(TRAIN, 1, REASON));
        vm.expectRevert(why);
        access.recordAccessMany(datasetId, id, uses);
    }

    function test_recordAccess_refuses_every_other_purpose() public {
        bytes32 id = grant();
        vm.startPrank(licensee);
        recordRefused(id, 0, abi.encodeWithSelector(IDataAccess.NotOnePurpose.selector, uint32(0)));
        recordRefused(id, TRAIN | TUNE, abi.encodeWithSelector(IDataAccess.NotOnePurpose.selector, TRAIN | TUNE));
        recordRefused(id, 2, abi.encodeWithSelector(IDataAccess.PurposeNotLicensed.selector, 2, TRAIN | TUNE));
        recordRefused(id, 1 << 15, abi.encodeWithSelector(IDataAccess.ReservedPurpose.selector, uint32(1 << 15)));
    }

    function test_recordAccess_refuses_others_and_the_end() public {
        bytes32 id = grant();
        vm.startPrank(stranger);
        recordRefused(id, TRAIN, abi.encodeWithSelector(IDataAccess.WrongLicensee.selector, licensee));
        recordRefused(REASON, TRAIN, abi.encodeWithSelector(IDataAccess.LicenseInactive.selector, REASON, 0));
        vm.stopPrank();
        vm.startPrank(licensee);
        vm.warp(FAR);
        recordRefused(id, TRAIN, abi.encodeWithSelector(IDataAccess.LicenseInactive.selector, id, 4));
        vm.warp(FAR - 1);
        access.recordAccess(datasetId, id, TRAIN, 1, REASON);
        access.terminate(datasetId, id, REASON);
        recordRefused(id, TRAIN, abi.encodeWithSelector(IDataAccess.LicenseInactive.selector, id, 2));
    }

    function test_recordAccess_knows_a_license_under_its_dataset_only() public {
        bytes32 id = grant();
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.LicenseInactive.selector, id, uint8(0)));
        vm.prank(licensee);
        access.recordAccess(REASON, id, TRAIN, 1, REASON);
    }

    function test_recordAccessMany_records_each() public {
        bytes32 id = grant();
        IDataAccess.Use[] memory uses = new IDataAccess.Use[](3);
        (uses[0], uses[1]) = (used(TRAIN, 1, REASON), used(TUNE, type(uint64).max, MANIFEST));
        uses[2] = used(TRAIN, 0, TERMS);
        vm.recordLogs();
        vm.prank(licensee);
        access.recordAccessMany(datasetId, id, uses);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 3);
        for (uint256 i = 0; i < 3; ++i) {
            vm.assertEq(logs[i].emitter, address(access));
            vm.assertEq(logs[i].topics.length, 4);
            vm.assertEq(logs[i].topics[0], IDataAccess.AccessRecorded.selector);
            vm.assertEq(logs[i].topics[1], id);
            vm.assertEq(logs[i].topics[2], datasetId);
            vm.assertEq(logs[i].topics[3], bytes32(uint256(uint160(licensee))));
        }
        vm.assertEq(logs[0].data, abi.encode(TRAIN, uint64(1), REASON));
        vm.assertEq(logs[1].data, abi.encode(TUNE, type(uint64).max, MANIFEST));
        vm.assertEq(logs[2].data, abi.encode(TRAIN, uint64(0), TERMS));
    }

    function test_recordAccessMany_of_nothing_records_nothing() public {
        bytes32 id = grant();
        vm.recordLogs();
        vm.prank(licensee);
        access.recordAccessMany(datasetId, id, new IDataAccess.Use[](0));
        vm.assertEq(vm.getRecordedLogs().length, 0);
    }

    /// @dev Bits above the purpose are no word of ours, whatever stands below them.
    function test_recordAccessMany_takes_no_word_with_more_in_it() public {
        bytes32 id = grant();
        for (uint256 bit = 96; bit < 256; bit += 53) {
            uint256 word = 1 << bit | uint256(TRAIN) << 64 | 1;
            bytes memory data = abi.encodePacked(
                access.recordAccessMany.selector, datasetId, id, uint256(0x60), uint256(1), word, REASON
            );
            vm.prank(licensee);
            (bool ok, bytes memory answer) = address(access).call(data);
            vm.assertFalse(ok);
            vm.assertEq(answer, "");
        }
    }

    function test_without_a_registry_there_is_no_license() public {
        DataAccess nowhere = new DataAccess(address(0xdead), address(consents));
        vm.expectRevert(bytes(""));
        vm.prank(holder);
        nowhere.grant(granted());
    }

    function test_it_names_the_registries_it_reads() public view {
        vm.assertEq(access.datasets(), address(datasets));
        vm.assertEq(access.consents(), address(consents));
    }
}
