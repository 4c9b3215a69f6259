// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {RoyaltyDistributor} from "../../contracts/RoyaltyDistributor.sol";
import {IRoyaltyDistributor} from "../../contracts/interfaces/IRoyaltyDistributor.sol";
import {HookToken} from "../../contracts/mocks/HostileTokens.sol";
import {Trees} from "../Trees.sol";
import {Vm} from "../Vm.sol";

/// @dev What the handler knows by its own books: two settlements, every payee's sum in each, the bonds.
abstract contract MoneyBooks {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 internal constant COUNT = 5;
    uint256 internal constant PAYEE_KEY = 0xba5e;
    uint256 public constant BOND = 1_000;
    uint40 internal constant WINDOW = 1 days;
    uint256 internal constant GAS = 5_000_000;

    address internal constant GUARDIAN = address(0x0b);
    address internal constant ARBITER = address(0x0c);
    address internal constant PUBLISHER = address(0x0d);
    address internal constant CHALLENGER = address(0x0e);

    struct SettlementBook {
        uint64 epoch;
        uint8 status;
        uint256 activeAt;
        uint256 total;
    }

    HookToken public immutable TOKEN = new HookToken();
    RoyaltyDistributor public immutable DISTRIBUTOR;

    uint256 public funded;
    uint256 public paid;
    uint256 public bonds; // held, whoever is to have them
    mapping(address => uint256) public owed;
    mapping(address => uint256) public claimed;
    mapping(uint64 epoch => uint256[COUNT]) internal sums;
    SettlementBook[2] internal slots;
    uint64 internal epoch; // the newest that was neither vetoed nor rejected
    uint256 internal challengedAt;
    uint256 internal highest;

    constructor() {
        DISTRIBUTOR =
            new RoyaltyDistributor(address(TOKEN), 0, WINDOW, BOND, address(0x0a), GUARDIAN, ARBITER, PUBLISHER);
        TOKEN.mint(address(this), type(uint128).max);
        TOKEN.approve(address(DISTRIBUTOR), type(uint256).max);
        funded = DISTRIBUTOR.fund(1_000_000e6, 0);
        TOKEN.mint(CHALLENGER, type(uint96).max);
        vm.prank(CHALLENGER);
        TOKEN.approve(address(DISTRIBUTOR), type(uint256).max);
    }

    function payee(uint256 i) public pure returns (address) {
        return vm.addr(PAYEE_KEY + i);
    }

    function slot(uint64 at) internal view returns (SettlementBook storage) {
        return slots[at & 1];
    }

    function isPending(uint64 at, uint8 status) internal view returns (bool) {
        SettlementBook storage book = slot(at);
        return at != 0 && book.epoch == at && book.status == status;
    }

    function isLive(uint64 at) internal view returns (bool) {
        return isPending(at, 1) && block.timestamp >= slot(at).activeAt;
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
        bytes32[] memory leaves = new bytes32[](COUNT);
        for (uint256 i = 0; i < COUNT; ++i) {
            bytes32 once = keccak256(abi.encode(block.chainid, address(DISTRIBUTOR), payee(i), sums[at][i]));
            leaves[i] = keccak256(bytes.concat(once));
        }
        return Trees.build(leaves);
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

    function assertBonds() external view {
        vm.assertEq(DISTRIBUTOR.bondOwed(CHALLENGER), owed[CHALLENGER], "owed to the challenger");
        vm.assertEq(DISTRIBUTOR.bondOwed(PUBLISHER), owed[PUBLISHER], "owed to the publisher");
        uint256 open = isPending(epoch, 2) ? BOND : 0;
        vm.assertEq(bonds, owed[CHALLENGER] + owed[PUBLISHER] + open, "bonds");
    }
}

/// @dev Does what publishers, watchers, payees and relayers may do, in any order. Each call must succeed exactly when
/// the books say so, and move what they say.
contract MoneyHandler is MoneyBooks {
    function called(address who, bytes memory data, bool expected) internal returns (bool ok) {
        vm.prank(who);
        (ok,) = address(DISTRIBUTOR).call{gas: GAS}(data);
        vm.assertEq(ok ? 1 : 0, expected ? 1 : 0, "the books say otherwise");
    }

    function fund(uint96 amount) external {
        called(address(this), abi.encodeCall(DISTRIBUTOR.fund, (amount, 0)), true);
        funded += amount;
    }

    /// @dev A proposal may promise more in its leaves than in its total: a publisher's error or crime.
    function propose(uint64 shift, uint256 seed, bool honest) external {
        uint64 next = epoch + 1 + (shift % 8 == 0 ? 1 : 0);
        uint256 before = isPending(epoch, 1) ? slot(epoch).total : 0;
        uint256 total = 0;
        for (uint256 i = 0; i < COUNT; ++i) {
            uint256 growth = uint256(keccak256(abi.encode(seed, i))) % ((funded - before) / COUNT + 1);
            sums[next][i] = sums[epoch][i] + growth;
            total += growth;
        }
        total = shift % 8 == 1 ? funded + 1 : shift % 8 == 2 && before > 0 ? before - 1 : before + total;
        if (!honest) sums[next][seed % COUNT] += seed % (total + 1);
        bool ready = epoch == 0 || isLive(epoch);
        bool expected = next == epoch + 1 && ready && total >= before && total <= funded;
        bytes memory data = abi.encodeCall(DISTRIBUTOR.propose, (next, tree(next)[0], total, 0, 0));
        if (!called(PUBLISHER, data, expected)) return;
        slots[next & 1] = SettlementBook(next, 1, block.timestamp + WINDOW, total);
        epoch = next;
    }

    function wait(uint24 time) external {
        vm.warp(block.timestamp + (time % 4 == 0 ? time % 20 days : time % 30 hours));
    }

    function isOpen() internal view returns (bool) {
        return isPending(epoch, 1) && block.timestamp < slot(epoch).activeAt;
    }

    /// @dev Most proposals pass: else little is ever paid.
    function veto(uint8 chance) external {
        if (chance % 4 != 0) return;
        if (!called(GUARDIAN, abi.encodeCall(DISTRIBUTOR.veto, (epoch, 0)), isOpen())) return;
        slot(epoch).status = 3;
        --epoch;
    }

    function challenge(uint8 chance) external {
        if (chance % 2 != 0) return;
        if (!called(CHALLENGER, abi.encodeCall(DISTRIBUTOR.challenge, (epoch, 0)), isOpen())) return;
        slot(epoch).status = 2;
        challengedAt = block.timestamp;
        bonds += BOND;
    }

    function resolve(bool upheld, bool byArbiter, uint8 mood) external {
        address to = upheld ? CHALLENGER : PUBLISHER;
        TOKEN.set(to, HookToken.Mood(mood % 7));
        bool late = block.timestamp >= challengedAt + 14 days;
        bool expected = isPending(epoch, 2) && (late ? upheld : byArbiter);
        bytes memory data = abi.encodeCall(DISTRIBUTOR.resolve, (epoch, upheld));
        if (!called(byArbiter ? ARBITER : CHALLENGER, data, expected)) return;
        if (isKind(to)) bonds -= BOND;
        else owed[to] += BOND;
        slot(epoch).status = upheld ? 4 : 1;
        if (upheld) --epoch;
        else slot(epoch).activeAt = block.timestamp + WINDOW;
    }

    function withdrawBond(bool publisher, uint8 mood) external {
        address who = publisher ? PUBLISHER : CHALLENGER;
        TOKEN.set(who, HookToken.Mood(mood % 7));
        bool expected = owed[who] != 0 && isKind(who);
        if (!called(who, abi.encodeCall(DISTRIBUTOR.withdrawBond, (who)), expected)) return;
        bonds -= owed[who];
        owed[who] = 0;
    }

    function setMood(uint8 i, uint8 mood) external {
        TOKEN.set(payee(i % COUNT), HookToken.Mood(mood % 14 < 7 ? mood % 14 : 0));
    }

    function book(address who, uint256 amount) internal {
        claimed[who] += amount;
        paid += amount;
    }

    /// @dev Whether `who` may claim up to `sum` on its own: all of what is due, or nothing.
    function isDue(uint64 at, address who, uint256 sum) internal view returns (bool) {
        if (!isLive(at) || sum <= claimed[who]) return false;
        uint256 amount = sum - claimed[who];
        return amount <= left(at) && amount <= slot(at).total;
    }

    /// @dev The epoch to claim on: the newest, the one before, or the one after.
    function chosen(uint8 which) internal view returns (uint64) {
        if (which % 8 == 7) return epoch + 1;
        return which % 2 == 1 && epoch > 0 ? epoch - 1 : epoch;
    }

    function claim(uint8 i, uint8 which, bool false_) external {
        i = uint8(i % COUNT);
        uint64 at = chosen(which);
        uint256 sum = sums[at][i] + (false_ ? 1 : 0);
        bool expected = isDue(at, payee(i), sum) && !false_ && isKind(payee(i));
        bytes memory data = abi.encodeCall(DISTRIBUTOR.claim, (at, payee(i), sum, Trees.path(tree(at), COUNT - 1 + i)));
        if (called(address(this), data, expected)) book(payee(i), sum - claimed[payee(i)]);
    }

    function claimTo(uint8 i, uint8 which, uint96 limit, bool self) external {
        i = uint8(i % COUNT);
        uint64 at = chosen(which);
        address to = self ? payee(i) : address(0x77);
        uint256 sum = limit < sums[at][i] ? limit : sums[at][i];
        bool expected = isDue(at, payee(i), sum) && isKind(to);
        uint256 before = TOKEN.balanceOf(to);
        if (!called(address(this), reassigned(at, i, to, limit), expected)) return;
        vm.assertEq(TOKEN.balanceOf(to) - before, sum - claimed[payee(i)], "paid to whom the payee named");
        book(payee(i), sum - claimed[payee(i)]);
    }

    function reassigned(uint64 at, uint8 i, address to, uint96 limit) internal view returns (bytes memory) {
        IRoyaltyDistributor.Reassign memory reassign =
            IRoyaltyDistributor.Reassign(payee(i), to, limit, block.timestamp);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(PAYEE_KEY + i, DISTRIBUTOR.reassignDigest(reassign));
        bytes memory by = abi.encodePacked(r, s, v);
        bytes32[] memory path = Trees.path(tree(at), COUNT - 1 + i);
        return abi.encodeCall(DISTRIBUTOR.claimTo, (at, sums[at][i], path, reassign, by));
    }

    /// @dev Everybody below a node, as a batch of claims or as one subtree.
    function claimBelow(uint8 node, uint8 which, bool subtree) external {
        node %= uint8(2 * COUNT - 1);
        uint64 at = chosen(which);
        uint256[] memory below = Trees.below(COUNT, node);
        bool expected = isLive(at);
        bytes memory data = subtree ? subtreeOf(at, node, below) : claimsOf(at, below);
        if (!called(address(this), data, expected)) return;
        uint256 room = left(at);
        for (uint256 i = 0; i < below.length; ++i) {
            address who = payee(below[i]);
            uint256 sum = sums[at][below[i]];
            if (sum <= claimed[who] || sum - claimed[who] > room || !isKind(who)) continue;
            room -= sum - claimed[who];
            book(who, sum - claimed[who]);
        }
    }

    function subtreeOf(uint64 at, uint8 node, uint256[] memory below) internal view returns (bytes memory) {
        IRoyaltyDistributor.Payment[] memory payments = new IRoyaltyDistributor.Payment[](below.length);
        for (uint256 i = 0; i < below.length; ++i) {
            payments[i] = IRoyaltyDistributor.Payment(payee(below[i]), sums[at][below[i]]);
        }
        return abi.encodeCall(DISTRIBUTOR.claimSubtree, (at, payments, Trees.path(tree(at), node)));
    }

    function claimsOf(uint64 at, uint256[] memory below) internal view returns (bytes memory) {
        IRoyaltyDistributor.Claim[] memory claims = new IRoyaltyDistributor.Claim[](below.length);
        bytes32[] memory nodes = tree(at);
        for (uint256 i = 0; i < below.length; ++i) {
            bytes32[] memory path = Trees.path(nodes, COUNT - 1 + below[i]);
            claims[i] = IRoyaltyDistributor.Claim(payee(below[i]), sums[at][below[i]], path);
        }
        return abi.encodeCall(DISTRIBUTOR.claimMany, (at, claims));
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

    /// @dev One invariant, so that one run of calls serves all; `MoneyHandler` compares every outcome on the way.
    function invariant_the_money_is_safe() public {
        noMoreIsPaidThanPromisedNorPromisedThanFunded();
        handler.assertClaims();
        handler.assertBonds();
        theBalanceCoversEverything();
    }

    /// @dev paid ≤ active total ≤ funded.
    function noMoreIsPaidThanPromisedNorPromisedThanFunded() internal view {
        uint256 total = distributor.settlement(distributor.activeEpoch()).total;
        vm.assertLe(distributor.paid(), total, "paid more than the active total");
        vm.assertLe(total, distributor.funded(), "promised more than was funded");
        vm.assertEq(handler.funded(), distributor.funded(), "funded");
    }

    /// @dev The balance is exactly what is unpaid and the bonds that are held.
    function theBalanceCoversEverything() internal view {
        uint256 balance = handler.TOKEN().balanceOf(address(distributor));
        vm.assertEq(balance, distributor.funded() - distributor.paid() + handler.bonds(), "balance");
    }
}
