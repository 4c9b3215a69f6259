// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {ERC721A} from "erc721a/contracts/ERC721A.sol";

/// @title OpenZeppelin's token of one item each
contract Nft is ERC721("Recording", "REC") {
    function mintMany(address to, uint256 first, uint256 count) external {
        for (uint256 i = 0; i < count; ++i) {
            _mint(to, first + i);
        }
    }
}

/// @title ERC721A: items of one owner in a row, which are written when they part
contract Sparse is ERC721A("Recording", "REC") {
    function mint(address to, uint256 count) external {
        _mint(to, count);
    }
}

/// @title OpenZeppelin's token of many kinds
contract Multi is ERC1155("") {
    function mint(address to, uint256 id) external {
        _mint(to, id, 1, "");
    }
}

/// @title OpenZeppelin's token, and the loop that pays many with it and proves nothing
contract Dollar is ERC20("Dollar", "USD") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

contract PushLoop {
    function pay(ERC20 token, address[] calldata to, uint256[] calldata amounts) external {
        for (uint256 i = 0; i < to.length; ++i) {
            require(token.transfer(to[i], amounts[i]));
        }
    }
}
