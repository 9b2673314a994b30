// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CONDITIONAL_TOKENS, NEG_RISK_ADAPTER, USDC_E, WRAPPED_COLLATERAL} from "./Addresses.sol";
import {Dollar} from "./Dollars.sol";
import {Binary, IConditionalTokens, IERC20, PositionHolder} from "./Interfaces.sol";

/// USDC.e as the collateral of neg-risk markets. The neg-risk adapter may make it without backing:
/// what it makes while converting it burns, or holds sets against.
contract WrappedCollateral is Dollar {
    string public constant name = "Wrapped Collateral";
    string public constant symbol = "WCOL";

    modifier onlyOwner() {
        if (msg.sender != NEG_RISK_ADAPTER) revert NotAllowed();
        _;
    }

    function wrap(address to, uint256 amount) external onlyOwner {
        IERC20(USDC_E).transferFrom(msg.sender, address(this), amount);
        _mint(to, amount);
    }

    function unwrap(address to, uint256 amount) external {
        _burn(msg.sender, amount);
        IERC20(USDC_E).transfer(to, amount);
    }

    function mint(uint256 amount) external onlyOwner {
        _mint(msg.sender, amount);
    }

    function burn(uint256 amount) external onlyOwner {
        _burn(msg.sender, amount);
    }

    function release(address to, uint256 amount) external onlyOwner {
        IERC20(USDC_E).transfer(to, amount);
    }
}

