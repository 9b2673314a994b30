// Kalshi's own TypeScript SDK, unmodified, against a local venue. Every step asserts; the names of the steps that held are
// printed. Reads {basePath, alice, bob, game, coin} as JSON from the standard input.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const axios = require('axios');
const k = require('kalshi-typescript');

const given = JSON.parse(fs.readFileSync(0, 'utf8'));
const done = [];

// The SDK puts its signature on every request of the axios instance it is given: one instance for each member.
function clientOf(who) {
  const make = (Api) => new Api(
    new k.Configuration({ apiKey: who.key_id, privateKeyPem: who.private_key, basePath: given.basePath }), undefined,
    axios.create());
  return {
    orders: make(k.OrdersApi), portfolio: make(k.PortfolioApi), groups: make(k.OrderGroupsApi), market: make(k.MarketApi),
    events: make(k.EventsApi), exchange: make(k.ExchangeApi), account: make(k.AccountApi), keys: make(k.ApiKeysApi),
    historical: make(k.HistoricalApi),
  };
}
const alice = clientOf(given.alice);
const bob = clientOf(given.bob);

async function step(name, body) {
  await body();
  done.push(name);
}

async function refused(status, code, request) {
  try {
    await request;
  } catch (error) {
    assert.ok(error.response, String(error));
    assert.equal(error.response.status, status);
    assert.equal(error.response.data.error.code, code);
    return error.response.data.error;
  }
  return assert.fail(`expected ${status} ${code}`);
}

async function balance(who, index) {
  const { data } = await who.portfolio.getBalance();
  assert.equal(data.balance, Math.floor(Number(data.balance_dollars) * 100 + 1e-6));
  return data.balance_breakdown.find((each) => each.exchange_index === index).balance;
}

async function position(who, ticker) {
  const { data } = await who.portfolio.getPositions();
  return data.market_positions.find((each) => each.ticker === ticker);
}

function order(ticker, side, count, price, more = {}) {
  return {
    ticker, side, count, price, time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross', ...more,
  };
}

async function catalogue() {
  const status = (await alice.exchange.getExchangeStatus()).data;
  assert.equal(status.trading_active, true);
  assert.equal(status.exchange_index_statuses.length, 4);
  const { data } = await alice.market.getMarkets(1, undefined, given.event);
  assert.equal(data.markets.length, 1);
  assert.notEqual(data.cursor, '');
  const next = (await alice.market.getMarkets(10, data.cursor, given.event)).data;
  assert.equal(next.markets.length, 1);
  assert.equal(next.cursor, '');
  const market = (await alice.market.getMarket(given.game)).data.market;
  assert.equal(market.status, 'active');
  assert.equal(market.yes_bid_dollars, '0.0000');
  assert.equal(market.yes_ask_dollars, '1.0000');
  assert.deepEqual(market.price_ranges, [{ start: '0.0000', end: '1.0000', step: '0.0100' }]);
  const event = (await alice.events.getEvent(given.event, true)).data.event;
  assert.equal(event.markets.length, 2);
  assert.equal(event.mutually_exclusive, true);
  const series = (await alice.market.getSeries(event.series_ticker)).data.series;
  assert.equal(series.fee_type, 'quadratic_with_maker_fees');
  assert.equal((await alice.market.getMarket(given.coin)).data.market.exchange_index, 2);
  await refused(404, 'not_found', alice.market.getMarket('KXNOTHING-26-X'));
  await refused(400, 'bad_request', alice.market.getMarkets(10, undefined, undefined, undefined, undefined, undefined,
    undefined, undefined, undefined, undefined, undefined, 'finalized'));
}

