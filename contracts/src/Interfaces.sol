// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface IERC20 {
    function balanceOf(address owner) external view returns (uint256);
    function allowance(address owner, address spender) external view returns (uint256);
    function approve(address spender, uint256 amount) external returns (bool);
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
}

interface IConditionalTokens {
    function prepareCondition(address oracle, bytes32 questionId, uint256 outcomeSlotCount) external;
    function reportPayouts(bytes32 questionId, uint256[] calldata payouts) external;
    function splitPosition(address collateral, bytes32 parent, bytes32 condition, uint256[] calldata partition, uint256 amount) external;
    function mergePositions(address collateral, bytes32 parent, bytes32 condition, uint256[] calldata partition, uint256 amount) external;
    function redeemPositions(address collateral, bytes32 parent, bytes32 condition, uint256[] calldata indexSets) external;
    function getConditionId(address oracle, bytes32 questionId, uint256 outcomeSlotCount) external view returns (bytes32);
    function getCollectionId(bytes32 parent, bytes32 condition, uint256 indexSet) external view returns (bytes32);
    function getPositionId(address collateral, bytes32 collection) external view returns (uint256);
    function balanceOf(address owner, uint256 id) external view returns (uint256);
    function balanceOfBatch(address[] calldata owners, uint256[] calldata ids) external view returns (uint256[] memory);
    function safeTransferFrom(address from, address to, uint256 id, uint256 amount, bytes calldata data) external;
    function safeBatchTransferFrom(address from, address to, uint256[] calldata ids, uint256[] calldata amounts, bytes calldata data) external;
    function setApprovalForAll(address operator, bool approved) external;
    function isApprovedForAll(address owner, address operator) external view returns (bool);
}

interface IPolymarketUsd {
    function wrap(address asset, address to, uint256 amount, address receiver, bytes calldata data) external;
    function unwrap(address asset, address to, uint256 amount, address receiver, bytes calldata data) external;
}

interface ICollateralAdapter {
    function splitPosition(address collateral, bytes32 parent, bytes32 condition, uint256[] calldata partition, uint256 amount) external;
    function mergePositions(address collateral, bytes32 parent, bytes32 condition, uint256[] calldata partition, uint256 amount) external;
}

interface INegRiskAdapter {
    function splitPosition(bytes32 condition, uint256 amount) external;
    function mergePositions(bytes32 condition, uint256 amount) external;
    function redeemPositions(bytes32 condition, uint256[] calldata amounts) external;
    function convertPositions(bytes32 marketId, uint256 indexSet, uint256 amount) external;
    function getQuestionCount(bytes32 marketId) external view returns (uint256);
    function getFeeBips(bytes32 marketId) external view returns (uint256);
    function getPositionId(bytes32 questionId, bool outcome) external view returns (uint256);
}

/// What every contract that holds positions must answer (ERC-1155).
abstract contract PositionHolder {
    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external pure returns (bytes4) {
        return this.onERC1155Received.selector;
    }

    function onERC1155BatchReceived(address, address, uint256[] calldata, uint256[] calldata, bytes calldata)
        external
        pure
        returns (bytes4)
    {
        return this.onERC1155BatchReceived.selector;
    }

    function supportsInterface(bytes4 id) external pure virtual returns (bool) {
        return id == 0x4e2312e0 || id == 0x01ffc9a7;
    }
}

/// The two outcomes of a binary condition.
library Binary {
    function partition() internal pure returns (uint256[] memory sets) {
        sets = new uint256[](2);
        (sets[0], sets[1]) = (1, 2);
    }

    function both(uint256 amount) internal pure returns (uint256[] memory amounts) {
        amounts = new uint256[](2);
        (amounts[0], amounts[1]) = (amount, amount);
    }

    function positionIds(IConditionalTokens ctf, address collateral, bytes32 condition)
        internal
        view
        returns (uint256[] memory ids)
    {
        ids = new uint256[](2);
        ids[0] = ctf.getPositionId(collateral, ctf.getCollectionId(bytes32(0), condition, 1));
        ids[1] = ctf.getPositionId(collateral, ctf.getCollectionId(bytes32(0), condition, 2));
    }
}
