// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IDataAccess} from "../../contracts/interfaces/IDataAccess.sol";
import {Base} from "../Base.sol";

/// @dev The words as they stand in storage, for whoever reads it without the contracts.
contract PackedWordsTest is Base {
    uint256 internal constant DATASETS = 4;
    uint256 internal constant MEMBERS = 6;
    uint256 internal constant LEAVES = 7;
    uint256 internal constant LICENSES = 2;

    function word(address at, uint256 slot) internal view returns (uint256) {
        return uint256(vm.load(at, bytes32(slot)));
    }

    function datasetWord(bytes32 id) internal view returns (uint256) {
        return word(address(datasets), uint256(keccak256(abi.encode(id, DATASETS))));
    }

    function test_a_datasets_word() public {
        bytes32 id = register();
        uint256 fresh = uint160(holder) | uint256(START) << 160 | uint256(3) << 200 | uint256(1) << 232;
        vm.assertEq(datasetWord(id), fresh);
        setStatus(holder, id, 3);
        vm.assertEq(datasetWord(id), fresh + (uint256(2) << 232));
        setStatus(guardian, id, 4);
        vm.assertEq(datasetWord(id), fresh + (uint256(2) << 232) + (1 << 234));
        setStatus(guardian, id, 3);
        bytes32 newer = register(MANIFEST);
        vm.prank(holder);
        datasets.supersede(id, newer);
        vm.assertEq(datasetWord(id), fresh + (uint256(2) << 232) + (1 << 235));
        vm.prank(holder);
        datasets.transfer(id, stranger);
        vm.prank(stranger);
        datasets.acceptTransfer(id);
        uint256 handed = fresh + (uint256(2) << 232) + (1 << 235) - uint160(holder) + uint160(stranger);
        vm.assertEq(datasetWord(id), handed + (1 << 240));
    }

    function test_a_pools_words() public {
        vm.prank(holder);
        bytes32 pool = datasets.register(0, MANIFEST, TERMS, SPLITS, 90);
        uint256 fresh = uint160(holder) | uint256(START) << 160 | uint256(90) << 200 | uint256(1) << 232;
        vm.assertEq(datasetWord(pool), fresh | 1 << 236);
        bytes32 id = register();
        vm.startPrank(holder);
        datasets.setMembers(pool, ROOT, MANIFEST);
        datasets.leavePool(pool, id, false);
        vm.stopPrank();
        vm.assertEq(word(address(datasets), uint256(keccak256(abi.encode(pool, MEMBERS)))), uint256(ROOT));
        uint256 slot = uint256(keccak256(abi.encode(id, keccak256(abi.encode(pool, LEAVES)))));
        vm.assertEq(word(address(datasets), slot), START + 90 days);
    }

    function test_a_consents_words() public {
        vm.startPrank(voice);
        consents.revokeConsent(ROOT, REASON);
        consents.extendConsent(ROOT, holder);
        consents.approveDigest(ROOT);
        vm.stopPrank();
        for (uint256 mapped = 2; mapped < 5; ++mapped) {
            bytes32 slot = keccak256(abi.encode(ROOT, keccak256(abi.encode(voice, mapped))));
            if (mapped == 3) slot = keccak256(abi.encode(holder, slot));
            vm.assertEq(word(address(consents), uint256(slot)), START);
        }
    }

    function test_a_licenses_word() public {
        bytes32 id = register();
        vm.prank(holder);
        bytes32 license = access.grant(
            IDataAccess.Grant(holder, ROOT, MANIFEST, TERMS, licensee, address(0), FAR, 0x7fff, 0xffff, 1)
        );
        uint256 slot = uint256(keccak256(abi.encode(license, keccak256(abi.encode(id, LICENSES)))));
        uint256 rest = uint160(licensee) | uint256(0x7fff) << 200 | uint256(0xffff) << 240;
        vm.assertEq(word(address(access), slot), rest | uint256(FAR) << 160 | uint256(1) << 232);
        vm.prank(licensee);
        access.terminate(id, license, REASON);
        vm.assertEq(word(address(access), slot), rest | uint256(START) << 160 | uint256(2) << 232);
    }

    function test_the_mark_of_a_cancelled_offer() public {
        bytes32 id = register();
        IDataAccess.Offer memory offer =
            IDataAccess.Offer(id, holder, 0, licensee, address(0), 1, FAR, 1, FAR, 30, TERMS, 1);
        vm.prank(holder);
        bytes32 license = access.licenseIdOf(access.cancelOffer(offer), licensee);
        uint256 slot = uint256(keccak256(abi.encode(license, keccak256(abi.encode(id, LICENSES)))));
        vm.assertEq(word(address(access), slot), uint256(3) << 232);
    }
}