async function placeAndCancel() {
  const created = await alice.orders.createOrderV2(order(given.game, 'bid', '10.00', '0.5600', { client_order_id: 'a-1' }));
  assert.equal(created.status, 201);
  assert.equal(created.data.fill_count, '0.00');
  assert.equal(created.data.remaining_count, '10.00');
  assert.equal(created.data.client_order_id, 'a-1');
  assert.equal(await balance(alice, 0), '994.3568');
  assert.equal((await alice.portfolio.getPortfolioRestingOrderTotalValue()).data.total_resting_order_value, 564);
  const book = (await alice.market.getMarketOrderbook(given.game)).data.orderbook_fp;
  assert.deepEqual(book, { yes_dollars: [['0.5600', '10.00']], no_dollars: [] });
  await refused(409, 'order_already_exists',
    alice.orders.createOrderV2(order(given.game, 'bid', '1', '0.50', { client_order_id: 'a-1' })));
  const id = created.data.order_id;
  assert.equal((await alice.orders.getOrder(id)).data.order.status, 'resting');
  await refused(404, 'not_found', bob.orders.getOrder(id));
  await refused(404, 'not_found', bob.orders.cancelOrderV2(id));
  const gone = (await alice.orders.cancelOrderV2(id)).data;
  assert.equal(gone.reduced_by, '10.00');
  await refused(404, 'not_found', alice.orders.cancelOrderV2(id));
  assert.equal(await balance(alice, 0), '1000.0000');
  assert.equal((await alice.orders.getOrder(id)).data.order.status, 'canceled');
}

async function tradeOneLeg() {
  const made = (await alice.orders.createOrderV2(order(given.game, 'bid', '1', '0.48'))).data;
  const taken = (await bob.orders.createOrderV2(
    order(given.game, 'ask', '1', '0.48', { time_in_force: 'immediate_or_cancel' }))).data;
  assert.equal(taken.fill_count, '1.00');
  assert.equal(taken.average_fill_price, '0.4800');
  assert.equal(taken.average_fee_paid, '0.0175');
  // The taker bought NO at 0.52 and paid the fee that was seen on demo; the maker pays a quarter of the model.
  assert.equal(await balance(bob, 0), '999.4625');
  assert.equal(await balance(alice, 0), '999.5156');
  assert.equal((await position(bob, given.game)).position_fp, '-1.00');
  assert.equal((await position(bob, given.game)).market_exposure_dollars, '0.520000');
  assert.equal((await position(alice, given.game)).position_fp, '1.00');
  const fill = (await bob.portfolio.getFills(given.game)).data.fills[0];
  assert.equal(fill.fee_cost, '0.017500');
  assert.equal(fill.outcome_side, 'no');
  assert.equal(fill.book_side, 'ask');
  assert.equal(fill.is_taker, true);
  const other = (await alice.portfolio.getFills(undefined, made.order_id)).data.fills[0];
  assert.equal(other.trade_id, fill.trade_id);
  assert.equal(other.fee_cost, '0.004400');
  const trade = (await alice.market.getTrades(10, undefined, given.game)).data.trades[0];
  assert.equal(trade.trade_id, fill.trade_id);
  assert.equal(trade.taker_book_side, 'ask');
  assert.equal((await alice.portfolio.getFills('KXA-1,' + given.game)).data.fills.length, 1);
}

async function batches() {
  const rows = (await alice.orders.batchCreateOrdersV2({ orders: [
    order(given.game, 'bid', '5', '0.30', { client_order_id: 'b-1' }),
    order(given.game, 'bid', '5', '0.305', { client_order_id: 'b-2' }),
    order(given.game, 'bid', '99999', '0.30', { client_order_id: 'b-3' }),
    order(given.game, 'bid', '5', '0.31', { client_order_id: 'b-4', post_only: true }),
  ] })).data.orders;
  assert.equal(rows[0].remaining_count, '5.00');
  assert.equal(rows[1].error.code, 'invalid_price');
  assert.equal(rows[1].client_order_id, 'b-2');
  assert.equal(rows[2].error.code, 'insufficient_balance');
  assert.equal(rows[3].remaining_count, '5.00');
  const queue = (await alice.orders.getOrderQueuePositions(given.game)).data.queue_positions;
  assert.equal(queue.find((each) => each.order_id === rows[0].order_id).queue_position_fp, '5.00');
  const gone = (await alice.orders.batchCancelOrdersV2({ orders: [
    { order_id: rows[0].order_id }, { order_id: rows[3].order_id, market_ticker: given.game }, { order_id: 'nothing' },
  ] })).data.orders;
  assert.deepEqual(gone.map((each) => each.reduced_by), ['5.00', '5.00', '0.00']);
  assert.equal(gone[2].error.code, 'not_found');
  assert.equal(await balance(alice, 0), '999.5156');
}

