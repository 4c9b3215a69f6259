// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IDatasetRegistry} from "../../contracts/interfaces/IDatasetRegistry.sol";
import {IUsageLedger} from "../../contracts/interfaces/IUsageLedger.sol";
import {Signatures} from "../../contracts/libraries/Signatures.sol";
import {TokenIn} from "../../contracts/libraries/TokenIn.sol";
import {TokenOut} from "../../contracts/libraries/TokenOut.sol";
import {Base} from "../Base.sol";

/// @dev Takes a call of exactly the length of its arguments, and tells who was meant.
contract StrictToken {
    address public last;

    function balanceOf(address account) external view returns (uint256) {
        require(msg.data.length == 36, "longer than its arguments");
        return uint160(account);
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        require(msg.data.length == 68 && amount == 5, "longer than its arguments");
        last = to;
        return true;
    }
}

contract Checker {
    function isByKey(address signer, bytes32 digest, bytes calldata signature) external pure returns (bool) {
        return Signatures.isByKey(signer, digest, signature);
    }
}

/// @dev What holds up to a bound holds at it, and not one further.
contract ExactnessTest is Base {
    Checker internal checker = new Checker();

    function test_tokens_are_called_with_their_arguments_alone() public {
        StrictToken strict = new StrictToken();
        vm.assertEq(TokenIn.balance(IERC20(address(strict)), stranger), uint160(stranger));
        vm.assertTrue(TokenOut.transferred(IERC20(address(strict)), stranger, 5, 100_000));
        vm.assertEq(strict.last(), stranger);
    }

    function test_upper_bits_of_an_address_are_no_part_of_it() public {
        StrictToken strict = new StrictToken();
        address dirty;
        assembly {
            dirty := or(sload(stranger.slot), shl(160, 7))
        }
        vm.assertEq(TokenIn.balance(IERC20(address(strict)), dirty), uint160(stranger));
        vm.assertTrue(TokenOut.transferred(IERC20(address(strict)), dirty, 5, 100_000));
        vm.assertEq(strict.last(), stranger);
    }

    function test_gas_for_a_try_and_for_its_record() public pure {
        vm.assertEq(TokenOut.TRY_GAS, 200_000);
        vm.assertEq(TokenOut.NEEDED_GAS, 263_174);
    }

    /// @dev Any r that is on the curve and any s give somebody's signature.
    function test_a_signature_has_its_s_in_the_lower_half() public view {
        bytes32 r = 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798;
        uint256 half = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;
        address low = ecrecover(REASON, 27, r, bytes32(half));
        vm.assertTrue(checker.isByKey(low, REASON, abi.encodePacked(r, half, uint8(27))));
        address high = ecrecover(REASON, 27, r, bytes32(half + 1));
        vm.assertTrue(high != address(0));
        vm.assertFalse(checker.isByKey(high, REASON, abi.encodePacked(r, half + 1, uint8(27))));
    }

    function test_a_signature_has_65_bytes() public view {
        bytes memory signature = signed(HOLDER_KEY, REASON);
        vm.assertTrue(checker.isByKey(holder, REASON, signature));
        vm.assertFalse(checker.isByKey(stranger, REASON, signature));
        vm.assertFalse(checker.isByKey(holder, REASON, bytes.concat(signature, hex"00")));
        vm.assertFalse(checker.isByKey(address(0), REASON, new bytes(65)));
    }

    function test_a_dataset_is_superseded_whatever_the_order_of_the_ids() public {
        (bytes32 a, bytes32 b) = (register(), register(keccak256("another root")));
        (bytes32 c, bytes32 d) = (register(keccak256("third")), register(keccak256("fourth")));
        (a, b) = a < b ? (a, b) : (b, a);
        (c, d) = c < d ? (c, d) : (d, c);
        vm.prank(holder);
        datasets.supersede(a, b);
        vm.prank(holder);
        datasets.supersede(d, c);
        vm.assertTrue(datasets.dataset(a).superseded && datasets.dataset(d).superseded);
        vm.expectRevert(abi.encodeWithSelector(IDatasetRegistry.SupersedesItself.selector, b));
        vm.prank(holder);
        datasets.supersede(b, b);
    }

    function test_a_meter_that_was_removed_has_the_head_one() public {
        vm.prank(owner);
        ledger.admitMeter(meter);
        vm.assertEq(ledger.headOf(meter), keccak256(abi.encode(meter)));
        vm.prank(owner);
        ledger.removeMeter(meter);
        vm.assertEq(ledger.headOf(meter), bytes32(uint256(1)));
        vm.expectRevert(abi.encodeWithSelector(IUsageLedger.AlreadyMeter.selector, meter));
        vm.prank(owner);
        ledger.admitMeter(meter);
    }
}
