// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ConsentRegistry} from "../../contracts/ConsentRegistry.sol";
import {DataAccess} from "../../contracts/DataAccess.sol";
import {DatasetRegistry} from "../../contracts/DatasetRegistry.sol";
import "../../contracts/interfaces/IDataAccess.sol";
import {IConsentRegistry} from "../../contracts/interfaces/IConsentRegistry.sol";
import {Purposes} from "../../contracts/libraries/Purposes.sol";
import {Token} from "../../contracts/mocks/Token.sol";
import {Trees} from "../Trees.sol";
import {Vm} from "../Vm.sol";

/// @dev What the handler knows by its own books: two datasets with two recordings each, every offer, every license.
abstract contract LicenseBooks {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint40 internal constant START = 1_800_000_000;
    uint256 internal constant HOLDER_KEY = 0xa11ce;
    uint256 internal constant VOICE_KEY = 0xca701;
    address internal constant GUARDIAN = address(0x0b);
    bytes32 internal constant TERMS = keccak256("terms");

    struct DatasetBook {
        bytes32 id;
        uint256 registrant;
        uint256 holder; // of the two; changes by transfer
        uint8 status;
        bool halted;
        bytes32[] tree;
        bool consentRevoked;
    }

    struct LicenseBook {
        bytes32 id;
        uint256 dataset;
        address licensee;
        uint40 expiry;
        uint40 promised;
        uint32 purposes;
        uint16 noticeDays;
        uint8 status;
    }

    ConsentRegistry public immutable CONSENTS = new ConsentRegistry();
    DatasetRegistry public immutable DATASETS = new DatasetRegistry(address(this), GUARDIAN);
    DataAccess public immutable ACCESS = new DataAccess(address(DATASETS), address(CONSENTS), address(this), GUARDIAN);
    Token public immutable TOKEN = new Token();

    DatasetBook[2] internal datasets;
    IDataAccess.Offer[] internal offers;
    LicenseBook[] internal licenses;
    mapping(bytes32 offerDigest => bool) internal cancelled;
    mapping(bytes32 licenseId => uint256) internal placeOf; // in licenses, from 1
    mapping(uint256 holder => uint256) public earned;
    uint40 internal notBefore;
    uint40 internal notAfter;

    constructor() {
        vm.warp(START);
        (notBefore, notAfter) = (START + 10 days, START + 200 days);
        for (uint256 d = 0; d < 2; ++d) {
            bytes32[] memory leaves = new bytes32[](2);
            for (uint32 i = 0; i < 2; ++i) {
                leaves[i] = keccak256(bytes.concat(keccak256(abi.encode(recording(d, i)))));
            }
            DatasetBook storage book = datasets[d];
            (book.registrant, book.holder, book.status, book.tree) = (d, d, 1, Trees.build(leaves));
            vm.prank(holder(d));
            book.id = DATASETS.register(book.tree[0], 0, TERMS, 0, 2);
        }
        for (uint256 i = 0; i < 3; ++i) {
            TOKEN.mint(actor(i), type(uint128).max);
            vm.prank(actor(i));
            TOKEN.approve(address(ACCESS), type(uint256).max);
        }
    }

    function holder(uint256 i) public pure returns (address) {
        return vm.addr(HOLDER_KEY + i);
    }

    /// @dev Two licensees and one to whom nobody makes an offer by name.
    function actor(uint256 i) public pure returns (address) {
        return address(uint160(0x11 + i % 3));
    }

    function consent(uint256 registrant) internal view returns (IConsentRegistry.Consent memory) {
        return IConsentRegistry.Consent(
            vm.addr(VOICE_KEY), holder(registrant), 0, 0, 0x0f, 0, notBefore, notAfter, registrant
        );
    }

    /// @dev Recording 0 has no voice, recording 1 one that gave its consent to the registrant.
    function recording(uint256 registrant, uint32 index) internal view returns (IDataAccess.Recording memory) {
        bytes32[] memory ids = new bytes32[](1);
        ids[0] = CONSENTS.consentIdOf(consent(registrant));
        return IDataAccess.Recording(index, 0, 0, 0, index == 0 ? bytes32(0) : keccak256(abi.encode(ids)));
    }

    function sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function effective(DatasetBook storage book) internal view returns (uint8) {
        return book.halted ? 4 : book.status;
    }

    function isOneKnown(uint32 purpose) internal pure returns (bool) {
        return purpose != 0 && purpose & (purpose - 1) == 0 && purpose <= 1 << 14;
    }

    /// @dev What `checkLicense` must answer.
    function reasonOf(LicenseBook storage book, address who, uint32 purpose) internal view returns (uint8) {
        if (who != book.licensee) return WRONG_LICENSEE;
        if (block.timestamp >= book.expiry) return book.status == 2 ? LICENSE_ENDED : LICENSE_OVER;
        if (!isOneKnown(purpose)) return PURPOSE_UNKNOWN;
        return purpose & book.purposes == 0 ? PURPOSE_NOT_GRANTED : ALLOWED;
    }

    /// @dev What `checkAccess` must answer for a recording of the license's dataset.
    function reasonOf(LicenseBook storage book, address who, uint32 purpose, uint32 index)
        internal
        view
        returns (uint8 reason)
    {
        DatasetBook storage dataset = datasets[book.dataset];
        reason = reasonOf(book, who, purpose);
        if (reason != ALLOWED) return reason;
        if (dataset.halted) return DATASET_HALTED;
        if (index == 0) return ALLOWED;
        if (dataset.consentRevoked) return CONSENT_WITHDRAWN;
        if (purpose & 0x0f == 0) return CONSENT_PURPOSE;
        if (block.timestamp < notBefore) return CONSENT_NOT_YET;
        return block.timestamp > notAfter ? CONSENT_OVER : ALLOWED;
    }

    /// @dev Each stored license is the one in the books: whole, no longer than promised, for no more than was granted.
    function assertLicenses() external view {
        for (uint256 i = 0; i < licenses.length; ++i) {
            LicenseBook storage book = licenses[i];
            IDataAccess.License memory found = ACCESS.license(datasets[book.dataset].id, book.id);
            vm.assertEq(found.licensee, book.licensee);
            vm.assertEq(found.expiry, book.expiry, "expiry");
            vm.assertLe(found.expiry, book.promised, "a license grew longer");
            vm.assertEq(found.purposes, book.purposes, "purposes");
            vm.assertEq(found.noticeDays, book.noticeDays, "notice");
            vm.assertEq(found.status, book.status, "status");
        }
    }

    /// @dev Of every offer there is a license for whom the books name, and for nobody else.
    function assertOffers() external view {
        for (uint256 i = 0; i < offers.length; ++i) {
            bytes32 digest = ACCESS.offerDigestOf(offers[i]);
            for (uint256 who = 0; who < 4; ++who) {
                address licensee = who == 3 ? address(0) : actor(who);
                bytes32 id = ACCESS.licenseIdOf(digest, licensee);
                uint256 place = placeOf[id];
                uint8 expected = place == 0 ? 0 : licenses[place - 1].status;
                if (cancelled[digest] && licensee == offers[i].licensee) expected = 3;
                vm.assertEq(ACCESS.license(offers[i].datasetId, id).status, expected, "a license of nobody's making");
            }
        }
    }

    /// @dev The holders were paid the prices of what was accepted, to the unit.
    function assertPrices() external view {
        for (uint256 i = 0; i < 2; ++i) {
            vm.assertEq(TOKEN.balanceOf(holder(i)), earned[i], "prices");
        }
    }
}

