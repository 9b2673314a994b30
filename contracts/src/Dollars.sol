// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ADMIN, CTF_ADAPTER, NEG_RISK_CTF_ADAPTER, OFFRAMP, ONRAMP, PUSD, USDC_E} from "./Addresses.sol";
import {IERC20, IPolymarketUsd} from "./Interfaces.sol";

/// An ERC-20 of six decimals.
abstract contract Dollar {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    uint256 public totalSupply;

    event Transfer(address indexed from, address indexed to, uint256 amount);
    event Approval(address indexed owner, address indexed spender, uint256 amount);

    error InsufficientBalance();
    error InsufficientAllowance();
    error NotAllowed();

    function decimals() external pure returns (uint8) {
        return 6;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        emit Approval(msg.sender, spender, amount);
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        if (allowed != type(uint256).max) {
            if (allowed < amount) revert InsufficientAllowance();
            allowance[from][msg.sender] = allowed - amount;
        }
        _move(from, to, amount);
        return true;
    }

    function _move(address from, address to, uint256 amount) internal {
        uint256 held = balanceOf[from];
        if (held < amount) revert InsufficientBalance();
        unchecked {
            balanceOf[from] = held - amount;
            balanceOf[to] += amount;
        }
        emit Transfer(from, to, amount);
    }

    function _mint(address to, uint256 amount) internal {
        totalSupply += amount;
        unchecked {
            balanceOf[to] += amount;
        }
        emit Transfer(address(0), to, amount);
    }

    function _burn(address from, uint256 amount) internal {
        uint256 held = balanceOf[from];
        if (held < amount) revert InsufficientBalance();
        unchecked {
            balanceOf[from] = held - amount;
            totalSupply -= amount;
        }
        emit Transfer(from, address(0), amount);
    }
}

/// USDC.e of the local chain: what Conditional Tokens hold. The venue makes and unmakes it.
contract UsdcE is Dollar {
    string public constant name = "USD Coin (PoS)";
    string public constant symbol = "USDC";

    modifier onlyVenue() {
        if (msg.sender != ADMIN && msg.sender != PUSD) revert NotAllowed();
        _;
    }

    function mint(address to, uint256 amount) external onlyVenue {
        _mint(to, amount);
    }

    function burn(uint256 amount) external onlyVenue {
        _burn(msg.sender, amount);
    }
}

/// pUSD of the local chain: each one is backed by a USDC.e that this contract holds.
contract PolymarketUsd is Dollar, IPolymarketUsd {
    string public constant name = "Polymarket USD";
    string public constant symbol = "pUSD";

    event Wrapped(address indexed caller, address indexed asset, address indexed to, uint256 amount);
    event Unwrapped(address indexed caller, address indexed asset, address indexed to, uint256 amount);

    error InvalidAsset();
    error NotBacked();

    modifier onlyWrappers(address asset) {
        bool known = msg.sender == CTF_ADAPTER || msg.sender == NEG_RISK_CTF_ADAPTER || msg.sender == ONRAMP
            || msg.sender == OFFRAMP;
        if (!known) revert NotAllowed();
        if (asset != USDC_E) revert InvalidAsset();
        _;
    }

    modifier onlyAdmin() {
        if (msg.sender != ADMIN) revert NotAllowed();
        _;
    }

    /// The asset must have been sent here before.
    function wrap(address asset, address to, uint256 amount, address, bytes calldata) external onlyWrappers(asset) {
        _mint(to, amount);
        _checkBacking();
        emit Wrapped(msg.sender, asset, to, amount);
    }

    /// The pUSD must have been sent here before.
    function unwrap(address asset, address to, uint256 amount, address, bytes calldata) external onlyWrappers(asset) {
        _burn(address(this), amount);
        IERC20(asset).transfer(to, amount);
        emit Unwrapped(msg.sender, asset, to, amount);
    }

    /// The local venue pays somebody in: what its books deposit exists on the chain, too.
    function issue(address to, uint256 amount) external onlyAdmin {
        UsdcE(USDC_E).mint(address(this), amount);
        _mint(to, amount);
    }

    /// The local venue pays somebody out: what its books withdraw leaves the chain, too.
    function recall(address from, uint256 amount) external onlyAdmin {
        _burn(from, amount);
        UsdcE(USDC_E).burn(amount);
    }

    function _checkBacking() private view {
        if (IERC20(USDC_E).balanceOf(address(this)) < totalSupply) revert NotBacked();
    }
}

/// Turns USDC.e into pUSD.
contract Onramp {
    function wrap(address asset, address to, uint256 amount) external {
        IERC20(asset).transferFrom(msg.sender, PUSD, amount);
        IPolymarketUsd(PUSD).wrap(asset, to, amount, address(0), "");
    }
}

/// Turns pUSD into USDC.e.
contract Offramp {
    function unwrap(address asset, address to, uint256 amount) external {
        IERC20(PUSD).transferFrom(msg.sender, PUSD, amount);
        IPolymarketUsd(PUSD).unwrap(asset, to, amount, address(0), "");
    }
}
