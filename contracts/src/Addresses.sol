// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// The venue's own addresses on chain 137, where these contracts are placed, and the few roles of the
// local venue. Nobody has the keys of the roles (each is the hash of a sentence); the local node acts
// for them, so on any other chain nobody can.

address constant CONDITIONAL_TOKENS = 0x4D97DCd97eC945f40cF65F87097ACe5EA0476045;
address constant PUSD = 0xC011a7E12a19f7B1f670d46F03B03f3342E82DFB;
address constant USDC_E = 0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174;
address constant ONRAMP = 0x93070a847efEf7F70739046A929D47a521F5B8ee;
address constant OFFRAMP = 0x2957922Eb93258b93368531d39fAcCA3B4dC5854;
address constant EXCHANGE = 0xE111180000d2663C0091e4f400237545B87B996B;
address constant NEG_RISK_EXCHANGE = 0xe2222d279d744050d28e00520010520000310F59;
address constant CTF_ADAPTER = 0xAdA100Db00Ca00073811820692005400218FcE1f;
address constant NEG_RISK_CTF_ADAPTER = 0xadA2005600Dec949baf300f4C6120000bDB6eAab;
address constant NEG_RISK_ADAPTER = 0xd91E80cF2E7be2e162c6513ceD06f1dD0dA35296;
address constant WRAPPED_COLLATERAL = 0x3A3BD7bb9528E159577F7C2e685CC81A765002E2;

address constant PROXY_FACTORY = 0xaB45c5A4B0c941a2F231C04C3f49182e1A254052;
bytes32 constant PROXY_INIT_HASH = 0xd21df8dc65880a8606f09fe0ce3df9b8869287ab0b058be05aa9e8af6330a00b;
address constant SAFE_FACTORY = 0xaacFeEa03eb1561C4e67d661e40682Bd20E3541b;
bytes32 constant SAFE_INIT_HASH = 0x2bce2127ff07fb632d16c8347c4ebf501f4841168bed00d9e6ef715ddb6fcecf;

address constant ADMIN = 0x729A9E9D9A145f1FB533E088C36f180A37c42229;
address constant RELAYER = 0x2C428f93ac5737877F33250418a3d34C39FD4E79;
address constant FEE_RECEIVER = 0x94c788172365A243dEa10cec327979A403A74235;
