// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {DatasetRegistry} from "../../contracts/DatasetRegistry.sol";
import {IConsentRegistry} from "../../contracts/interfaces/IConsentRegistry.sol";
import {IDataAccess} from "../../contracts/interfaces/IDataAccess.sol";
import {IDatasetRegistry} from "../../contracts/interfaces/IDatasetRegistry.sol";
import {IRoyaltyDistributor} from "../../contracts/interfaces/IRoyaltyDistributor.sol";
import {IUsageLedger} from "../../contracts/interfaces/IUsageLedger.sol";
import {Ids} from "../../contracts/libraries/Ids.sol";
import {Leaves} from "../../contracts/libraries/Leaves.sol";
import {TypedData} from "../../contracts/libraries/TypedData.sol";
import {Vm} from "../Vm.sol";

/// @dev The libraries as contracts use them: arguments in calldata, an address and a chain of their own.
contract Encoder {
    function royalty(address payee, uint256 cumulative) external view returns (bytes32) {
        return Leaves.royalty(payee, cumulative);
    }

    function royalties(IRoyaltyDistributor.Payment[] calldata payments) external view returns (bytes32) {
        return Leaves.royalties(payments);
    }

    function offer(IDataAccess.Offer calldata o) external pure returns (bytes32) {
        return TypedData.offer(o);
    }

    function consent(IConsentRegistry.Consent calldata c) external pure returns (bytes32) {
        return TypedData.consent(c);
    }

    function register(address holder, IDatasetRegistry.Registration calldata r, uint64 deadline)
        external
        pure
        returns (bytes32)
    {
        return TypedData.register(holder, r, deadline);
    }

    function grantedOffer(IDataAccess.Offer memory o) external pure returns (bytes32) {
        return TypedData.grantedOffer(o);
    }

    function meterSession(IUsageLedger.MeterSession calldata s) external pure returns (bytes32) {
        return TypedData.meterSession(s);
    }

    function reassign(IRoyaltyDistributor.Reassign calldata r) external pure returns (bytes32) {
        return TypedData.reassign(r);
    }
}

