// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

// Tokens as they are found on public chains, each odd in one way; compiled by the test beside this file.

abstract contract Books {
    mapping(address account => uint256 amount) public balanceOf;
    mapping(address holder => mapping(address spender => uint256 amount)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 amount);

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
        emit Transfer(address(0), to, amount);
    }

    function _move(address from, address to, uint256 amount) internal virtual {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        emit Transfer(from, to, amount);
    }

    function _take(address from, address to, uint256 amount) internal {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
    }
}

contract Whole is Books {
    string public symbol;
    uint8 public immutable decimals;

    constructor(string memory symbol_, uint8 decimals_) {
        (symbol, decimals) = (symbol_, decimals_);
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external virtual returns (bool) {
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        _take(from, to, amount);
        return true;
    }
}

// Answers nothing, declares its decimals in a whole word, and changes an allowance only from or to zero.
contract Silent is Books {
    string public symbol = "USDT";
    uint256 public decimals = 6;

    function approve(address spender, uint256 amount) external {
        require(amount == 0 || allowance[msg.sender][spender] == 0);
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external {
        _take(from, to, amount);
    }
}

contract Packed is Books {
    bytes32 public symbol = "MKR";
    uint8 public decimals = 18;

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        _take(from, to, amount);
        return true;
    }
}

contract Taking is Whole {
    constructor() Whole("FEE", 6) {}

    function _move(address from, address to, uint256 amount) internal override {
        super._move(from, address(0xfee), amount / 100);
        super._move(from, to, amount - amount / 100);
    }
}

contract Refusing is Whole {
    constructor() Whole("NO", 6) {}

    function transfer(address, uint256) external pure override returns (bool) {
        return false;
    }
}

contract Paused is Whole {
    constructor() Whole("STOP", 6) {}

    function _move(address, address, uint256) internal pure override {
        revert("paused");
    }
}

contract Uncounted is Books {
    string public symbol = "NFT";
}
