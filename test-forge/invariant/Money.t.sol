// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {RoyaltyDistributor} from "../../contracts/RoyaltyDistributor.sol";
import {IRoyaltyDistributor} from "../../contracts/interfaces/IRoyaltyDistributor.sol";
import {HookToken} from "../../contracts/mocks/HostileTokens.sol";
import {Trees} from "../Trees.sol";
import {Vm} from "../Vm.sol";

/// @dev Does what publishers, watchers, payees and relayers may do, in any order, and keeps its own books.
contract MoneyHandler {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 internal constant COUNT = 5;
    uint256 internal constant PAYEE_KEY = 0xba5e;
    uint256 public constant BOND = 1_000;
    uint40 internal constant WINDOW = 1 days;

    address internal immutable GUARDIAN = address(0x0b);
    address internal immutable ARBITER = address(0x0c);
    address internal immutable PUBLISHER = address(0x0d);

    HookToken public immutable TOKEN = new HookToken();
    RoyaltyDistributor public immutable DISTRIBUTOR;

    // The ghost books.
    uint256 public funded;
    uint256 public moved;
    uint256 public bondsIn;
    uint256 public bondsOut;
    mapping(uint256 => uint256) public highest;
    uint256 public calls;
    uint256 public claims;

    uint64 internal epoch;
    mapping(uint64 => uint256[COUNT]) internal sums;

    constructor() {
        DISTRIBUTOR =
            new RoyaltyDistributor(address(TOKEN), 0, WINDOW, BOND, address(0x0a), GUARDIAN, ARBITER, PUBLISHER);
        TOKEN.mint(address(this), type(uint128).max);
        TOKEN.approve(address(DISTRIBUTOR), type(uint256).max);
    }

    modifier counted() {
        ++calls;
        _;
        for (uint256 i = 0; i < COUNT; ++i) {
            uint256 present = DISTRIBUTOR.claimed(payee(i));
            vm.assertGe(present, highest[i], "claimed fell");
            highest[i] = present;
        }
    }

    function payee(uint256 i) public pure returns (address) {
        return vm.addr(PAYEE_KEY + i);
    }

    function fund(uint96 amount) external counted {
        DISTRIBUTOR.fund(amount, bytes32(calls));
        funded += amount;
    }

    /// @dev A proposal may promise more in its leaves than in its total: a publisher's error or crime.
    function propose(uint64 shift, uint256 seed, bool honest) external counted {
        uint64 next = epoch + 1 + (shift % 8 == 0 ? 1 : 0);
        uint256 total = 0;
        uint256 room = (DISTRIBUTOR.funded() - DISTRIBUTOR.settlement(epoch).total) / COUNT;
        for (uint256 i = 0; i < COUNT; ++i) {
            uint256 growth = uint256(keccak256(abi.encode(seed, i))) % (room + 1);
            sums[next][i] = sums[epoch][i] + growth;
            total += sums[next][i];
        }
        if (!honest) sums[next][seed % COUNT] += seed % 1_000_000;
        bytes32[] memory nodes = tree(next);
        vm.prank(PUBLISHER);
        try DISTRIBUTOR.propose(next, nodes[0], total, bytes32(seed), bytes32(seed)) {
            epoch = next;
        } catch {}
    }

    function wait(uint24 time) external counted {
        vm.warp(block.timestamp + time);
    }

    function veto() external counted {
        vm.prank(GUARDIAN);
        try DISTRIBUTOR.veto(epoch, 0) {
            --epoch;
        } catch {}
    }

    function challenge() external counted {
        try DISTRIBUTOR.challenge(epoch, 0) {
            bondsIn += BOND;
        } catch {}
    }

    function resolve(bool upheld, bool refusing) external counted {
        TOKEN.set(address(this), refusing ? HookToken.Mood.Reverts : HookToken.Mood.Kind);
        uint256 owed = DISTRIBUTOR.bondOwed(address(this));
        vm.prank(ARBITER);
        try DISTRIBUTOR.resolve(epoch, upheld) {
            if (DISTRIBUTOR.bondOwed(address(this)) == owed) bondsOut += BOND;
            if (upheld) --epoch;
        } catch {}
    }

    function withdrawBond() external counted {
        TOKEN.set(address(this), HookToken.Mood.Kind);
        uint256 owed = DISTRIBUTOR.bondOwed(address(this));
        try DISTRIBUTOR.withdrawBond(address(this)) {
            bondsOut += owed;
        } catch {}
    }

    function setMood(uint8 i, uint8 mood) external counted {
        TOKEN.set(payee(i % COUNT), HookToken.Mood(mood % 6));
    }

    function claim(uint8 i, bool older) external counted {
        i = uint8(i % COUNT);
        uint64 at = older && epoch > 0 ? epoch - 1 : epoch;
        bytes32[] memory path = Trees.path(tree(at), COUNT - 1 + i);
        uint256 before = DISTRIBUTOR.claimed(payee(i));
        try DISTRIBUTOR.claim{gas: 1_000_000}(at, payee(i), sums[at][i], path) {
            moved += sums[at][i] - before;
            ++claims;
        } catch {}
    }

    function claimAll(bool older) external counted {
        uint64 at = older && epoch > 0 ? epoch - 1 : epoch;
        IRoyaltyDistributor.Payment[] memory payments = new IRoyaltyDistributor.Payment[](COUNT);
        for (uint256 i = 0; i < COUNT; ++i) {
            payments[i] = IRoyaltyDistributor.Payment(payee(i), sums[at][i]);
        }
        try DISTRIBUTOR.claimSubtree(at, payments, new bytes32[](0)) returns (uint256 sum) {
            moved += sum;
            ++claims;
        } catch {}
    }

    function claimTo(uint8 i, uint96 limit) external counted {
        i = uint8(i % COUNT);
        uint256 before = DISTRIBUTOR.claimed(payee(i));
        IRoyaltyDistributor.Reassign memory reassign =
            IRoyaltyDistributor.Reassign(payee(i), address(0x77), limit, block.timestamp);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(PAYEE_KEY + i, DISTRIBUTOR.reassignDigest(reassign));
        bytes32[] memory path = Trees.path(tree(epoch), COUNT - 1 + i);
        try DISTRIBUTOR.claimTo(epoch, sums[epoch][i], path, reassign, abi.encodePacked(r, s, v)) {
            moved += DISTRIBUTOR.claimed(payee(i)) - before;
            ++claims;
        } catch {}
    }

    function tree(uint64 at) internal view returns (bytes32[] memory) {
        bytes32[] memory leaves = new bytes32[](COUNT);
        for (uint256 i = 0; i < COUNT; ++i) {
            bytes32 once = keccak256(abi.encode(block.chainid, address(DISTRIBUTOR), payee(i), sums[at][i]));
            leaves[i] = keccak256(bytes.concat(once));
        }
        return Trees.build(leaves);
    }

    function claimedSum() external view returns (uint256 sum) {
        for (uint256 i = 0; i < COUNT; ++i) {
            sum += DISTRIBUTOR.claimed(payee(i));
        }
    }
}

