// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {RoyaltyDistributor} from "../../contracts/RoyaltyDistributor.sol";
import {HookToken} from "../../contracts/mocks/HostileTokens.sol";
import {Trees} from "../Trees.sol";
import {Vm} from "../Vm.sol";

/// @dev What the handler knows by its own books: two settlements, every payee's sum in each; who is publisher, whose
/// stakes are in, who challenged, and what is owed to whom. Any of three actors may be any of these.
abstract contract MoneyBooks {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 internal constant COUNT = 5;
    uint256 internal constant PAYEE_KEY = 0xba5e;
    uint256 internal constant BOND = 1_001;
    uint256 internal constant STAKE = 3_003;
    uint40 internal constant WINDOW = 1 days;
    uint256 internal constant GAS = 5_000_000;

    address internal constant OWNER = address(0x0a);
    address internal constant GUARDIAN = address(0x0b);
    address internal constant ARBITER = address(0x0c);
    uint160 internal constant ACTORS = 0x0d; // the first of three, who begins as publisher

    struct SettlementBook {
        uint64 epoch;
        uint8 status;
        uint256 activeAt;
        uint256 total;
        bytes32 root;
        address proposer;
        bool byExit;
    }

    HookToken public immutable TOKEN = new HookToken();
    RoyaltyDistributor public immutable DISTRIBUTOR;

    uint256 public funded;
    uint256 public paid;
    mapping(address => uint256) public claimed;
    mapping(uint64 epoch => uint256[COUNT]) internal sums;
    SettlementBook[2] internal slots;
    uint64 internal epoch; // the newest that was neither vetoed nor rejected
    uint256 internal highest;

    address internal publisher = address(ACTORS);
    mapping(address => bool) internal asPublisher; // whose stake is in
    mapping(address => bool) internal asStranger;
    mapping(address => uint256) internal due;
    mapping(address => uint64[]) internal waits; // of each bond that silence returned, the epoch that was refused
    address internal challenger;
    uint256 internal challengedAt;
    uint256 internal nobodys;
    uint256 internal deployedAt = block.timestamp;

    constructor() {
        DISTRIBUTOR = new RoyaltyDistributor(
            address(TOKEN), 0, WINDOW, BOND, STAKE, address(TOKEN), OWNER, GUARDIAN, ARBITER, publisher
        );
        TOKEN.mint(address(this), type(uint128).max);
        TOKEN.approve(address(DISTRIBUTOR), type(uint256).max);
        funded = DISTRIBUTOR.fund(1_000_000e6, 0);
        for (uint8 i = 0; i < 3; ++i) {
            TOKEN.mint(actor(i), type(uint96).max);
            vm.prank(actor(i));
            TOKEN.approve(address(DISTRIBUTOR), type(uint256).max);
        }
        vm.prank(publisher);
        DISTRIBUTOR.stake();
        asPublisher[publisher] = true;
    }

    function actor(uint8 i) internal pure returns (address) {
        return address(ACTORS + i % 3);
    }

    function payee(uint256 i) public pure returns (address) {
        return vm.addr(PAYEE_KEY + i);
    }

    function slot(uint64 at) internal view returns (SettlementBook storage) {
        return slots[at & 1];
    }

    function has(uint64 at, uint8 status) internal view returns (bool) {
        SettlementBook storage book = slot(at);
        return at != 0 && book.epoch == at && book.status == status;
    }

    function isLive(uint64 at) internal view returns (bool) {
        return has(at, 1) && block.timestamp >= slot(at).activeAt;
    }

    /// @dev Proposed and not yet active.
    function isOpen() internal view returns (bool) {
        return has(epoch, 1) && block.timestamp < slot(epoch).activeAt;
    }

    function active() internal view returns (uint64) {
        if (isLive(epoch)) return epoch;
        return epoch == 0 ? 0 : epoch - 1;
    }

    function exitOpensAt() internal view returns (uint256) {
        return (active() == 0 ? deployedAt : slot(active()).activeAt) + 90 days;
    }

    /// @dev Whether a root of its that is neither active nor refused needs this stake.
    function isBound(address who, bool byExit) internal view returns (bool) {
        SettlementBook storage book = slot(epoch);
        return (isOpen() || has(epoch, 2)) && book.proposer == who && book.byExit == byExit;
    }

    /// @dev What a claim on `at` may still draw.
    function left(uint64 at) internal view returns (uint256) {
        uint256 limit = isLive(at + 1) ? slot(at + 1).total : slot(at).total;
        return paid < limit ? limit - paid : 0;
    }

    function isKind(address to) internal view returns (bool) {
        HookToken.Mood mood = TOKEN.moods(to);
        return mood == HookToken.Mood.Kind || mood == HookToken.Mood.LongTrue;
    }

    function tree(uint64 at) internal view returns (bytes32[] memory) {
        return treeOf(sums[at]);
    }

    function treeOf(uint256[COUNT] memory earned) internal view returns (bytes32[] memory) {
        bytes32[] memory leaves = new bytes32[](COUNT);
        for (uint256 i = 0; i < COUNT; ++i) {
            bytes32 once = keccak256(abi.encode(block.chainid, address(DISTRIBUTOR), payee(i), earned[i]));
            leaves[i] = keccak256(bytes.concat(once));
        }
        return Trees.build(leaves);
    }

    /// @dev Bonds of `who` that wait, and those that wait no longer.
    function bonds(address who) internal view returns (uint256 waiting, uint256 ready) {
        for (uint256 i = 0; i < waits[who].length; ++i) {
            if (waits[who][i] > active()) waiting += BOND;
            else ready += BOND;
        }
    }

    /// @dev Each payee's claimed sum is the one in the books, and so is their sum; it never fell.
    function assertClaims() external {
        uint256 sum = 0;
        for (uint256 i = 0; i < COUNT; ++i) {
            uint256 present = DISTRIBUTOR.claimed(payee(i));
            vm.assertEq(present, claimed[payee(i)], "claimed");
            sum += present;
        }
        vm.assertEq(sum, DISTRIBUTOR.paid(), "the sum of what was claimed");
        vm.assertEq(sum, paid, "paid");
        vm.assertGe(sum, highest, "claimed fell");
        highest = sum;
    }

    /// @dev Stakes, bonds and what is owed are those in the books; with what is nobody's they are all that is in beside
    /// the money that is funded and unpaid.
    function assertStakes() external view {
        uint256 beside = nobodys + (has(epoch, 2) ? BOND : 0);
        for (uint8 i = 0; i < 3; ++i) {
            address who = actor(i);
            uint256 stakes = (asPublisher[who] ? STAKE : 0) + (asStranger[who] ? STAKE : 0);
            (uint256 waiting, uint256 ready) = bonds(who);
            (uint256 amount, uint256 later) = DISTRIBUTOR.owed(who);
            vm.assertEq(DISTRIBUTOR.staked(who), stakes, "staked");
            vm.assertEq(amount, due[who] + ready, "owed");
            vm.assertEq(later, waiting, "waiting");
            beside += stakes + amount + waiting;
        }
        vm.assertEq(TOKEN.balanceOf(address(DISTRIBUTOR)), funded - paid + beside, "balance");
        vm.assertEq(DISTRIBUTOR.roleHolder("publisher"), publisher);
        (address by, uint40 at) = DISTRIBUTOR.challenger();
        vm.assertEq(by, has(epoch, 2) ? challenger : address(0));
        vm.assertEq(at, has(epoch, 2) ? challengedAt : 0);
        vm.assertEq(DISTRIBUTOR.exitOpensAt(), exitOpensAt(), "exit");
    }
}
