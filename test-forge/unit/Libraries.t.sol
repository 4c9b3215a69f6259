// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {HookToken} from "../../contracts/mocks/HostileTokens.sol";
import {IDataAccess} from "../../contracts/interfaces/IDataAccess.sol";
import {Leaves} from "../../contracts/libraries/Leaves.sol";
import {Purposes} from "../../contracts/libraries/Purposes.sol";
import {TokenIn} from "../../contracts/libraries/TokenIn.sol";
import {TokenOut} from "../../contracts/libraries/TokenOut.sol";
import {TypedData} from "../../contracts/libraries/TypedData.sol";
import {Base} from "../Base.sol";
import {Parrot} from "../Parrot.sol";

contract LibrariesTest is Base {
    uint256 internal constant PLENTY = 1_000_000;

    function transferred(bytes memory answer) internal returns (bool) {
        return TokenOut.transferred(IERC20(address(new Parrot(answer))), stranger, 1, PLENTY);
    }

    function test_a_transfer_is_done_if_the_token_answers_true_or_nothing() public {
        vm.assertTrue(transferred(""));
        vm.assertTrue(transferred(abi.encode(true)));
        vm.assertTrue(transferred(abi.encode(uint256(1), "more")));
        vm.assertFalse(transferred(abi.encode(false)));
        vm.assertFalse(transferred(abi.encode(uint256(2))));
        vm.assertFalse(transferred(hex"01"));
        vm.assertFalse(transferred(abi.encodePacked(uint248(0))));
    }

    function test_a_short_answer_is_not_read_with_what_stood_in_memory_before() public {
        Parrot parrot = new Parrot(new bytes(16));
        assembly {
            mstore(0, 1)
        }
        vm.assertFalse(TokenOut.transferred(IERC20(address(parrot)), stranger, 1, PLENTY));
    }

    function test_nothing_is_transferred_by_an_account_without_code() public {
        vm.assertFalse(TokenOut.transferred(IERC20(address(0xdead)), stranger, 1, PLENTY));
    }

    function test_a_transfer_keeps_to_its_gas() public {
        HookToken hook = new HookToken();
        hook.set(stranger, HookToken.Mood.BurnsGas);
        uint256 before = gasleft();
        vm.assertFalse(TokenOut.transferred(hook, stranger, 1, TokenOut.TRY_GAS));
        vm.assertLe(before - gasleft(), TokenOut.TRY_GAS + 20_000);
    }

    function test_a_balance_that_cannot_be_read_is_zero() public {
        vm.assertEq(TokenIn.balance(IERC20(address(0xdead)), stranger), 0);
        vm.assertEq(TokenIn.balance(IERC20(address(new Parrot(hex"ff"))), stranger), 0);
        vm.assertEq(TokenIn.balance(IERC20(address(new Parrot(abi.encode(7)))), stranger), 7);
    }

    function test_purposes_are_the_bits_0_to_14() public pure {
        for (uint256 bit = 0; bit < 32; ++bit) {
            uint32 purpose = uint32(1 << bit);
            vm.assertTrue(Purposes.isOne(purpose));
            vm.assertEq(Purposes.reserved(purpose), bit < 15 ? 0 : purpose);
        }
        vm.assertFalse(Purposes.isOne(0));
        vm.assertFalse(Purposes.isOne(3));
    }

    function test_a_recordings_leaf_is_the_standard_one() public pure {
        bytes32 leaf = Leaves.recording(1, ROOT, MANIFEST, TERMS, SPLITS);
        vm.assertEq(leaf, keccak256(bytes.concat(keccak256(abi.encode(uint32(1), ROOT, MANIFEST, TERMS, SPLITS)))));
    }

    function test_a_members_leaf_is_the_standard_one() public view {
        bytes32 leaf = Leaves.member(ROOT, holder);
        vm.assertEq(leaf, keccak256(bytes.concat(keccak256(abi.encode(ROOT, holder)))));
    }

    function test_an_offer_is_hashed_in_memory_as_in_calldata_and_leaves_memory_alone() public view {
        bytes memory before = "what stands before";
        IDataAccess.Offer memory offer =
            IDataAccess.Offer(ROOT, holder, 5, licensee, address(token), 1, FAR, 2, START, 3, TERMS, 4);
        bytes memory after_ = "what stands behind";
        bytes32 hash = TypedData.grantedOffer(offer);
        vm.assertEq(hash, keccak256(abi.encode(TypedData.OFFER, offer)));
        vm.assertEq(hash, this.hashed(offer));
        vm.assertEq(before, "what stands before");
        vm.assertEq(after_, "what stands behind");
    }

    function hashed(IDataAccess.Offer calldata offer) external pure returns (bytes32) {
        return TypedData.offer(offer);
    }
}
