// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IDataAccess} from "../../contracts/interfaces/IDataAccess.sol";
import {Base} from "../Base.sol";

/// @dev The words as they stand in storage, for whoever reads it without the contracts.
contract PackedWordsTest is Base {
    uint256 internal constant DATASETS = 4;
    uint256 internal constant LICENSES = 4;

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
        vm.assertEq(datasetWord(id), fresh + (uint256(2) << 232) + (1 << 240));
        setStatus(guardian, id, 3);
        bytes32 newer = register(MANIFEST);
        vm.prank(holder);
        datasets.supersede(id, newer);
        vm.assertEq(datasetWord(id), fresh + (uint256(2) << 232) + (1 << 241));
        vm.prank(holder);
        datasets.transfer(id, stranger);
        vm.prank(stranger);
        datasets.acceptTransfer(id);
        vm.assertEq(datasetWord(id), fresh + (uint256(2) << 232) + (1 << 241) - uint160(holder) + uint160(stranger));
    }

    function test_a_licenses_word() public {
        bytes32 id = register();
        vm.prank(holder);
        bytes32 license = access.grant(IDataAccess.Grant(holder, ROOT, TERMS, licensee, FAR, 0x7fff, 0xffff, 1));
        uint256 slot = uint256(keccak256(abi.encode(license, keccak256(abi.encode(id, LICENSES)))));
        uint256 rest = uint160(licensee) | uint256(0x7fff) << 200 | uint256(0xffff) << 240;
        vm.assertEq(word(address(access), slot), rest | uint256(FAR) << 160 | uint256(1) << 232);
        vm.prank(licensee);
        access.terminate(id, license, REASON);
        vm.assertEq(word(address(access), slot), rest | uint256(START) << 160 | uint256(2) << 232);
    }
}
