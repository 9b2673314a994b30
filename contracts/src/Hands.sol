// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CONDITIONAL_TOKENS, PUSD} from "./Addresses.sol";
import {IConditionalTokens, IERC20, PositionHolder} from "./Interfaces.sol";
import {Order, Side} from "./Order.sol";

/// How the exchange takes and gives dollars and positions.
abstract contract Hands is PositionHolder {
    function _collect(Order memory order, uint256 giving) internal {
        if (order.side == Side.BUY) {
            IERC20(PUSD).transferFrom(order.maker, address(this), giving);
        } else {
            IConditionalTokens(CONDITIONAL_TOKENS).safeTransferFrom(
                order.maker, address(this), order.tokenId, giving, ""
            );
        }
    }

    /// Token 0 is cash.
    function _send(uint256 token, address to, uint256 amount) internal {
        if (amount == 0) return;
        if (token == 0) IERC20(PUSD).transfer(to, amount);
        else IConditionalTokens(CONDITIONAL_TOKENS).safeTransferFrom(address(this), to, token, amount, "");
    }

    function _allowCash(address spender, uint256 amount) internal {
        if (IERC20(PUSD).allowance(address(this), spender) < amount) {
            IERC20(PUSD).approve(spender, type(uint256).max);
        }
    }

    function _allowPositions(address operator) internal {
        IConditionalTokens tokens = IConditionalTokens(CONDITIONAL_TOKENS);
        if (!tokens.isApprovedForAll(address(this), operator)) tokens.setApprovalForAll(operator, true);
    }
}