/// @dev Every check takes two inputs of which nothing is known but that they differ, and shows that what is hashed
/// differs: keccak256 is taken for perfect (no two inputs have one hash), so equal hashes mean equal bytes.
contract EncodingsProof {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    Encoder internal one = new Encoder();
    Encoder internal other = new Encoder();

    struct Named {
        uint64 chain;
        address at;
        address registrant;
        bytes32 root;
        bytes32 digest;
        bytes32 last;
    }

    function same(bytes memory left, bytes memory right) internal pure returns (bool) {
        return keccak256(left) == keccak256(right);
    }

    function dataset(Named memory n) internal returns (bytes32) {
        vm.chainId(n.chain);
        return Ids.dataset(n.at, n.registrant, n.root, n.digest, n.last);
    }

    function artifact(Named memory n) internal returns (bytes32) {
        vm.chainId(n.chain);
        return Ids.artifact(n.at, n.registrant, n.root, n.last);
    }

    function check_a_dataset_id_names_chain_registry_registrant_root_manifest_and_terms(Named memory a, Named memory b)
        public
    {
        bytes32 left = dataset(a);
        assert((left == dataset(b)) == same(abi.encode(a), abi.encode(b)));
    }

    function check_an_artifact_id_names_chain_registry_registrant_parents_and_digest(Named memory a, Named memory b)
        public
    {
        (a.digest, b.digest) = (0, 0);
        bytes32 left = artifact(a);
        assert((left == artifact(b)) == same(abi.encode(a), abi.encode(b)));
    }

    function check_registries_of_different_kinds_share_no_id(Named memory a, Named memory b) public {
        bytes32 left = dataset(a); // of six words, an artifact's of five
        assert(left != artifact(b));
    }

    function check_a_license_id_names_offer_and_licensee(bytes32 offer, address to, bytes32 offer2, address to2)
        public
        pure
    {
        assert((Ids.license(offer, to) == Ids.license(offer2, to2)) == (offer == offer2 && to == to2));
    }

    function check_a_list_of_consents_has_its_own_hash(bytes32[] memory ids, bytes32[] memory ids2) public pure {
        bool equal = ids.length == ids2.length;
        for (uint256 i = 0; equal && i < ids.length; ++i) {
            equal = ids[i] == ids2[i];
        }
        assert((Ids.consents(ids) == Ids.consents(ids2)) == equal);
        assert(ids.length == 0 || Ids.consents(ids) != 0);
    }

    function check_a_royalty_leaf_names_payee_and_sum(address payee, uint256 sum, address payee2, uint256 sum2)
        public
        view
    {
        assert((one.royalty(payee, sum) == one.royalty(payee2, sum2)) == (payee == payee2 && sum == sum2));
    }

    function check_a_royalty_leaf_names_chain_and_distributor(address payee, uint256 sum, uint64 chain, uint64 chain2)
        public
    {
        vm.chainId(chain);
        bytes32 here = one.royalty(payee, sum);
        assert(here != other.royalty(payee, sum));
        assert(here == keccak256(bytes.concat(keccak256(abi.encode(uint256(chain), address(one), payee, sum)))));
        vm.chainId(chain2);
        assert((here == one.royalty(payee, sum)) == (chain == chain2));
    }

    function check_the_subtree_of_one_payment_is_its_leaf(address payee, uint256 sum) public view {
        IRoyaltyDistributor.Payment[] memory single = new IRoyaltyDistributor.Payment[](1);
        single[0] = IRoyaltyDistributor.Payment(payee, sum);
        assert(one.royalties(single) == one.royalty(payee, sum));
    }

    /// @dev What `Leaves.climb` does with a node and its sibling, which it puts in order at a computed place in memory;
    /// testFuzz_every_leaf_climbs_to_the_root shows that it is this.
    function pair(bytes32 a, bytes32 b) internal pure returns (bytes32) {
        return a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
    }

    function check_no_inner_node_is_a_leaf(address payee, uint256 sum, uint32 index, bytes32 left, bytes32 right)
        public
        view
    {
        assert(pair(left, right) != one.royalty(payee, sum));
        assert(pair(left, right) != Leaves.recording(index, left, right, left, right));
        assert(pair(left, right) != Leaves.member(left, payee));
    }

    function check_no_leaf_of_one_tree_is_in_the_other(address payee, uint256 sum, uint32 index, bytes32[4] memory r)
        public
        view
    {
        assert(one.royalty(payee, sum) != Leaves.recording(index, r[0], r[1], r[2], r[3]));
        assert(one.royalty(payee, sum) != Leaves.member(r[0], payee));
        assert(Leaves.member(r[0], payee) != Leaves.recording(index, r[0], r[1], r[2], r[3]));
    }

    function check_a_members_leaf_names_dataset_and_holder(bytes32 id, address by, bytes32 id2, address by2)
        public
        pure
    {
        assert((Leaves.member(id, by) == Leaves.member(id2, by2)) == (id == id2 && by == by2));
    }

    function check_a_root_has_one_pair_below_it(bytes32 a, bytes32 b, bytes32 c, bytes32 d) public pure {
        assert((pair(a, b) == pair(c, d)) == ((a == c && b == d) || (a == d && b == c)));
    }

    function check_a_recordings_leaf_names_its_fields(
        uint32[2] memory index,
        bytes32[2] memory cid,
        bytes32[2] memory key,
        bytes32[2] memory plain,
        bytes32[2] memory consents
    ) public pure {
        bytes32 left = Leaves.recording(index[0], cid[0], key[0], plain[0], consents[0]);
        bytes32 right = Leaves.recording(index[1], cid[1], key[1], plain[1], consents[1]);
        bool equal = index[0] == index[1] && cid[0] == cid[1] && key[0] == key[1] && plain[0] == plain[1]
            && consents[0] == consents[1];
        assert((left == right) == equal);
    }

    function check_an_offers_hash_names_its_fields(IDataAccess.Offer memory a, IDataAccess.Offer memory b) public view {
        assert((one.offer(a) == one.offer(b)) == same(abi.encode(a), abi.encode(b)));
        assert(one.offer(a) == one.grantedOffer(a));
        assert(one.offer(a) == keccak256(abi.encode(TypedData.OFFER, a)));
    }

    function check_a_consents_hash_names_its_fields(
        IConsentRegistry.Consent memory a,
        IConsentRegistry.Consent memory b
    ) public view {
        assert((one.consent(a) == one.consent(b)) == same(abi.encode(a), abi.encode(b)));
    }

    function check_a_registrations_hash_names_its_fields(
        address[2] memory holder,
        IDatasetRegistry.Registration memory a,
        IDatasetRegistry.Registration memory b,
        uint64[2] memory deadline
    ) public view {
        bool equal = holder[0] == holder[1] && deadline[0] == deadline[1] && same(abi.encode(a), abi.encode(b));
        assert((one.register(holder[0], a, deadline[0]) == one.register(holder[1], b, deadline[1])) == equal);
    }

    function check_a_sessions_hash_names_its_fields(
        IUsageLedger.MeterSession memory a,
        IUsageLedger.MeterSession memory b
    ) public view {
        assert((one.meterSession(a) == one.meterSession(b)) == same(abi.encode(a), abi.encode(b)));
    }

    function check_a_reassignments_hash_names_its_fields(
        IRoyaltyDistributor.Reassign memory a,
        IRoyaltyDistributor.Reassign memory b
    ) public view {
        assert((one.reassign(a) == one.reassign(b)) == same(abi.encode(a), abi.encode(b)));
    }

    function check_a_withdrawals_hash_names_its_fields(bytes32[2] memory consent, uint64[2] memory deadline)
        public
        pure
    {
        bytes32 left = TypedData.revokeConsent(consent[0], deadline[0]);
        bytes32 right = TypedData.revokeConsent(consent[1], deadline[1]);
        assert((left == right) == (consent[0] == consent[1] && deadline[0] == deadline[1]));
    }

    function check_an_extensions_hash_names_its_fields(
        bytes32[2] memory consent,
        address[2] memory holder,
        uint64[2] memory deadline
    ) public pure {
        bytes32 left = TypedData.extendConsent(consent[0], holder[0], deadline[0]);
        bytes32 right = TypedData.extendConsent(consent[1], holder[1], deadline[1]);
        bool equal = consent[0] == consent[1] && holder[0] == holder[1] && deadline[0] == deadline[1];
        assert((left == right) == equal);
    }

    /// @dev Two deployments of one contract on any chain, which is then another, as after a fork; all contracts make
    /// their domains in the same way.
    function check_what_is_signed_for_one_contract_and_chain_holds_on_no_other(
        IDatasetRegistry.Registration memory a,
        IDatasetRegistry.Registration memory b,
        address[2] memory holder,
        uint64[2] memory chain
    ) public {
        vm.chainId(chain[0]);
        DatasetRegistry here = new DatasetRegistry(address(0x0a), address(0x0b));
        DatasetRegistry there = new DatasetRegistry(address(0x0a), address(0x0b));
        bytes32 digest = here.registerDigest(holder[0], a, 0);
        vm.chainId(chain[1]);
        bool equal = chain[0] == chain[1] && holder[0] == holder[1] && same(abi.encode(a), abi.encode(b));
        assert((digest == here.registerDigest(holder[1], b, 0)) == equal);
        assert(digest != there.registerDigest(holder[1], b, 0));
    }

    function check_what_is_signed_for_one_purpose_is_signed_for_no_other(
        IUsageLedger.MeterSession memory session,
        IDatasetRegistry.Registration memory registration,
        IDataAccess.Offer memory offer,
        IConsentRegistry.Consent memory consent,
        IRoyaltyDistributor.Reassign memory reassign
    ) public view {
        bytes32[7] memory hashes = [
            one.meterSession(session),
            one.register(reassign.payee, registration, consent.notAfter),
            one.offer(offer),
            one.consent(consent),
            one.reassign(reassign),
            TypedData.revokeConsent(offer.termsHash, session.validUntil),
            TypedData.extendConsent(offer.termsHash, reassign.to, session.validUntil)
        ];
        for (uint256 i = 0; i < 7; ++i) {
            for (uint256 k = 0; k < i; ++k) {
                assert(hashes[i] != hashes[k]);
            }
        }
    }
}
