// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ConsentRegistry} from "../../contracts/ConsentRegistry.sol";
import {DataAccess} from "../../contracts/DataAccess.sol";
import {DatasetRegistry} from "../../contracts/DatasetRegistry.sol";
import {RoyaltyDistributor} from "../../contracts/RoyaltyDistributor.sol";
import "../../contracts/interfaces/IDataAccess.sol";
import {IConsentRegistry} from "../../contracts/interfaces/IConsentRegistry.sol";
import {IDatasetRegistry} from "../../contracts/interfaces/IDatasetRegistry.sol";
import {Token} from "../../contracts/mocks/Token.sol";
import {Trees} from "../Trees.sol";
import {Vm} from "../Vm.sol";

/// @dev What the handler knows by its own books: two datasets with two recordings each, a pool, every offer, every
/// license. Each of the three holders registered one of them, and may come to hold any.
abstract contract LicenseBooks {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint40 internal constant START = 1_800_000_000;
    uint256 internal constant HOLDER_KEY = 0xa11ce;
    uint256 internal constant VOICE_KEY = 0xca701;
    address internal constant GUARDIAN = address(0x0b);
    bytes32 internal constant TERMS = keccak256("terms");
    uint256 internal constant HOLDERS = 3;
    uint256 internal constant POOL = 2;
    uint32 internal constant NOTICE = 3; // days, of the pool

    struct DatasetBook {
        bytes32 id;
        uint256 holder; // of the three; changes by transfer
        uint16 transfers;
        uint8 status;
        bool halted;
        bytes32[] tree;
        bool consentRevoked;
        bool[3] extended; // to whom of the three the voice extended its consent
        bool joined;
        uint256 joinedBy;
        uint40 leavesAt;
    }

    struct LicenseBook {
        bytes32 id;
        uint256 dataset;
        address licensee;
        uint40 expiry;
        uint40 promised;
        uint256 grantor;
        uint8 status;
        IDataAccess.Offer offer;
    }

    ConsentRegistry public immutable CONSENTS = new ConsentRegistry();
    DatasetRegistry public immutable DATASETS = new DatasetRegistry(address(this), GUARDIAN);
    DataAccess public immutable ACCESS = new DataAccess(address(DATASETS), address(CONSENTS));
    Token public immutable TOKEN = new Token();
    RoyaltyDistributor public immutable DISTRIBUTOR = new RoyaltyDistributor(
        address(TOKEN), 0, 1 days, 1, 1, address(ACCESS), address(this), GUARDIAN, address(0x0c), address(0x0d)
    );

    DatasetBook[3] internal datasets;
    bytes32[] internal members; // the tree of the pool's last root
    IDataAccess.Offer[] internal offers;
    LicenseBook[] internal licenses;
    mapping(bytes32 offerDigest => bool) internal cancelled;
    mapping(bytes32 licenseId => uint256) internal placeOf; // in licenses, from 1
    uint256 public funded;
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
            (datasets[d].holder, datasets[d].status, datasets[d].tree) = (d, 1, Trees.build(leaves));
            vm.prank(holder(d));
            datasets[d].id = DATASETS.register(datasets[d].tree[0], 0, TERMS, 0, 2);
        }
        (datasets[POOL].holder, datasets[POOL].status) = (POOL, 1);
        datasets[POOL].tree.push(0);
        vm.prank(holder(POOL));
        datasets[POOL].id = DATASETS.register(0, 0, TERMS, 0, NOTICE);
        members = Trees.build(new bytes32[](2));
        for (uint256 i = 0; i < 3; ++i) {
            TOKEN.mint(actor(i), type(uint112).max);
            vm.prank(actor(i));
            TOKEN.approve(address(DISTRIBUTOR), type(uint256).max);
        }
    }

    function holder(uint256 i) public pure returns (address) {
        return vm.addr(HOLDER_KEY + i);
    }

    /// @dev Two licensees and one to whom nobody makes an offer by name.
    function actor(uint256 i) public pure returns (address) {
        return address(uint160(0x11 + i % 3));
    }

    /// @dev Of the one voice, to who registered the dataset.
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
        return purpose & book.offer.purposes == 0 ? PURPOSE_NOT_GRANTED : ALLOWED;
    }

    /// @dev What `checkAccess` must answer for a recording of dataset `d`, whoever's the license is.
    function reasonOf(LicenseBook storage book, address who, uint32 purpose, uint256 d, uint32 index)
        internal
        view
        returns (uint8 reason)
    {
        DatasetBook storage dataset = datasets[d];
        reason = reasonOf(book, who, purpose);
        if (reason != ALLOWED) return reason;
        if (dataset.halted) return DATASET_HALTED;
        uint256 grantor = book.grantor;
        if (book.dataset != d) {
            reason = outside(dataset, book.dataset);
            if (reason != ALLOWED) return reason;
            grantor = dataset.joinedBy;
        }
        if (index == 0) return ALLOWED;
        if (grantor != d && !dataset.extended[grantor]) return CONSENT_OTHER_HOLDER;
        if (dataset.consentRevoked) return CONSENT_WITHDRAWN;
        if (purpose & 0x0f == 0) return CONSENT_PURPOSE;
        if (block.timestamp < notBefore) return CONSENT_NOT_YET;
        return block.timestamp > notAfter ? CONSENT_OVER : ALLOWED;
    }

    /// @dev Why a dataset is not opened by a license of another, which may be the pool.
    function outside(DatasetBook storage dataset, uint256 licensed) internal view returns (uint8) {
        if (datasets[licensed].halted) return DATASET_HALTED;
        if (licensed != POOL || !dataset.joined) return NOT_IN_POOL;
        return dataset.leavesAt != 0 && block.timestamp >= dataset.leavesAt ? LEFT_POOL : ALLOWED;
    }

    /// @dev Each stored license is the one in the books: whole, no longer than promised, for no more than was granted.
    function assertLicenses() external view {
        for (uint256 i = 0; i < licenses.length; ++i) {
            LicenseBook storage book = licenses[i];
            IDataAccess.License memory found = ACCESS.license(datasets[book.dataset].id, book.id);
            vm.assertEq(found.licensee, book.licensee);
            vm.assertEq(found.expiry, book.expiry, "expiry");
            vm.assertLe(found.expiry, book.promised, "a license grew longer");
            vm.assertEq(found.purposes, book.offer.purposes, "purposes");
            vm.assertEq(found.noticeDays, book.offer.noticeDays, "notice");
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

    /// @dev The distributor has what the licenses cost, to the unit; nobody else got any of it.
    function assertMoney() external view {
        vm.assertEq(DISTRIBUTOR.funded(), funded, "funded");
        vm.assertEq(TOKEN.balanceOf(address(DISTRIBUTOR)), funded, "balance");
        vm.assertEq(TOKEN.balanceOf(address(ACCESS)), 0, "access holds no money");
        for (uint256 i = 0; i < HOLDERS; ++i) {
            vm.assertEq(TOKEN.balanceOf(holder(i)), 0, "holders are paid by settlements alone");
        }
    }

    /// @dev Each dataset is what its book says, whatever was done to it and to the others.
    function assertDatasets() external view {
        for (uint256 d = 0; d < HOLDERS; ++d) {
            DatasetBook storage book = datasets[d];
            IDatasetRegistry.Dataset memory found = DATASETS.dataset(book.id);
            vm.assertEq(found.holder, holder(book.holder));
            vm.assertEq(found.transfers, book.transfers, "transfers");
            vm.assertEq(found.status, effective(book), "a dataset's status");
            vm.assertEq(found.items, d == POOL ? NOTICE : 2, "items");
            vm.assertEq(found.pool, d == POOL);
            vm.assertEq(DATASETS.leavesAt(datasets[POOL].id, book.id), book.leavesAt, "leavesAt");
        }
    }
}
