// A supergraph that changes while the router runs: each version has a gateway of its own, what began under one ends under
// it, and a version that does not load changes nothing.

import { watchFile } from 'node:fs';
import { log } from './log.mjs';

// The time of the file's change is asked for, since watchers lose a file that is replaced by a rename.
const LOOK_EVERY = 1_000;

export class LiveGateway {
  #create;
  #current;

  /** @param create makes the gateway of some settings */
  constructor(create, settings) {
    this.#create = create;
    this.#current = new Version(create(settings));
  }

  /** Resolves when the first supergraph is loaded; rejects if it is none. */
  async ready() {
    await this.#current.gateway.getSchema();
  }

  /** Go on with the supergraph of `settings`; rejects, and goes on as before, if that does not load. */
  async replace(settings) {
    const next = new Version(this.#create(settings));
    try {
      await next.gateway.getSchema();
    } catch (error) {
      await next.gateway.dispose();
      throw error;
    }
    const before = this.#current;
    this.#current = next;
    before.retire();
  }

  /** Answer one HTTP request. */
  handle(req, res, context) {
    const { gateway, release } = this.#current.use();
    res.once('close', release);
    return gateway(req, res, context);
  }

  // What graphql-ws needs of a gateway.
  get waitUntil() {
    return this.#current.gateway.waitUntil;
  }

  /** Execute one operation that came over a WebSocket. */
  getResultForParams = async (payload, context) => {
    const { gateway, release } = this.#current.use();
    let result;
    try {
      result = await gateway.getResultForParams(payload, context);
    } finally {
      if (!result?.[Symbol.asyncIterator]) release();
    }
    return result?.[Symbol.asyncIterator] ? releasing(result[Symbol.asyncIterator](), release) : result;
  };

  async dispose() {
    await this.#current.gateway.dispose();
  }
}

/** Call `reload` whenever the file's content may be another. */
export function watch(file, reload) {
  watchFile(file, { interval: LOOK_EVERY, persistent: false }, async (now, before) => {
    if (now.mtimeMs === before.mtimeMs && now.ino === before.ino) return;
    try {
      await reload();
      log.info('supergraph reloaded', { file });
    } catch (error) {
      log.error('supergraph not reloaded; the one before stays', { file, detail: error.message });
    }
  });
}

// A gateway, disposed of once it is retired and nothing uses it.
class Version {
  #users = 0;
  #retired = false;

  constructor(gateway) {
    this.gateway = gateway;
  }

  use() {
    this.#users += 1;
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      this.#users -= 1;
      this.#end();
    };
    return { gateway: this.gateway, release };
  }

  retire() {
    this.#retired = true;
    this.#end();
  }

  #end() {
    if (this.#retired && this.#users === 0) void this.gateway.dispose();
  }
}

function releasing(events, release) {
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      try {
        const event = await events.next();
        if (event.done) release();
        return event;
      } catch (failure) {
        release();
        throw failure;
      }
    },
    async return(value) {
      release();
      return (await events.return?.(value)) ?? { done: true, value };
    },
  };
}
