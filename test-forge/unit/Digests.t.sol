// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IDataAccess} from "../../contracts/interfaces/IDataAccess.sol";
import {IDatasetRegistry} from "../../contracts/interfaces/IDatasetRegistry.sol";
import {IRoyaltyDistributor} from "../../contracts/interfaces/IRoyaltyDistributor.sol";
import {IUsageLedger} from "../../contracts/interfaces/IUsageLedger.sol";
import {Settled} from "./distributor/Settled.sol";

interface IERC5267 {
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        );
}

/// @dev Every digest that is signed, made once more by hand from the text of EIP-712.
contract DigestsTest is Settled {
    function digest(string memory name, address at, bytes memory content) internal view returns (bytes32) {
        bytes32 separator = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256("1"),
                block.chainid,
                at
            )
        );
        return keccak256(abi.encodePacked(hex"1901", separator, keccak256(content)));
    }

    function test_revokeDigest_is_the_digest_of_EIP712() public view {
        bytes32 kind = keccak256("RevokeConsent(bytes32 consentId,uint64 deadline)");
        vm.assertEq(
            consents.revokeDigest(ROOT, FAR),
            digest("ConsentRegistry", address(consents), abi.encode(kind, ROOT, uint256(FAR)))
        );
    }

    function test_extendDigest_is_the_digest_of_EIP712() public view {
        bytes32 kind = keccak256("ExtendConsent(bytes32 consentId,address holder,uint64 deadline)");
        vm.assertEq(
            consents.extendDigest(ROOT, holder, FAR),
            digest("ConsentRegistry", address(consents), abi.encode(kind, ROOT, holder, uint256(FAR)))
        );
    }

    function test_registerDigest_is_the_digest_of_EIP712() public view {
        bytes32 kind = keccak256(
            "Register(address holder,bytes32 manifestRoot,bytes32 manifestDigest,bytes32 termsHash,bytes32 splitHash,uint32 items,uint64 deadline)"
        );
        bytes memory content = abi.encode(kind, holder, ROOT, MANIFEST, TERMS, SPLITS, uint256(3), uint256(FAR));
        IDatasetRegistry.Registration memory registration =
            IDatasetRegistry.Registration(ROOT, MANIFEST, TERMS, SPLITS, 3);
        vm.assertEq(
            datasets.registerDigest(holder, registration, FAR), digest("DatasetRegistry", address(datasets), content)
        );
    }

    function test_offerDigestOf_is_the_digest_of_EIP712() public view {
        bytes32 kind = keccak256(
            "Offer(bytes32 datasetId,address holder,uint16 transfers,address licensee,address distributor,uint128 price,uint40 expiry,uint32 purposes,uint40 deadline,uint16 noticeDays,bytes32 termsHash,uint256 nonce)"
        );
        IDataAccess.Offer memory offer =
            IDataAccess.Offer(ROOT, holder, 5, licensee, address(token), 1, FAR, 2, START, 3, TERMS, 4);
        vm.assertEq(
            access.offerDigestOf(offer),
            digest("DataAccess", address(access), abi.encodePacked(kind, abi.encode(offer)))
        );
    }

    function test_sessionIdOf_is_the_digest_of_EIP712() public view {
        bytes32 kind = keccak256(
            "MeterSession(address meter,address sessionKey,bytes32 licenseId,uint64 validFrom,uint64 validUntil,uint128 maxUnits,uint256 nonce)"
        );
        bytes memory content =
            abi.encode(kind, meter, stranger, ROOT, uint256(START), uint256(FAR), uint256(9), uint256(1));
        vm.assertEq(
            ledger.sessionIdOf(IUsageLedger.MeterSession(meter, stranger, ROOT, START, FAR, 9, 1)),
            digest("UsageLedger", address(ledger), content)
        );
    }

    function test_reassignDigest_is_the_digest_of_EIP712() public view {
        bytes32 kind = keccak256("Reassign(address payee,address to,uint256 cumulative,uint256 deadline)");
        bytes memory content = abi.encode(kind, holder, voice, uint256(9), uint256(FAR));
        vm.assertEq(
            distributor.reassignDigest(IRoyaltyDistributor.Reassign(holder, voice, 9, FAR)),
            digest("RoyaltyDistributor", address(distributor), content)
        );
    }

    function test_eip712Domain_names_each_contract() public view {
        address[5] memory signedFor =
            [address(consents), address(datasets), address(access), address(ledger), address(distributor)];
        string[5] memory names =
            ["ConsentRegistry", "DatasetRegistry", "DataAccess", "UsageLedger", "RoyaltyDistributor"];
        for (uint256 i = 0; i < 5; ++i) {
            (
                bytes1 fields,
                string memory name,
                string memory version,
                uint256 chainId,
                address at,
                bytes32 salt,
                uint256[] memory extensions
            ) = IERC5267(signedFor[i]).eip712Domain();
            vm.assertEq(bytes32(fields), bytes32(hex"0f"));
            vm.assertEq(bytes(name), bytes(names[i]));
            vm.assertEq(bytes(version), bytes("1"));
            vm.assertEq(chainId, block.chainid);
            vm.assertEq(at, signedFor[i]);
            vm.assertEq(salt, 0);
            vm.assertEq(extensions.length, 0);
        }
    }
}
