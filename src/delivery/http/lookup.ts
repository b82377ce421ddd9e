import { Resolver, lookup as systemLookup } from 'node:dns';
import { readFileSync } from 'node:fs';
import type { LookupFunction } from 'node:net';

export interface LookupOptions {
  /** Name servers to ask, as `address:port`. Default: those of the system. */
  readonly servers?: readonly string[];
  /** How long the name servers may stay silent, in milliseconds. */
  readonly silenceMs: number;
}

/** A name lookup for sockets. */
export interface Lookup {
  readonly lookup: LookupFunction;
  /** Gives up the queries that are under way. */
  close(): void;
}

/**
 * The system's own name lookup, but only where a name server answers at all. The system's lookup cannot be
 * cancelled, and a process cannot exit while it runs: with dead name servers that is 10 s and more past any
 * deadline (measured on Node 20, glibc). So a name server is asked first, by a query that can be given up.
 */
export function createLookup({ servers, silenceMs }: LookupOptions): Lookup {
  const asking = new Set<Resolver>();
  return {
    lookup(hostname, options, callback) {
      if (isLocallyKnown(hostname)) {
        systemLookup(hostname, options, callback);
        return;
      }
      const resolver = new Resolver({ timeout: silenceMs, tries: 1 });
      if (servers) resolver.setServers(servers);
      asking.add(resolver);
      const giveUp = setTimeout(() => resolver.cancel(), silenceMs).unref();
      resolver.resolve4(hostname, (error) => {
        asking.delete(resolver);
        clearTimeout(giveUp);
        // Any other answer, even "no such name", shows that the system's lookup will come back soon.
        if (error?.code === 'ETIMEOUT' || error?.code === 'ECANCELLED')
          callback(silentNameServer(hostname), '');
        else systemLookup(hostname, options, callback);
      });
    },
    close() {
      for (const resolver of asking) resolver.cancel();
    },
  };
}

/** Whether the answer needs no name server. */
function isLocallyKnown(hostname: string): boolean {
  if (hostname === 'localhost' || hostname.endsWith('.localhost')) return true;
  try {
    const names = readFileSync('/etc/hosts', 'utf8').replace(/#.*/g, '').split(/\s+/);
    return names.includes(hostname);
  } catch {
    return false;
  }
}

function silentNameServer(hostname: string): Error {
  return Object.assign(new Error(`no name server answered for ${hostname}`), { code: 'EAI_AGAIN' });
}
