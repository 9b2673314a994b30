// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CONDITIONAL_TOKENS, NEG_RISK_ADAPTER, PUSD, USDC_E, WRAPPED_COLLATERAL} from "./Addresses.sol";
import {Binary, IConditionalTokens, IERC20, INegRiskAdapter, IPolymarketUsd, PositionHolder} from "./Interfaces.sol";

/// Turns pUSD into sets of outcomes and back, for markets whose collateral is USDC.e. Calls have the
/// shape of Conditional Tokens; collateral, parent and partition are not looked at.
contract CtfCollateralAdapter is PositionHolder {
    IConditionalTokens internal constant CTF = IConditionalTokens(CONDITIONAL_TOKENS);

    function splitPosition(address, bytes32, bytes32 condition, uint256[] calldata, uint256 amount) external {
        IERC20(PUSD).transferFrom(msg.sender, PUSD, amount);
        IPolymarketUsd(PUSD).unwrap(USDC_E, address(this), amount, address(0), "");
        _split(condition, amount);
        CTF.safeBatchTransferFrom(address(this), msg.sender, _ids(condition), Binary.both(amount), "");
    }

    function mergePositions(address, bytes32, bytes32 condition, uint256[] calldata, uint256 amount) external {
        CTF.safeBatchTransferFrom(msg.sender, address(this), _ids(condition), Binary.both(amount), "");
        _merge(condition, amount);
        _pay(amount);
    }

    /// Pays out the caller's whole balance of both outcomes.
    function redeemPositions(address, bytes32, bytes32 condition, uint256[] calldata) external {
        uint256[] memory ids = _ids(condition);
        uint256[] memory held = new uint256[](2);
        held[0] = CTF.balanceOf(msg.sender, ids[0]);
        held[1] = CTF.balanceOf(msg.sender, ids[1]);
        CTF.safeBatchTransferFrom(msg.sender, address(this), ids, held, "");
        uint256 before = IERC20(USDC_E).balanceOf(address(this));
        _redeem(condition, held);
        _pay(IERC20(USDC_E).balanceOf(address(this)) - before);
    }

    function _pay(uint256 amount) internal {
        IERC20(USDC_E).transfer(PUSD, amount);
        IPolymarketUsd(PUSD).wrap(USDC_E, msg.sender, amount, address(0), "");
    }

    function _allow(address spender, uint256 amount) internal {
        if (IERC20(USDC_E).allowance(address(this), spender) < amount) {
            IERC20(USDC_E).approve(spender, type(uint256).max);
        }
    }

    function _ids(bytes32 condition) internal view virtual returns (uint256[] memory) {
        return Binary.positionIds(CTF, USDC_E, condition);
    }

    function _split(bytes32 condition, uint256 amount) internal virtual {
        _allow(CONDITIONAL_TOKENS, amount);
        CTF.splitPosition(USDC_E, bytes32(0), condition, Binary.partition(), amount);
    }

    function _merge(bytes32 condition, uint256 amount) internal virtual {
        CTF.mergePositions(USDC_E, bytes32(0), condition, Binary.partition(), amount);
    }

    function _redeem(bytes32 condition, uint256[] memory) internal virtual {
        CTF.redeemPositions(USDC_E, bytes32(0), condition, Binary.partition());
    }
}

/// The same for neg-risk markets, whose collateral is wrapped and whose sets the neg-risk adapter makes.
contract NegRiskCtfCollateralAdapter is CtfCollateralAdapter {
    INegRiskAdapter private constant NEG_RISK = INegRiskAdapter(NEG_RISK_ADAPTER);

    /// As the neg-risk adapter's own, but pays pUSD.
    function convertPositions(bytes32 marketId, uint256 indexSet, uint256 amount) external {
        (uint256[] memory ids, uint256[] memory amounts) = _side(marketId, indexSet, false, amount);
        CTF.safeBatchTransferFrom(msg.sender, address(this), ids, amounts, "");
        _allowPositions();
        uint256 before = IERC20(USDC_E).balanceOf(address(this));
        NEG_RISK.convertPositions(marketId, indexSet, amount);
        uint256 out = amount - amount * NEG_RISK.getFeeBips(marketId) / 10_000;
        (ids, amounts) = _side(marketId, indexSet, true, out);
        if (ids.length > 0) CTF.safeBatchTransferFrom(address(this), msg.sender, ids, amounts, "");
        uint256 paid = IERC20(USDC_E).balanceOf(address(this)) - before;
        if (paid > 0) _pay(paid);
    }

    /// NO of the questions in the set, or YES of all the others.
    function _side(bytes32 marketId, uint256 indexSet, bool yes, uint256 amount)
        private
        view
        returns (uint256[] memory ids, uint256[] memory amounts)
    {
        uint256 questions = NEG_RISK.getQuestionCount(marketId);
        uint256 count;
        for (uint256 i; i < questions; ++i) {
            if ((indexSet >> i & 1 == 1) != yes) ++count;
        }
        ids = new uint256[](count);
        amounts = new uint256[](count);
        count = 0;
        for (uint256 i; i < questions; ++i) {
            if ((indexSet >> i & 1 == 1) == yes) continue;
            ids[count] = NEG_RISK.getPositionId(bytes32(uint256(marketId) + i), yes);
            amounts[count++] = amount;
        }
    }

    function _allowPositions() private {
        if (!CTF.isApprovedForAll(address(this), NEG_RISK_ADAPTER)) CTF.setApprovalForAll(NEG_RISK_ADAPTER, true);
    }

    function _ids(bytes32 condition) internal view override returns (uint256[] memory) {
        return Binary.positionIds(CTF, WRAPPED_COLLATERAL, condition);
    }

    function _split(bytes32 condition, uint256 amount) internal override {
        _allow(NEG_RISK_ADAPTER, amount);
        NEG_RISK.splitPosition(condition, amount);
    }

    function _merge(bytes32 condition, uint256 amount) internal override {
        _allowPositions();
        NEG_RISK.mergePositions(condition, amount);
    }

    function _redeem(bytes32 condition, uint256[] memory held) internal override {
        _allowPositions();
        NEG_RISK.redeemPositions(condition, held);
    }
}