async function amendAndDecrease() {
  const id = (await alice.orders.createOrderV2(order(given.game, 'bid', '8', '0.40', { client_order_id: 'c-1' }))).data.order_id;
  const less = (await alice.orders.decreaseOrderV2(id, { reduce_by: '2.00' })).data;
  assert.equal(less.remaining_count, '6.00');
  assert.equal((await alice.orders.decreaseOrderV2(id, { reduce_to: '5' })).data.remaining_count, '5.00');
  const amended = (await alice.orders.amendOrderV2(id, {
    ticker: given.game, side: 'bid', price: '0.42', count: '7', client_order_id: 'c-1', updated_client_order_id: 'c-2',
  })).data;
  assert.equal(amended.client_order_id, 'c-2');
  assert.equal(amended.remaining_count, '7.00');
  assert.equal(await balance(alice, 0), '996.5457');
  const taken = (await bob.orders.createOrderV2(order(given.game, 'ask', '7', '0.40', { time_in_force: 'fill_or_kill' }))).data;
  assert.equal(taken.average_fill_price, '0.4200');
  assert.equal((await alice.orders.getOrder(id)).data.order.status, 'executed');
  assert.equal((await position(alice, given.game)).position_fp, '8.00');
  assert.equal(await balance(alice, 0), '996.5457');
  await refused(409, 'fill_or_kill_insufficient_resting_volume',
    bob.orders.createOrderV2(order(given.game, 'ask', '7', '0.40', { time_in_force: 'fill_or_kill' })));
}

async function closeThePosition() {
  await bob.orders.createOrderV2(order(given.game, 'bid', '3', '0.60'));
  const sold = (await alice.orders.createOrderV2(
    order(given.game, 'ask', '20', '0.60', { time_in_force: 'immediate_or_cancel', reduce_only: true }))).data;
  assert.equal(sold.fill_count, '3.00');
  assert.equal((await position(alice, given.game)).position_fp, '5.00');
  assert.equal((await position(bob, given.game)).position_fp, '-5.00');
  // Three contracts at 0.60 came back, less a fee of 0.0504.
  assert.equal(await balance(alice, 0), '998.2953');
}

async function groupsAndLimits() {
  const group = (await alice.groups.createOrderGroup({ contracts_limit: 5 })).data.order_group_id;
  const id = (await alice.orders.createOrderV2(order(given.other, 'bid', '9', '0.20', { order_group_id: group }))).data.order_id;
  assert.deepEqual((await alice.groups.getOrderGroup(group)).data.orders, [id]);
  await bob.orders.createOrderV2(order(given.other, 'ask', '5', '0.20'));
  assert.equal((await alice.orders.getOrder(id)).data.order.status, 'canceled');
  await refused(409, 'order_group_triggered',
    alice.orders.createOrderV2(order(given.other, 'bid', '1', '0.20', { order_group_id: group })));
  await alice.groups.resetOrderGroup(group);
  await alice.groups.updateOrderGroupLimit(group, { contracts_limit_fp: '7.00' });
  assert.equal((await alice.groups.getOrderGroups()).data.order_groups[0].contracts_limit_fp, '7.00');
  await alice.orders.createOrderV2(order(given.other, 'bid', '1', '0.20', { order_group_id: group }));
  await alice.groups.triggerOrderGroup(group);
  await alice.groups.deleteOrderGroup(group);
  assert.deepEqual((await alice.groups.getOrderGroups()).data.order_groups, []);
  assert.equal(await balance(alice, 0), '997.2813');
  const limits = (await alice.account.getAccountApiLimits()).data;
  assert.equal(limits.read.refill_rate, 4800);
  const costs = (await alice.account.getAccountEndpointCosts()).data;
  assert.equal(costs.default_cost, 10);
}