/// Markets of which exactly one ends YES: NO of some of them is worth YES of all the others and cash.
///
/// A group's id is a hash whose last byte is zero; question i of it has id + i. Its oracle is whoever
/// prepared it. Sets of two are made from USDC.e by anybody, here or at the collateral adapter.
contract NegRiskAdapter is PositionHolder {
    struct Group {
        address oracle;
        uint8 questions;
        uint16 feeBips;
        bool determined;
        uint8 result;
    }

    IConditionalTokens private constant CTF = IConditionalTokens(CONDITIONAL_TOKENS);
    WrappedCollateral private constant WCOL = WrappedCollateral(WRAPPED_COLLATERAL);
    /// Where the NO shares of conversions go: nobody can sell or redeem them again.
    address public constant NO_TOKEN_BURN_ADDRESS = address(bytes20(bytes32(keccak256("NO_TOKEN_BURN_ADDRESS"))));

    mapping(bytes32 => Group) private groups;

    event MarketPrepared(bytes32 indexed marketId, address indexed oracle, uint256 feeBips, bytes data);
    event QuestionPrepared(bytes32 indexed marketId, bytes32 indexed questionId, uint256 index, bytes data);
    event OutcomeReported(bytes32 indexed marketId, bytes32 indexed questionId, bool outcome);
    event PositionSplit(address indexed stakeholder, bytes32 indexed conditionId, uint256 amount);
    event PositionsMerge(address indexed stakeholder, bytes32 indexed conditionId, uint256 amount);
    event PositionsConverted(
        address indexed stakeholder, bytes32 indexed marketId, uint256 indexed indexSet, uint256 amount
    );
    event PayoutRedemption(address indexed redeemer, bytes32 indexed conditionId, uint256[] amounts, uint256 payout);

    error InvalidIndexSet();
    error MarketAlreadyPrepared();
    error MarketNotPrepared();
    error NoConvertiblePositions();
    error OnlyOracle();
    error UnexpectedCollateralToken();

    // --- groups -------------------------------------------------------------------------------------

    function prepareMarket(uint256 feeBips, bytes calldata data) external returns (bytes32 marketId) {
        marketId = keccak256(abi.encode(msg.sender, feeBips, data)) & ~bytes32(uint256(0xff));
        Group storage group = groups[marketId];
        if (group.oracle != address(0)) revert MarketAlreadyPrepared();
        (group.oracle, group.feeBips) = (msg.sender, uint16(feeBips));
        emit MarketPrepared(marketId, msg.sender, feeBips, data);
    }

    function prepareQuestion(bytes32 marketId, bytes calldata data) external returns (bytes32 questionId) {
        Group storage group = _owned(marketId);
        uint256 index = group.questions++;
        questionId = bytes32(uint256(marketId) + index);
        CTF.prepareCondition(address(this), questionId, 2);
        emit QuestionPrepared(marketId, questionId, index, data);
    }

    function reportOutcome(bytes32 questionId, bool outcome) external {
        bytes32 marketId = questionId & ~bytes32(uint256(0xff));
        Group storage group = _owned(marketId);
        if (outcome) (group.determined, group.result) = (true, uint8(uint256(questionId)));
        uint256[] memory payouts = new uint256[](2);
        payouts[outcome ? 0 : 1] = 1;
        CTF.reportPayouts(questionId, payouts);
        emit OutcomeReported(marketId, questionId, outcome);
    }

    function _owned(bytes32 marketId) private view returns (Group storage group) {
        group = groups[marketId];
        if (group.oracle == address(0)) revert MarketNotPrepared();
        if (group.oracle != msg.sender) revert OnlyOracle();
    }

    // --- sets ---------------------------------------------------------------------------------------

    function splitPosition(address collateral, bytes32, bytes32 condition, uint256[] calldata, uint256 amount)
        external
    {
        if (collateral != USDC_E) revert UnexpectedCollateralToken();
        splitPosition(condition, amount);
    }

    function splitPosition(bytes32 condition, uint256 amount) public {
        IERC20(USDC_E).transferFrom(msg.sender, address(this), amount);
        _allow(USDC_E, WRAPPED_COLLATERAL, amount);
        WCOL.wrap(address(this), amount);
        _splitHere(condition, amount);
        CTF.safeBatchTransferFrom(address(this), msg.sender, _ids(condition), Binary.both(amount), "");
        emit PositionSplit(msg.sender, condition, amount);
    }

    function mergePositions(address collateral, bytes32, bytes32 condition, uint256[] calldata, uint256 amount)
        external
    {
        if (collateral != USDC_E) revert UnexpectedCollateralToken();
        mergePositions(condition, amount);
    }

    function mergePositions(bytes32 condition, uint256 amount) public {
        CTF.safeBatchTransferFrom(msg.sender, address(this), _ids(condition), Binary.both(amount), "");
        CTF.mergePositions(WRAPPED_COLLATERAL, bytes32(0), condition, Binary.partition(), amount);
        WCOL.unwrap(msg.sender, amount);
        emit PositionsMerge(msg.sender, condition, amount);
    }

    function redeemPositions(bytes32 condition, uint256[] calldata amounts) external {
        CTF.safeBatchTransferFrom(msg.sender, address(this), _ids(condition), amounts, "");
        uint256 before = WCOL.balanceOf(address(this));
        CTF.redeemPositions(WRAPPED_COLLATERAL, bytes32(0), condition, Binary.partition());
        uint256 payout = WCOL.balanceOf(address(this)) - before;
        if (payout > 0) WCOL.unwrap(msg.sender, payout);
        emit PayoutRedemption(msg.sender, condition, amounts, payout);
    }

    // --- conversion ---------------------------------------------------------------------------------

    /// NO of the n questions in `indexSet` becomes YES of all the others and (n − 1) · amount of USDC.e.
    function convertPositions(bytes32 marketId, uint256 indexSet, uint256 amount) external {
        Group storage group = groups[marketId];
        uint256 questions = group.questions;
        if (group.oracle == address(0)) revert MarketNotPrepared();
        if (questions < 2) revert NoConvertiblePositions();
        if (indexSet == 0 || indexSet >> questions != 0) revert InvalidIndexSet();
        if (amount > 0) {
            uint256 out = amount - amount * group.feeBips / 10_000;
            uint256 noes = _takeNo(marketId, questions, indexSet, amount);
            if (questions > noes) _giveYes(marketId, questions, indexSet, amount, out, questions - noes);
            // What was minted for the sets of the others is backed by the NO that is gone for good.
            if (noes > 1) {
                WCOL.release(msg.sender, (noes - 1) * out);
                if (amount > out) WCOL.release(group.oracle, (noes - 1) * (amount - out));
            }
        }
        emit PositionsConverted(msg.sender, marketId, indexSet, amount);
    }

    function _takeNo(bytes32 marketId, uint256 questions, uint256 indexSet, uint256 amount)
        private
        returns (uint256 noes)
    {
        for (uint256 i; i < questions; ++i) {
            if (indexSet >> i & 1 == 0) continue;
            uint256 id = getPositionId(bytes32(uint256(marketId) + i), false);
            CTF.safeTransferFrom(msg.sender, NO_TOKEN_BURN_ADDRESS, id, amount, "");
            ++noes;
        }
    }

    function _giveYes(
        bytes32 marketId,
        uint256 questions,
        uint256 indexSet,
        uint256 amount,
        uint256 out,
        uint256 others
    ) private {
        WCOL.mint(others * amount);
        for (uint256 i; i < questions; ++i) {
            if (indexSet >> i & 1 == 1) continue;
            bytes32 condition = getConditionId(bytes32(uint256(marketId) + i));
            _splitHere(condition, amount);
            uint256[] memory ids = _ids(condition);
            CTF.safeTransferFrom(address(this), NO_TOKEN_BURN_ADDRESS, ids[1], amount, "");
            CTF.safeTransferFrom(address(this), msg.sender, ids[0], out, "");
            if (amount > out) {
                CTF.safeTransferFrom(address(this), groups[marketId].oracle, ids[0], amount - out, "");
            }
        }
    }

    // --- reading ------------------------------------------------------------------------------------

    function ctf() external pure returns (address) {
        return CONDITIONAL_TOKENS;
    }

    function col() external pure returns (address) {
        return USDC_E;
    }

    function wcol() external pure returns (address) {
        return WRAPPED_COLLATERAL;
    }

    function getOracle(bytes32 marketId) external view returns (address) {
        return groups[marketId].oracle;
    }

    function getQuestionCount(bytes32 marketId) external view returns (uint256) {
        return groups[marketId].questions;
    }

    function getFeeBips(bytes32 marketId) external view returns (uint256) {
        return groups[marketId].feeBips;
    }

    function getDetermined(bytes32 marketId) external view returns (bool) {
        return groups[marketId].determined;
    }

    function getResult(bytes32 marketId) external view returns (uint256) {
        return groups[marketId].result;
    }

    function getConditionId(bytes32 questionId) public view returns (bytes32) {
        return CTF.getConditionId(address(this), questionId, 2);
    }

    function getPositionId(bytes32 questionId, bool outcome) public view returns (uint256) {
        bytes32 collection = CTF.getCollectionId(bytes32(0), getConditionId(questionId), outcome ? 1 : 2);
        return CTF.getPositionId(WRAPPED_COLLATERAL, collection);
    }

    function balanceOf(address owner, uint256 id) external view returns (uint256) {
        return CTF.balanceOf(owner, id);
    }

    function balanceOfBatch(address[] calldata owners, uint256[] calldata ids)
        external
        view
        returns (uint256[] memory)
    {
        return CTF.balanceOfBatch(owners, ids);
    }

    // --- own hands ----------------------------------------------------------------------------------

    function _ids(bytes32 condition) private view returns (uint256[] memory) {
        return Binary.positionIds(CTF, WRAPPED_COLLATERAL, condition);
    }

    function _splitHere(bytes32 condition, uint256 amount) private {
        _allow(WRAPPED_COLLATERAL, CONDITIONAL_TOKENS, amount);
        CTF.splitPosition(WRAPPED_COLLATERAL, bytes32(0), condition, Binary.partition(), amount);
    }

    function _allow(address token, address spender, uint256 amount) private {
        if (IERC20(token).allowance(address(this), spender) < amount) {
            IERC20(token).approve(spender, type(uint256).max);
        }
    }
}