contract MoneyInvariants {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    MoneyHandler internal handler;
    RoyaltyDistributor internal distributor;

    function setUp() public {
        vm.warp(1_800_000_000);
        handler = new MoneyHandler();
        distributor = handler.DISTRIBUTOR();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @dev One invariant, so that one run of calls serves all three.
    function invariant_the_money_is_safe() public view {
        noMoreIsPaidThanPromisedNorPromisedThanFunded();
        theBooksAgree();
        theBalanceCoversEverything();
    }

    /// @dev paid ≤ active total ≤ funded.
    function noMoreIsPaidThanPromisedNorPromisedThanFunded() internal view {
        uint256 total = distributor.settlement(distributor.activeEpoch()).total;
        vm.assertLe(distributor.paid(), total, "paid more than the active total");
        vm.assertLe(total, distributor.funded(), "promised more than was funded");
    }

    /// @dev Σ claimed = paid, and both are what the tokens say.
    function theBooksAgree() internal view {
        vm.assertEq(handler.claimedSum(), distributor.paid(), "claimed");
        vm.assertEq(handler.moved(), distributor.paid(), "moved");
        vm.assertEq(handler.funded(), distributor.funded(), "funded");
    }

    /// @dev The balance is exactly what is unpaid and the bonds that are held.
    function theBalanceCoversEverything() internal view {
        uint256 bonds = handler.bondsIn() - handler.bondsOut();
        uint256 balance = handler.TOKEN().balanceOf(address(distributor));
        vm.assertEq(balance, distributor.funded() - distributor.paid() + bonds, "balance");
        vm.assertGe(bonds, distributor.bondOwed(address(handler)), "bonds");
    }
}
