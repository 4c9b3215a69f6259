// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IDataAccess} from "../../contracts/interfaces/IDataAccess.sol";
import {IDatasetRegistry} from "../../contracts/interfaces/IDatasetRegistry.sol";
import {Purposes} from "../../contracts/libraries/Purposes.sol";
import {Base} from "../Base.sol";
import {Vm} from "../Vm.sol";

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
        vm.assertFalse(found.pool);
        vm.assertEq(datasets.holderStatus(id), 1);
    }

    function testFuzz_a_transfer_counts_and_changes_nothing_else(address[8] memory hands, uint8 count, bool pool)
        public
    {
        bytes32 root = pool ? bytes32(0) : ROOT;
        vm.prank(holder);
        bytes32 id = datasets.register(root, MANIFEST, TERMS, SPLITS, 7);
        setStatus(holder, id, 2);
        address from = holder;
        count %= 8;
        for (uint256 i = 0; i < count; ++i) {
            vm.assume(hands[i] != address(0));
            vm.prank(from);
            datasets.transfer(id, hands[i]);
            from = hands[i];
            vm.prank(from);
            datasets.acceptTransfer(id);
        }
        (address by, uint8 status, uint16 transfers) = datasets.standing(id);
        vm.assertTrue(by == from && status == 2 && transfers == count);
        vm.assertTrue(datasets.dataset(id).pool == pool && datasets.dataset(id).items == 7);
    }

    /// @dev What the contract takes for a split is what a plain reading of the bytes takes for one.
    function testFuzz_a_split_is_a_whole_in_order(uint160[6] memory payees, uint16[6] memory bps, uint256 seed) public {
        bytes32 id = register();
        uint256 count = 1 + seed % 6;
        if (seed >> 8 & 3 != 0) mend(payees, bps, count);
        bytes memory shares;
        bool whole = true;
        uint256 sum = 0;
        for (uint256 i = 0; i < count; ++i) {
            shares = bytes.concat(shares, abi.encodePacked(payees[i], bps[i]));
            whole = whole && bps[i] != 0 && payees[i] > (i == 0 ? 0 : payees[i - 1]);
            sum += bps[i];
        }
        vm.prank(holder);
        (bool ok,) = address(datasets).call(abi.encodeCall(datasets.setSplit, (id, shares)));
        vm.assertEq(ok, whole && sum == 10_000);
    }

    /// @dev Mostly a split that is one, or fails by one thing.
    function mend(uint160[6] memory payees, uint16[6] memory bps, uint256 count) private pure {
        uint256 left = 10_000;
        for (uint256 i = 0; i < count; ++i) {
            if (i > 0 && payees[i] % 16 != 0) payees[i] = payees[i - 1] / 2 + payees[i] / 4 + 1;
            if (i > 0 && payees[i] <= payees[i - 1] && payees[i] % 8 != 0) {
                unchecked {
                    payees[i] = payees[i - 1] + 1;
                }
            }
            bps[i] = uint16(i + 1 == count ? left : 1 + bps[i] % 1_500);
            left -= bps[i];
        }
    }

    function testFuzz_a_license_keeps_its_fields(IDataAccess.Grant memory terms, uint40 time) public {
        (terms.registrant, terms.manifestRoot) = (holder, ROOT);
        (terms.manifestDigest, terms.termsHash) = (MANIFEST, TERMS);
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
        bytes32 id =
            access.grant(IDataAccess.Grant(holder, ROOT, MANIFEST, TERMS, licensee, address(0), FAR, granted, 0, 1));
        vm.warp(START + uint256(time) % (FAR - START + 2));
        address who = asLicensee ? licensee : stranger;
        uint8 reason = access.checkLicense(datasetId, id, who, purpose);
        vm.prank(who);
        (bool ok,) = address(access).call(abi.encodeCall(access.recordAccess, (datasetId, id, purpose, 1, REASON)));
        vm.assertEq(ok, reason == 0);
        bool one = purpose != 0 && purpose & (purpose - 1) == 0;
        vm.assertEq(ok, asLicensee && block.timestamp < FAR && one && purpose & granted != 0);
    }

    /// @dev Of many uses in one call each is judged and told as it would be alone.
    function testFuzz_recordAccessMany_is_recordAccess_many_times(uint96[4] memory words, uint32 granted, uint8 kinds)
        public
    {
        granted = 1 + granted % Purposes.KNOWN;
        bytes32 datasetId = register();
        vm.prank(holder);
        bytes32 id =
            access.grant(IDataAccess.Grant(holder, ROOT, MANIFEST, TERMS, licensee, address(0), FAR, granted, 0, 1));
        IDataAccess.Use[] memory uses = new IDataAccess.Use[](4);
        bool all = true;
        vm.recordLogs();
        for (uint256 i = 0; i < 4; ++i) {
            uint32 purpose = uint32(words[i] >> 64);
            if (kinds >> i & 1 == 0) purpose = granted & (~granted + 1);
            else if (kinds >> 4 & 3 != 0) purpose = uint32(1 << purpose % 32);
            uses[i] = IDataAccess.Use(uint96(purpose) << 64 | uint64(words[i]), bytes32(uint256(words[i])));
            vm.prank(licensee);
            (bool ok,) = address(access)
                .call(
                    abi.encodeCall(access.recordAccess, (datasetId, id, purpose, uint64(words[i]), uses[i].receiptHash))
                );
            all = all && ok;
        }
        Vm.Log[] memory each = vm.getRecordedLogs();
        vm.recordLogs();
        vm.prank(licensee);
        (bool done,) = address(access).call(abi.encodeCall(access.recordAccessMany, (datasetId, id, uses)));
        vm.assertEq(done, all);
        if (all) vm.assertEq(keccak256(abi.encode(vm.getRecordedLogs())), keccak256(abi.encode(each)));
    }

    function testFuzz_an_offer_is_what_was_signed(IDataAccess.Offer memory offer, uint256 field) public {
        bytes32 datasetId = register();
        (offer.datasetId, offer.holder, offer.termsHash) = (datasetId, holder, TERMS);
        (offer.licensee, offer.price, offer.deadline, offer.expiry) = (licensee, 0, FAR, FAR);
        (offer.purposes, offer.transfers) = (1 + offer.purposes % Purposes.KNOWN, 0);
        bytes memory by = signed(HOLDER_KEY, access.offerDigestOf(offer));
        field %= 8;
        if (field == 0) offer.distributor = address(uint160(offer.distributor) ^ 1);
        if (field == 1) offer.purposes = offer.purposes == 1 ? 2 : 1;
        if (field == 2) offer.deadline += 1;
        if (field == 3) offer.noticeDays ^= 1;
        if (field == 4) offer.nonce ^= 1;
        if (field == 5) offer.expiry += 1;
        if (field == 6) offer.transfers = 1;
        if (field == 7) offer.price = 1;
        vm.expectRevert(abi.encodeWithSelector(IDataAccess.BadSignature.selector, holder));
        vm.prank(licensee);
        access.accept(offer, holder, ROOT, MANIFEST, 0, by);
    }
}
