// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {RoyaltyDistributor} from "../../contracts/RoyaltyDistributor.sol";
import {IRoyaltyDistributor} from "../../contracts/interfaces/IRoyaltyDistributor.sol";
import {HookToken} from "../../contracts/mocks/HostileTokens.sol";
import {Trees} from "../Trees.sol";
import {Vm} from "../Vm.sol";
import {MoneyBooks} from "./MoneyBooks.sol";

/// @dev Does what publishers, watchers, payees and relayers may do, in any order. Each call must succeed exactly when
/// the books say so, and move what they say.
contract MoneyHandler is MoneyBooks {
    function called(address who, bytes memory data, bool expected) internal returns (bool ok) {
        vm.prank(who);
        (ok,) = address(DISTRIBUTOR).call{gas: GAS}(data);
        vm.assertEq(ok ? 1 : 0, expected ? 1 : 0, "the books say otherwise");
    }

    function fund(uint96 amount, bool from) external {
        bytes memory data = from
            ? abi.encodeCall(DISTRIBUTOR.fundFrom, (address(this), amount, 0))
            : abi.encodeCall(DISTRIBUTOR.fund, (amount, 0));
        called(from ? address(TOKEN) : address(this), data, true); // the token is the access contract here
        funded += amount;
    }

    /// @dev Who proposes: the publisher mostly.
    struct Proposal {
        address who;
        uint64 next;
        uint256 before;
        uint256 total;
        uint256[COUNT] earned;
        bool byExit;
        bool replaces;
    }

    /// @dev A proposal may promise more in its leaves than in its total: a publisher's error or crime.
    function propose(uint8 who, uint64 shift, uint256 seed, bool honest) external {
        Proposal memory p;
        p.who = who % 4 == 0 ? actor(who / 4) : publisher;
        p.byExit = p.who != publisher;
        p.replaces = !p.byExit && isOpen() && slot(epoch).byExit;
        uint64 last = p.replaces ? epoch - 1 : epoch;
        p.next = last + 1 + (shift % 8 == 0 ? 1 : 0);
        p.before = has(last, 1) ? slot(last).total : 0;
        for (uint256 i = 0; i < COUNT; ++i) {
            uint256 growth = uint256(keccak256(abi.encode(seed, i))) % ((funded - p.before) / COUNT + 1);
            p.earned[i] = sums[last][i] + growth;
            p.total += growth;
        }
        p.total = shift % 8 == 1 ? funded + 1 : shift % 8 == 2 && p.before > 0 ? p.before - 1 : p.before + p.total;
        if (!honest) p.earned[seed % COUNT] += seed % (p.total + 1);
        bool ready = last == 0 || isLive(last);
        bool expected = p.next == last + 1 && ready && p.total >= p.before && p.total <= funded
            && (p.byExit ? block.timestamp >= exitOpensAt() : asPublisher[p.who]);
        bytes32 root = treeOf(p.earned)[0];
        if (!called(p.who, abi.encodeCall(DISTRIBUTOR.propose, (p.next, root, p.total, 0, 0)), expected)) return;
        sums[p.next] = p.earned;
        uint256 activeAt = block.timestamp + (p.byExit ? 14 days : WINDOW);
        slots[p.next & 1] = SettlementBook(p.next, 1, activeAt, p.total, root, p.who, p.byExit);
        epoch = p.next;
        if (p.byExit) takesExit(p.who, true);
    }

    /// @dev One stake by the exit is in at most: another's that was there is owed.
    function takesExit(address who, bool serves) internal {
        if (serves && asStranger[who]) return;
        for (uint8 i = 0; i < 3; ++i) {
            if (!asStranger[actor(i)]) continue;
            asStranger[actor(i)] = false;
            due[actor(i)] += STAKE;
        }
        asStranger[who] = true;
    }

    function wait(uint24 time) external {
        uint256 seconds_ = time % 16 == 1 ? 91 days : time % 4 == 0 ? time % 20 days : time % 30 hours;
        vm.warp(block.timestamp + seconds_);
    }

    function stake(uint8 who) external {
        address by = actor(who);
        if (called(by, abi.encodeCall(DISTRIBUTOR.stake, ()), by == publisher && !asPublisher[by])) {
            asPublisher[by] = true;
        }
    }

    function unstake(uint8 who, uint8 mood) external {
        address by = actor(who);
        TOKEN.set(by, HookToken.Mood(mood % 14 < 7 ? mood % 14 : 0));
        (, uint256 ready) = bonds(by);
        bool first = asPublisher[by] && !isBound(by, false);
        bool second = !first && asStranger[by] && !isBound(by, true);
        uint256 amount = due[by] + ready + (first || second ? STAKE : 0);
        uint256 before = TOKEN.balanceOf(by);
        bytes memory data = abi.encodeCall(DISTRIBUTOR.unstake, (by));
        if (!called(by, data, amount != 0 && isKind(by))) return;
        vm.assertEq(TOKEN.balanceOf(by) - before, amount, "taken");
        if (first) asPublisher[by] = false;
        if (second) asStranger[by] = false;
        due[by] = 0;
        if (ready == 0) return;
        uint64[] memory all = waits[by];
        delete waits[by];
        for (uint256 i = 0; i < all.length; ++i) {
            if (all[i] > active()) waits[by].push(all[i]);
        }
    }

    /// @dev Owner and new publisher agree; the two days pass.
    function handOver(uint8 to, uint8 chance) external {
        address next = actor(to);
        if (chance % 4 != 0 || next == publisher) return;
        called(OWNER, abi.encodeCall(DISTRIBUTOR.offerRole, ("publisher", next)), true);
        vm.warp(block.timestamp + 2 days);
        bool open = isBound(publisher, false);
        called(next, abi.encodeCall(DISTRIBUTOR.acceptRole, ("publisher")), true);
        address before = publisher;
        publisher = next;
        if (!asPublisher[before]) return;
        asPublisher[before] = false;
        if (!open) {
            due[before] += STAKE;
            return;
        }
        takesExit(before, false);
        slot(epoch).byExit = true;
    }

    /// @dev Most proposals pass: else little is ever paid.
    function veto(uint8 chance) external {
        if (chance % 4 != 0) return;
        bytes memory data = abi.encodeCall(DISTRIBUTOR.veto, (epoch, slot(epoch).root, 0));
        if (!called(GUARDIAN, data, isOpen())) return;
        slot(epoch).status = 3;
        --epoch;
    }

    function challenge(uint8 who, uint8 chance) external {
        if (chance % 2 != 0) return;
        bytes32 root = chance % 16 == 0 ? bytes32(uint256(1)) : slot(epoch).root;
        bytes memory data = abi.encodeCall(DISTRIBUTOR.challenge, (epoch, root, 0));
        if (!called(actor(who), data, isOpen() && root == slot(epoch).root)) return;
        slot(epoch).status = 2;
        (challenger, challengedAt) = (actor(who), block.timestamp);
    }

    /// @dev The arbiter often waits until it is too late.
    function resolve(bool upheld, uint8 who, uint8 chance) external {
        address by = who % 4 == 0 ? actor(who / 4) : ARBITER;
        if (chance % 4 == 0) vm.warp(block.timestamp + 14 days);
        SettlementBook storage book = slot(epoch);
        address named = chance % 16 == 1 ? address(0x77) : challenger;
        bool late = block.timestamp >= challengedAt + 14 days;
        bool expected = has(epoch, 2) && named == challenger && (late ? upheld : by == ARBITER);
        if (!called(by, abi.encodeCall(DISTRIBUTOR.resolve, (epoch, book.root, named, upheld)), expected)) return;
        book.status = upheld ? 4 : 1;
        if (late) {
            waits[challenger].push(epoch);
        } else if (upheld) {
            if (book.byExit) asStranger[book.proposer] = false;
            else asPublisher[book.proposer] = false;
            due[challenger] += BOND + STAKE / 2;
            nobodys += STAKE - STAKE / 2;
        } else {
            due[book.proposer] += BOND / 2;
            nobodys += BOND - BOND / 2;
        }
        if (upheld) --epoch;
        else book.activeAt = block.timestamp + (book.byExit ? 14 days : WINDOW);
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
        handler.assertStakes();
    }

    /// @dev paid ≤ active total ≤ funded.
    function noMoreIsPaidThanPromisedNorPromisedThanFunded() internal view {
        uint256 total = distributor.settlement(distributor.activeEpoch()).total;
        vm.assertLe(distributor.paid(), total, "paid more than the active total");
        vm.assertLe(total, distributor.funded(), "promised more than was funded");
        vm.assertEq(handler.funded(), distributor.funded(), "funded");
    }
}