/// @dev Does what holders, licensees, strangers, the voice and the guardian may do or try, in any order. Each call must
/// succeed exactly when the books say so.
contract LicensesHandler is LicenseBooks {
    uint256 public checks;

    function called(address who, address target, bytes memory data, bool expected) internal returns (bool ok) {
        vm.prank(who);
        (ok,) = target.call(data);
        vm.assertEq(ok ? 1 : 0, expected ? 1 : 0, "the books say otherwise");
    }

    function keep(bytes32 id, uint256 dataset, address licensee, uint40 expiry, uint32 purposes, uint16 notice)
        internal
    {
        licenses.push(LicenseBook(id, dataset, licensee, expiry, expiry, purposes, notice, 1));
        placeOf[id] = licenses.length;
    }

    /// @dev An offer comes into being by its signature, which `accept` makes.
    function offer(uint8 d, uint8 to, uint16 price, uint24 time, uint32 purposes, uint24 open, uint8 notice) external {
        DatasetBook storage book = datasets[d % 2];
        offers.push(
            IDataAccess.Offer({
                datasetId: book.id,
                holder: holder(book.holder),
                licensee: to % 3 == 2 ? address(0) : actor(to % 3),
                token: address(TOKEN),
                price: price,
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

    function accept(uint256 i, uint8 who, bool forged, bool permit) external {
        if (offers.length == 0) return;
        forged = forged && i % 3 == 0;
        IDataAccess.Offer memory one = chosen(i);
        uint256 d = one.datasetId == datasets[0].id ? 0 : 1;
        bytes32 digest = ACCESS.offerDigestOf(one);
        uint256 by = one.holder == holder(0) ? 0 : 1;
        bool expected = isAcceptable(one, d, digest, actor(who)) && !forged;
        bytes memory data = acceptance(one, d, sign(forged ? HOLDER_KEY + 1 - by : HOLDER_KEY + by, digest), permit);
        if (!called(actor(who), address(ACCESS), data, expected)) return;
        keep(ACCESS.licenseIdOf(digest, actor(who)), d, actor(who), one.expiry, one.purposes, one.noticeDays);
        earned[by] += one.price;
    }

    function isAcceptable(IDataAccess.Offer memory one, uint256 d, bytes32 digest, address who)
        internal
        view
        returns (bool)
    {
        DatasetBook storage book = datasets[d];
        return block.timestamp <= one.deadline && block.timestamp < one.expiry
            && (one.licensee == address(0) || one.licensee == who) && !cancelled[digest]
            && placeOf[ACCESS.licenseIdOf(digest, who)] == 0 && one.purposes != 0 && one.purposes <= Purposes.KNOWN
            && one.holder == holder(book.holder) && effective(book) == 1;
    }

    function acceptance(IDataAccess.Offer memory one, uint256 d, bytes memory signature, bool permit)
        internal
        view
        returns (bytes memory)
    {
        (address registrant, bytes32 root) = (holder(d), datasets[d].tree[0]);
        IDataAccess.Permit memory none;
        return permit
            ? abi.encodeCall(ACCESS.acceptWithPermit, (one, registrant, root, signature, none))
            : abi.encodeCall(ACCESS.accept, (one, registrant, root, signature));
    }

    function grant(uint8 d, uint8 by, uint8 to, uint24 time, uint32 purposes, uint8 notice, uint256 nonce) external {
        d %= 2;
        DatasetBook storage book = datasets[d];
        if (to % 8 != 7) purposes &= 0x7fff;
        uint40 expiry = uint40(block.timestamp) + time;
        IDataAccess.Grant memory terms =
            IDataAccess.Grant(holder(d), book.tree[0], TERMS, actor(to), expiry, purposes, notice, nonce);
        IDataAccess.Offer memory as_ = IDataAccess.Offer(
            book.id, holder(by % 2), actor(to), address(0), 0, expiry, purposes, 0, notice, TERMS, nonce
        );
        bytes32 id = ACCESS.licenseIdOf(ACCESS.offerDigestOf(as_), actor(to));
        bool expected = by % 2 == book.holder && effective(book) == 1 && time != 0 && purposes != 0
            && purposes <= Purposes.KNOWN && placeOf[id] == 0;
        if (called(holder(by % 2), address(ACCESS), abi.encodeCall(ACCESS.grant, (terms)), expected)) {
            keep(id, d, actor(to), expiry, purposes, notice);
        }
    }

    function cancel(uint256 i, uint8 by) external {
        if (offers.length == 0) return;
        IDataAccess.Offer memory one = chosen(i);
        bytes32 digest = ACCESS.offerDigestOf(one);
        address who = by % 3 == 2 ? actor(by) : holder(by % 3);
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
        address who = by % 4 < 2 ? holder(by % 4) : actor(by);
        bool asHolder = who == holder(dataset.holder);
        bool expected = block.timestamp < book.expiry && (who == book.licensee || (asHolder && book.status == 1));
        bytes memory data = abi.encodeCall(ACCESS.terminate, (dataset.id, book.id, 0));
        if (!called(who, address(ACCESS), data, expected)) return;
        uint256 end = block.timestamp + (asHolder ? uint256(book.noticeDays) * 1 days : 0);
        if (end < book.expiry) book.expiry = uint40(end);
        book.status = 2;
    }

    function record(uint256 i, uint8 who, uint32 purpose, bool many) external {
        if (licenses.length == 0) return;
        LicenseBook storage book = licenses[i % licenses.length];
        if (purpose % 4 != 0) purpose = uint32(1 << purpose % 18);
        bytes32 id = datasets[book.dataset].id;
        IDataAccess.Use[] memory uses = new IDataAccess.Use[](1);
        uses[0] = IDataAccess.Use(purpose, 1, 0);
        bytes memory data = many
            ? abi.encodeCall(ACCESS.recordAccessMany, (id, book.id, uses))
            : abi.encodeCall(ACCESS.recordAccess, (id, book.id, purpose, 1, 0));
        called(actor(who), address(ACCESS), data, reasonOf(book, actor(who), purpose) == ALLOWED);
    }

    /// @dev No view: those are not called.
    function check(uint256 i, uint8 who, uint32 purpose, uint8 index) external {
        ++checks;
        if (licenses.length == 0) return;
        LicenseBook storage book = licenses[i % licenses.length];
        DatasetBook storage dataset = datasets[book.dataset];
        index %= 2;
        if (purpose % 4 != 0) purpose = uint32(1 << purpose % 18);
        IConsentRegistry.Consent[] memory given = new IConsentRegistry.Consent[](index);
        bytes[] memory by = new bytes[](index);
        if (index == 1) given[0] = consent(dataset.registrant);
        if (index == 1) by[0] = sign(VOICE_KEY, CONSENTS.consentIdOf(given[0]));
        IDataAccess.Query memory query = IDataAccess.Query(
            book.id,
            actor(who),
            purpose,
            holder(dataset.registrant),
            dataset.tree[0],
            TERMS,
            recording(dataset.registrant, index)
        );
        (uint8 reason,) = ACCESS.checkAccess(query, Trees.path(dataset.tree, 1 + index), given, by);
        vm.assertEq(reason, reasonOf(book, actor(who), purpose, index), "checkAccess");
        vm.assertEq(
            ACCESS.checkLicense(dataset.id, book.id, actor(who), purpose),
            reasonOf(book, actor(who), purpose),
            "checkLicense"
        );
    }

    function setStatus(uint8 d, uint8 status) external {
        DatasetBook storage book = datasets[d % 2];
        // Mostly active; and a revocation is for good: a rare one leaves more to do.
        status %= 16;
        if (status > 4 || (status == 3 && d % 16 > 1)) status = 1;
        bool expected = !book.halted && book.status != 3 && status != 0 && status < 4 && status != book.status;
        bytes memory data = abi.encodeCall(DATASETS.setStatus, (book.id, status, 0));
        if (called(holder(book.holder), address(DATASETS), data, expected)) book.status = status;
    }

    function rule(uint8 d, uint8 chance) external {
        bool halt = chance % 4 == 0;
        DatasetBook storage book = datasets[d % 2];
        bytes memory data = abi.encodeCall(DATASETS.setStatus, (book.id, halt ? 4 : book.status, bytes32("ruling")));
        if (called(GUARDIAN, address(DATASETS), data, true)) book.halted = halt;
    }

    function transfer(uint8 d, uint8 chance) external {
        if (chance % 4 != 0) return;
        DatasetBook storage book = datasets[d % 2];
        uint256 to = 1 - book.holder;
        called(holder(book.holder), address(DATASETS), abi.encodeCall(DATASETS.transfer, (book.id, holder(to))), true);
        called(holder(to), address(DATASETS), abi.encodeCall(DATASETS.acceptTransfer, (book.id)), true);
        book.holder = to;
    }

    function withdrawConsent(uint8 d, uint8 chance) external {
        if (chance % 8 != 0) return;
        DatasetBook storage book = datasets[d % 2];
        bytes32 id = CONSENTS.consentIdOf(consent(book.registrant));
        bytes memory data = abi.encodeCall(CONSENTS.revokeConsent, (id, 0));
        if (called(vm.addr(VOICE_KEY), address(CONSENTS), data, !book.consentRevoked)) book.consentRevoked = true;
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
        handler.assertPrices();
    }
}
