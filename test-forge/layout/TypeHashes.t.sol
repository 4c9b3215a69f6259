// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {TypedData} from "../../contracts/libraries/TypedData.sol";
import {Base} from "../Base.sol";

/// @dev Hashes of the types as eth-account's `hash_type` makes them of names and types of the fields.
contract TypeHashesTest is Base {
    function test_types_that_a_contract_checks_have_the_hashes_that_wallets_compute() public pure {
        vm.assertEq(TypedData.CONSENT, 0x759f4faadba533b31181b1caabe5c14b6babdecae9ce42ef795b42e70cb1e06b);
        vm.assertEq(TypedData.REVOKE_CONSENT, 0x25fa7ed9897eec2ac35f392330e122708756553871249bac45489c364acb61fd);
        vm.assertEq(TypedData.EXTEND_CONSENT, 0xdefc797b22bfd1693daf6a91717fdf646b2e04a70878909d12813a9da18ea252);
        vm.assertEq(TypedData.REGISTER, 0xf4549ce58ef3c26d6663bdd5995525ee9d78c97b146ea9dbfa70c505ac5511a0);
        vm.assertEq(TypedData.OFFER, 0x40a87288d4b210416b7c07632219d9b98a9a50afaa7e64791b47e3d8c044e7d5);
        vm.assertEq(TypedData.METER_SESSION, 0x2891241e0ad5417c1314ee83b53c27745b527c76b85bf62319679133f66ec7a9);
        vm.assertEq(TypedData.REASSIGN, 0xc146608950345562664ab9a001425d868c01eaa3834043e50f089749809ece1d);
    }

    function test_types_that_only_programs_check_have_the_hashes_that_wallets_compute() public pure {
        vm.assertEq(TypedData.JOIN, 0x7587eaa6a58f9c668e55e025aa0f3f57827c4a2a499415d63c55e61358078ccf);
        vm.assertEq(TypedData.KEY_BINDING, 0xe7bc4d0230bf1fab0aa610da33214d8e05fbdbdf8772999e1e1532d27f74e26e);
        vm.assertEq(TypedData.OPEN_ACCESS, 0x5050ca5d85c243fc71ce88415879561942b5267cb9ec6cc6f09dd21c58157338);
        vm.assertEq(TypedData.ACCESS, 0x1c5e0ba1e387c6d7da66163c80e595b2655a5c3b2787ae442dc1c3db2e43ecce);
        vm.assertEq(TypedData.REQUEST, 0x4433f13b234d90375506cc5d9444d223dff085fd2c701d2cb326b2d503bc84d8);
        vm.assertEq(TypedData.USAGE_RECEIPT, 0xf3ff34e91c4a3ea2336a6dc92387d7c09dcfc066f47b80af8dff45504050afb8);
        vm.assertEq(TypedData.SEGMENT, 0x3e25d19a471274f888aaf9b48fba9427f6f709019e2d3cfc5b3ecaf8ad0c437e);
        vm.assertEq(TypedData.ACK, 0x81fd91880ddaa07f88db234777f2a114efe5ceb90ec918f1d0020759ccab22f9);
        vm.assertEq(TypedData.GATE_REPORT, 0xba64ca5db100d96b66f624cb99e4be960f96b610fc21290e041d4198b1e42454);
        vm.assertEq(TypedData.FINDING, 0x36de29a693857bb98a5e1d5fb2b3fea05ec8d8bf56b330e028d6145d8cbf7038);
        vm.assertEq(TypedData.ATTRIBUTION, 0xce9445b4962578bcae372451acb56512b4ca61f0fa4ea6120c5d05288e5e768d);
        vm.assertEq(TypedData.EVALUATION, 0xf3b26809b37c5a55c25b9d0b46df27939983ca42e4a83e9d022df527520f306d);
    }
}