async function shards() {
  const before = await balance(alice, 2);
  assert.equal(before, '1000.0000');
  const id = (await alice.orders.createOrderV2(order(given.coin, 'bid', '100', '0.95', { exchange_index: 2 }))).data.order_id;
  assert.equal(await balance(alice, 2), '905.0000');
  await refused(404, 'not_found', alice.orders.cancelOrderV2(id));
  await refused(404, 'not_found', alice.orders.createOrderV2(order(given.coin, 'bid', '1', '0.5', { exchange_index: 0 })));
  assert.equal((await alice.orders.cancelOrderV2(id, undefined, undefined, given.coin)).data.reduced_by, '100.00');
  const moved = (await alice.portfolio.intraExchangeInstanceTransfer({
    source: 'event_contract', destination: 'event_contract', amount: 10000, source_exchange_shard: 2,
    destination_exchange_shard: 0,
  })).data.transfer_id;
  assert.equal((await alice.portfolio.getIntraExchangeInstanceTransfer(moved)).data.transfer.status, 'completed');
  assert.equal(await balance(alice, 2), '999.0000');
  assert.equal(await balance(alice, 0), '998.2813');
  await alice.orders.createOrderV2(order(given.coin, 'bid', '1', '0.005'));
  await alice.orders.createOrderV2(order(given.game, 'bid', '1', '0.01'));
  await alice.orders.cancelAllOrders();
  assert.deepEqual((await alice.orders.getOrders(undefined, undefined, undefined, undefined, 'resting')).data.orders, []);
}

async function keys() {
  const made = (await alice.keys.generateApiKey({ name: 'second', scopes: ['read'] })).data;
  const second = clientOf({ key_id: made.api_key_id, private_key: made.private_key });
  assert.equal((await second.portfolio.getBalance()).status, 200);
  await refused(403, 'forbidden', second.orders.createOrderV2(order(given.game, 'bid', '1', '0.01')));
  assert.equal((await alice.keys.getApiKeys()).data.api_keys.length, 2);
  await alice.keys.deleteApiKey(made.api_key_id);
  await refused(401, 'authentication_error', second.portfolio.getBalance());
  const wrong = clientOf({ key_id: given.bob.key_id, private_key: given.alice.private_key });
  const told = await refused(401, 'authentication_error', wrong.portfolio.getBalance());
  assert.equal(told.details, 'INCORRECT_API_KEY_SIGNATURE');
}

async function settled() {
  await alice.exchange.getUserDataTimestamp();
  const orders = (await alice.orders.getOrders(given.game, undefined, undefined, undefined, undefined, 2)).data;
  assert.equal(orders.orders.length, 2);
  const more = (await alice.orders.getOrders(given.game, undefined, undefined, undefined, undefined, 2, orders.cursor)).data;
  assert.notEqual(more.orders[0].order_id, orders.orders[0].order_id);
  process.stdout.write('resolve\n');
  for (;;) {
    const found = (await alice.portfolio.getSettlements()).data.settlements;
    if (found.length) {
      assert.equal(found[0].ticker, given.game);
      assert.equal(found[0].market_result, 'yes');
      assert.equal(found[0].yes_count_fp, '5.00');
      assert.equal(found[0].revenue, 500);
      break;
    }
  }
  assert.equal((await alice.market.getMarket(given.game)).data.market.status, 'finalized');
  assert.equal(await balance(alice, 0), '1003.2813');
  const closed = await refused(409, 'market_inactive', alice.orders.createOrderV2(order(given.game, 'bid', '1', '0.01')));
  assert.equal(closed.message, 'MARKET_INACTIVE');
  const now = Math.floor(Date.now() / 1000);
  const candles = (await alice.market.getMarketCandlesticks(given.series, given.game, now - 3600, now + 120, 1)).data;
  assert.ok(candles.candlesticks.length >= 1);
}

(async () => {
  await step('catalogue', catalogue);
  await step('place and cancel', placeAndCancel);
  await step('trade', tradeOneLeg);
  await step('batches', batches);
  await step('amend and decrease', amendAndDecrease);
  await step('close the position', closeThePosition);
  await step('groups and limits', groupsAndLimits);
  await step('shards', shards);
  await step('keys', keys);
  await step('settlement', settled);
  process.stdout.write(`${JSON.stringify(done)}\n`);
})().catch((error) => {
  const told = error.response ? JSON.stringify([error.config.method, error.config.url, error.response.status, error.response.data]) : '';
  process.stderr.write(`after ${done.join(', ')}: ${error.stack}\n${told}\n`);
  process.exit(1);
});
