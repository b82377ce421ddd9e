import { getServers, type LookupAddress, lookup as systemLookup } from 'node:dns';
import { readFileSync } from 'node:fs';
import type { LookupFunction } from 'node:net';
import { askNameServers } from './name-servers.js';

export interface LookupOptions {
  /** Name servers to ask, as `address:port`. Default: those of the system. */
  readonly servers?: readonly string[];
  /** How long the name servers may stay silent, in milliseconds. */
  readonly silenceMs: number;
}

/** A name lookup for sockets. */
export interface Lookup {
  readonly lookup: LookupFunction;
  /** Gives up the lookups that are under way. */
  close(): void;
}

/** Where a name's addresses come from: the system's lookup in this process, or somebody who knew them already. */
type Found = 'system' | readonly LookupAddress[];

/**
 * The system's own name lookup, with all its sources, but in this process only if it comes back soon. It cannot be
 * cancelled, and a process cannot exit while it runs: with a dead name server that is 5 s and more past any deadline
 * (measured on Node 20, glibc). So the name servers are asked first, by queries that can be given up.
 *
 * A lookup goes on until it is settled or closed, whatever becomes of who asked: the next one to ask joins it.
 */
export function createLookup({ servers, silenceMs }: LookupOptions): Lookup {
  const closing = new AbortController();
  const underWay = new Map<string, Promise<Found>>();

  const find = (hostname: string): Promise<Found> => {
    const begun = underWay.get(hostname);
    if (begun) return begun;
    const found = findAddresses(
      hostname,
      { servers: servers ?? getServers(), silenceMs },
      closing.signal,
    ).finally(() => underWay.delete(hostname));
    underWay.set(hostname, found);
    return found;
  };

  return {
    lookup(hostname, options, callback) {
      if (isLocallyKnown(hostname)) {
        systemLookup(hostname, options, callback);
        return;
      }
      find(hostname).then(
        (found) => {
          if (found === 'system') systemLookup(hostname, options, callback);
          else if (options.all) callback(null, [...found]);
          else callback(null, found[0]?.address ?? '', found[0]?.family);
        },
        (error: Error) => callback(error, ''),
      );
    },
    close: () => closing.abort(),
  };
}

/**
 * If a name server that the system asks first is silent, another one's addresses are used; where that has none, the
 * system's other sources (search domains, mDNS, the machine's own name) are asked by a process that can be ended.
 */
function findAddresses(
  hostname: string,
  { servers, silenceMs }: Required<LookupOptions>,
  closed: AbortSignal,
): Promise<Found> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, closed]);
  const found = new Promise<Found>((resolve, reject) => {
    const noAnswer = (): void => reject(silentNameServer(hostname));
    let asked: Promise<void> | undefined;
    const askSystem = (): Promise<void> => {
      asked ??= import('./lookup-process.js')
        .then(({ lookupInProcess }) => lookupInProcess(hostname, signal))
        .then((addresses) => addresses && resolve(addresses))
        .catch(reject);
      return asked;
    };
    const patience = setTimeout(askSystem, silenceMs / 2).unref();
    askNameServers(hostname, { servers, silenceMs, signal }).then((forecast) => {
      clearTimeout(patience);
      if (forecast === 'soon') resolve('system');
      else if (forecast === 'late') askSystem().then(noAnswer);
      else if (forecast === 'silent') noAnswer();
      else resolve(forecast);
    }, reject);
  });
  return found.finally(() => over.abort());
}

/** Whether the answer needs no name server. */
function isLocallyKnown(hostname: string): boolean {
  if (hostname === 'localhost' || hostname.endsWith('.localhost')) return true;
  try {
    const names = readFileSync('/etc/hosts', 'utf8').toLowerCase().replace(/#.*/g, '').split(/\s+/);
    return names.includes(hostname.toLowerCase());
  } catch {
    return false;
  }
}

function silentNameServer(hostname: string): Error {
  return Object.assign(new Error(`no name server answered for ${hostname}`), { code: 'EAI_AGAIN' });
}
