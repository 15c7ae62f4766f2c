// How many connections for subscriptions one client may hold: WebSockets and event streams alike.

import { isIPv6 } from 'node:net';
import { GraphQLError } from 'graphql';
import { BoundedCache } from './documents.mjs';

const REMEMBERED_ADDRESSES = 10_000;

/** Sets of open connections by who holds them, each of at most `most`. */
export class ConnectionLimit {
  #held = new Map();
  #most;

  constructor(most) {
    this.#most = most;
  }

  /** Count a connection, once; false if its holder has as many as allowed without it. */
  add(holder, connection) {
    const held = this.#held.get(holder) ?? new Set();
    if (!held.has(connection) && held.size >= this.#most) return false;
    this.#held.set(holder, held.add(connection));
    return true;
  }

  remove(holder, connection) {
    const held = this.#held.get(holder);
    if (held?.delete(connection) && !held.size) this.#held.delete(holder);
  }
}

/** A bucket of `perMinute` tokens for each holder, filled evenly. */
export class StartLimit {
  #buckets = new BoundedCache(REMEMBERED_ADDRESSES);
  #perMinute;

  constructor(perMinute) {
    this.#perMinute = perMinute;
  }

  /** Take a token; false if there is none. */
  take(holder, now = performance.now()) {
    const { tokens, at } = this.#buckets.get(holder) ?? { tokens: this.#perMinute, at: now };
    const filled = Math.min(this.#perMinute, tokens + ((now - at) / 60_000) * this.#perMinute);
    const taken = filled >= 1;
    this.#buckets.set(holder, { tokens: taken ? filled - 1 : filled, at: now }, 1);
    return taken;
  }
}

/**
 * Counts connections by address when they open, and by account once a subgraph has accepted the token: the router does
 * not check tokens, and who forges one must not use up somebody else's connections.
 */
export class Connections {
  #addresses;
  #accounts;
  #starts;
  #holders = new Map(); // by connection: the limits that count it, each with its holder
  #mostPerAccount;

  constructor({ connectionsPerAddress, connectionsPerAccount, startsPerMinute }) {
    this.#starts = new StartLimit(startsPerMinute);
    this.#addresses = new ConnectionLimit(connectionsPerAddress);
    this.#accounts = new ConnectionLimit(connectionsPerAccount);
    this.#mostPerAccount = connectionsPerAccount;
  }

  /** Count a new connection from an address; false if that has too many. */
  open(connection, address) {
    return this.#add(this.#addresses, network(address), connection);
  }

  /** A subgraph accepted this connection's token; returns an error if the account has too many connections. */
  accepted(connection, authorization) {
    const account = accountOf(authorization);
    if (!account || this.#add(this.#accounts, account, connection)) return undefined;
    return new GraphQLError(
      `This account has ${this.#mostPerAccount} open connections already; close one, then subscribe again.`,
      { extensions: { code: 'RATE_LIMITED' } },
    );
  }

  /** Count an operation that an address starts over a WebSocket, which the edge does not see; false if it is too fast. */
  start(address) {
    return this.#starts.take(network(address));
  }

  /** To be called for every connection that ends, counted or not. */
  close(connection) {
    for (const { limit, holder } of this.#holders.get(connection) ?? []) limit.remove(holder, connection);
    this.#holders.delete(connection);
  }

  #add(limit, holder, connection) {
    if (!limit.add(holder, connection)) return false;
    this.#holders.set(connection, [...(this.#holders.get(connection) ?? []), { limit, holder }]);
    return true;
  }
}

// The account that a token is for. One that cannot be read stands for itself.
function accountOf(authorization) {
  const token = authorization?.replace(/^bearer /i, '');
  try {
    return JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).sub ?? token;
  } catch {
    return token;
  }
}

// What one client is given: an IPv4 address, or a /64 of IPv6, as the edge counts them.
function network(address) {
  if (!isIPv6(address)) return address;
  const [head, tail] = address.split('::').map((part) => (part ? part.split(':') : []));
  const groups = tail ? [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail] : head;
  return groups.slice(0, 4).map((group) => parseInt(group, 16)).join(':');
}
