// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import "../../contracts/interfaces/IDataAccess.sol";
import {IConsentRegistry} from "../../contracts/interfaces/IConsentRegistry.sol";
import {Purposes} from "../../contracts/libraries/Purposes.sol";
import {Trees} from "../Trees.sol";
import {LicenseBooks} from "./LicenseBooks.sol";

/// @dev Does what holders, licensees, strangers, the voice and the guardian may do or try, in any order. Each call must
/// succeed exactly when the books say so.
contract LicensesHandler is LicenseBooks {
    uint256 public checks;

    function called(address who, address target, bytes memory data, bool expected) internal returns (bool ok) {
        vm.prank(who);
        (ok,) = target.call(data);
        vm.assertEq(ok ? 1 : 0, expected ? 1 : 0, "the books say otherwise");
    }

    function keep(IDataAccess.Offer memory offer_, uint256 dataset, address licensee) internal {
        bytes32 id = ACCESS.licenseIdOf(ACCESS.offerDigestOf(offer_), licensee);
        uint256 by = 0;
        while (holder(by) != offer_.holder) ++by;
        licenses.push();
        LicenseBook storage book = licenses[licenses.length - 1];
        (book.id, book.dataset, book.licensee, book.grantor) = (id, dataset, licensee, by);
        (book.expiry, book.promised, book.status, book.offer) = (offer_.expiry, offer_.expiry, 1, offer_);
        placeOf[id] = licenses.length;
    }

    /// @dev An offer comes into being by its signature, which `accept` makes.
    function offer(uint8 d, uint8 to, uint16 price, uint24 time, uint32 purposes, uint24 open, uint8 notice) external {
        DatasetBook storage book = datasets[d % 3];
        offers.push(
            IDataAccess.Offer({
                datasetId: book.id,
                holder: holder(book.holder),
                transfers: notice % 8 == 7 ? notice / 8 % 2 : book.transfers,
                licensee: to % 3 == 2 ? address(0) : actor(to % 3),
                distributor: address(DISTRIBUTOR),
                price: price % 4 == 0 ? 0 : price,
                expiry: uint40(block.timestamp) + time,
                purposes: to % 8 == 7 ? purposes : purposes & 0x7fff,
                deadline: uint40(block.timestamp) + open,
                noticeDays: notice,
                termsHash: TERMS,
                nonce: offers.length
            })
        );
    }

    /// @dev Mostly the newest offer: older ones have often run out.
    function chosen(uint256 i) internal view returns (IDataAccess.Offer memory) {
        return offers[i % 4 == 0 ? i / 4 % offers.length : offers.length - 1];
    }

    function accept(uint256 i, uint8 who, bool forged, bool permit, uint16 deposit) external {
        if (offers.length == 0) return;
        forged = forged && i % 3 == 0;
        if (deposit % 4 == 0) deposit = 0;
        IDataAccess.Offer memory one = chosen(i);
        uint256 d = 0;
        while (one.datasetId != datasets[d].id) ++d;
        bool expected = isAcceptable(one, d, actor(who)) && !forged;
        if (!called(actor(who), address(ACCESS), acceptance(one, d, deposit, forged, permit), expected)) return;
        keep(one, d, actor(who));
        funded += uint256(one.price) + deposit;
    }

    function isAcceptable(IDataAccess.Offer memory one, uint256 d, address who) internal view returns (bool) {
        DatasetBook storage book = datasets[d];
        bytes32 digest = ACCESS.offerDigestOf(one);
        return block.timestamp <= one.deadline && block.timestamp < one.expiry
            && (one.licensee == address(0) || one.licensee == who) && !cancelled[digest]
            && placeOf[ACCESS.licenseIdOf(digest, who)] == 0 && one.purposes != 0 && one.purposes <= Purposes.KNOWN
            && one.holder == holder(book.holder) && one.transfers == book.transfers && effective(book) == 1;
    }

    function acceptance(IDataAccess.Offer memory one, uint256 d, uint128 deposit, bool forged, bool permit)
        internal
        view
        returns (bytes memory)
    {
        uint256 by = 0;
        while (holder(by) != one.holder) ++by;
        bytes memory signature = sign(HOLDER_KEY + (forged ? (by + 1) % 3 : by), ACCESS.offerDigestOf(one));
        (address registrant, bytes32 root) = (holder(d), datasets[d].tree[0]);
        IDataAccess.Permit memory none;
        return permit
            ? abi.encodeCall(ACCESS.acceptWithPermit, (one, registrant, root, 0, deposit, signature, none))
            : abi.encodeCall(ACCESS.accept, (one, registrant, root, 0, deposit, signature));
    }

    function grant(uint8 d, uint8 by, uint8 to, uint24 time, uint32 purposes, uint8 notice, uint256 nonce) external {
        d %= 3;
        by = by % 4 == 3 ? uint8(datasets[d].holder) : by % 4;
        if (to % 8 != 7) purposes &= 0x7fff;
        IDataAccess.Offer memory as_ = IDataAccess.Offer({
            datasetId: datasets[d].id,
            holder: holder(by),
            transfers: datasets[d].transfers,
            licensee: actor(to),
            distributor: address(DISTRIBUTOR),
            price: 0,
            expiry: uint40(block.timestamp) + time,
            purposes: purposes,
            deadline: 0,
            noticeDays: notice,
            termsHash: TERMS,
            nonce: nonce
        });
        IDataAccess.Grant memory terms = IDataAccess.Grant(
            holder(d),
            datasets[d].tree[0],
            0,
            TERMS,
            actor(to),
            address(DISTRIBUTOR),
            as_.expiry,
            purposes,
            notice,
            nonce
        );
        bool expected = by == datasets[d].holder && effective(datasets[d]) == 1 && time != 0 && purposes != 0
            && purposes <= Purposes.KNOWN && placeOf[ACCESS.licenseIdOf(ACCESS.offerDigestOf(as_), actor(to))] == 0;
        if (called(holder(by), address(ACCESS), abi.encodeCall(ACCESS.grant, (terms)), expected)) {
            keep(as_, d, actor(to));
        }
    }

    function cancel(uint256 i, uint8 by) external {
        if (offers.length == 0) return;
        IDataAccess.Offer memory one = chosen(i);
        bytes32 digest = ACCESS.offerDigestOf(one);
        address who = by % 4 == 3 ? actor(by) : holder(by % 4);
        bool expected =
            who == one.holder && !cancelled[digest] && placeOf[ACCESS.licenseIdOf(digest, one.licensee)] == 0;
        if (called(who, address(ACCESS), abi.encodeCall(ACCESS.cancelOffer, (one)), expected)) {
            cancelled[digest] = true;
        }
    }

    function terminate(uint256 i, uint8 by) external {
        if (licenses.length == 0) return;
        LicenseBook storage book = licenses[i % licenses.length];
        DatasetBook storage dataset = datasets[book.dataset];
        address who = by % 8 < 3 ? holder(by % 8) : actor(by);
        bool asHolder = who == holder(dataset.holder);
        bool expected = block.timestamp < book.expiry && (who == book.licensee || (asHolder && book.status == 1));
        bytes memory data = abi.encodeCall(ACCESS.terminate, (dataset.id, book.id, 0));
        if (!called(who, address(ACCESS), data, expected)) return;
        uint256 end = block.timestamp + (asHolder ? uint256(book.offer.noticeDays) * 1 days : 0);
        if (end < book.expiry) book.expiry = uint40(end);
        book.status = 2;
    }

    function record(uint256 i, uint8 who, uint32 purpose, bool many) external {
        if (licenses.length == 0) return;
        LicenseBook storage book = licenses[i % licenses.length];
        if (purpose % 4 != 0) purpose = uint32(1 << purpose % 18);
        bytes32 id = datasets[book.dataset].id;
        IDataAccess.Use[] memory uses = new IDataAccess.Use[](1);
        uses[0] = IDataAccess.Use(uint96(purpose) << 64 | 1, 0);
        bytes memory data = many
            ? abi.encodeCall(ACCESS.recordAccessMany, (id, book.id, uses))
            : abi.encodeCall(ACCESS.recordAccess, (id, book.id, purpose, 1, 0));
        called(actor(who), address(ACCESS), data, reasonOf(book, actor(who), purpose) == ALLOWED);
    }

    /// @dev No view: those are not called. A license of one dataset is also asked for the other's recordings, and under
    /// the pool's each member shows its place in the last root.
    function check(uint256 i, uint8 who, uint32 purpose, uint8 index, uint8 d) external {
        ++checks;
        if (licenses.length == 0) return;
        LicenseBook storage book = licenses[i % licenses.length];
        d = book.dataset == POOL || d % 8 == 7 ? d % 2 : uint8(book.dataset);
        index %= 2;
        if (purpose % 4 != 0) purpose = uint32(1 << purpose % 18);
        IConsentRegistry.Consent[] memory given = new IConsentRegistry.Consent[](index);
        bytes[] memory by = new bytes[](index);
        if (index == 1) given[0] = consent(d);
        if (index == 1) by[0] = sign(VOICE_KEY, CONSENTS.consentIdOf(given[0]));
        IDataAccess.Query memory query = IDataAccess.Query({
            offer: book.offer,
            licensee: book.licensee,
            member: IDataAccess.Member(holder(datasets[d].joinedBy), Trees.path(members, 1 + d)),
            who: actor(who),
            purpose: purpose,
            registrant: holder(d),
            manifestRoot: datasets[d].tree[0],
            manifestDigest: 0,
            termsHash: TERMS,
            recording: recording(d, index)
        });
        (uint8 reason,) = ACCESS.checkAccess(query, Trees.path(datasets[d].tree, 1 + index), given, by);
        vm.assertEq(reason, reasonOf(book, actor(who), purpose, d, index), "checkAccess");
        vm.assertEq(
            ACCESS.checkLicense(datasets[book.dataset].id, book.id, actor(who), purpose),
            reasonOf(book, actor(who), purpose),
            "checkLicense"
        );
    }

    function setStatus(uint8 d, uint8 status) external {
        DatasetBook storage book = datasets[d % 3];
        // Mostly active; and a revocation is for good: a rare one leaves more to do.
        status %= 16;
        if (status > 4 || (status == 3 && d % 16 > 1)) status = 1;
        bool expected = !book.halted && book.status != 3 && status != 0 && status < 4 && status != book.status;
        bytes memory data = abi.encodeCall(DATASETS.setStatus, (book.id, status, 0));
        if (called(holder(book.holder), address(DATASETS), data, expected)) book.status = status;
    }

    function rule(uint8 d, uint8 chance) external {
        bool halt = chance % 4 == 0;
        DatasetBook storage book = datasets[d % 3];
        bytes memory data = abi.encodeCall(DATASETS.setStatus, (book.id, halt ? 4 : book.status, bytes32("ruling")));
        if (called(GUARDIAN, address(DATASETS), data, true)) book.halted = halt;
    }

    function transfer(uint8 d, uint8 to, uint8 chance) external {
        if (chance % 4 != 0) return;
        DatasetBook storage book = datasets[d % 3];
        to %= 3;
        called(holder(book.holder), address(DATASETS), abi.encodeCall(DATASETS.transfer, (book.id, holder(to))), true);
        called(holder(to), address(DATASETS), abi.encodeCall(DATASETS.acceptTransfer, (book.id)), true);
        book.holder = to;
        ++book.transfers;
    }

    /// @dev Either dataset may be a member, joined by whoever of the three.
    function setMembers(uint8 mask, uint8 first, uint8 last, uint8 by) external {
        bytes32[] memory leaves = new bytes32[](2);
        uint256[2] memory joinedBy = [uint256(first % 3), uint256(last % 3)];
        for (uint256 d = 0; d < 2; ++d) {
            bytes32 id = mask >> d & 1 == 1 ? datasets[d].id : bytes32(0);
            leaves[d] = keccak256(bytes.concat(keccak256(abi.encode(id, holder(joinedBy[d])))));
        }
        bytes32[] memory tree = Trees.build(leaves);
        by = by % 4 == 3 ? by / 4 % 3 : uint8(datasets[POOL].holder);
        bytes memory data = abi.encodeCall(DATASETS.setMembers, (datasets[POOL].id, tree[0], 0));
        if (!called(holder(by), address(DATASETS), data, by == datasets[POOL].holder)) return;
        members = tree;
        for (uint256 d = 0; d < 2; ++d) {
            (datasets[d].joined, datasets[d].joinedBy) = (mask >> d & 1 == 1, joinedBy[d]);
        }
    }

    function leavePool(uint8 d, bool stays, uint8 by) external {
        d %= 3;
        DatasetBook storage book = datasets[d];
        by = by % 4 == 3 ? by / 4 % 3 : uint8(book.holder);
        bytes memory data = abi.encodeCall(DATASETS.leavePool, (datasets[POOL].id, book.id, stays));
        bool expected = d != POOL && by == book.holder && (book.leavesAt == 0) == !stays;
        if (!called(holder(by), address(DATASETS), data, expected)) return;
        book.leavesAt = stays ? 0 : uint40(block.timestamp + NOTICE * 1 days);
    }

    function withdrawConsent(uint8 d, uint8 chance) external {
        if (chance % 8 != 0) return;
        DatasetBook storage book = datasets[d % 2];
        bytes32 id = CONSENTS.consentIdOf(consent(d % 2));
        bytes memory data = abi.encodeCall(CONSENTS.revokeConsent, (id, 0));
        if (called(vm.addr(VOICE_KEY), address(CONSENTS), data, !book.consentRevoked)) book.consentRevoked = true;
    }

    /// @dev What others than the voice extend changes nothing.
    function extendConsent(uint8 d, uint8 to, bool asVoice) external {
        (d, to) = (d % 2, to % 3);
        bytes memory data = abi.encodeCall(CONSENTS.extendConsent, (CONSENTS.consentIdOf(consent(d)), holder(to)));
        if (!asVoice) {
            vm.prank(holder(d));
            (bool ok,) = address(CONSENTS).call(data);
            ok; // the second time it is refused
        } else if (called(vm.addr(VOICE_KEY), address(CONSENTS), data, !datasets[d].extended[to])) {
            datasets[d].extended[to] = true;
        }
    }

    function wait(uint24 time) external {
        vm.warp(block.timestamp + (time % 4 == 0 ? time : time % 2 days));
    }
}

contract LicensesInvariants {
    LicensesHandler internal handler;

    function setUp() public {
        handler = new LicensesHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @dev One invariant, so that one run of calls serves all; `LicensesHandler` compares every answer on the way.
    function invariant_every_license_is_of_its_holders_making_and_keeps_its_terms() public view {
        handler.assertLicenses();
        handler.assertOffers();
        handler.assertMoney();
        handler.assertDatasets();
    }
}
