import { type LookupAddress, Resolver } from 'node:dns';

/** What a name server made of a name: addresses, no such name, a failure of its own, or nothing yet. */
export type Reply = readonly LookupAddress[] | 'unknown' | 'failed' | 'silent' | 'waiting';

/**
 * What the system's own lookup of a name would be like.
 *
 * - `soon`: it does not wait for a silent name server.
 * - addresses: it would wait for one, and another name server knows these.
 * - `late`: it would wait for one, and another name server does not know the name as it stands.
 * - `silent`: no name server answers at all.
 */
export type Forecast = 'soon' | 'late' | 'silent' | readonly LookupAddress[];

export interface NameServersOptions {
  /** As `address:port`, in the order in which the system asks them. */
  readonly servers: readonly string[];
  /** How long they may stay silent, in milliseconds. */
  readonly silenceMs: number;
  /** Gives up the queries that are under way. */
  readonly signal: AbortSignal;
}

/**
 * Asks the name servers for a name, by queries that can be given up: the first one, and the others only if that fails
 * or is silent for a quarter of the time.
 */
export function askNameServers(hostname: string, options: NameServersOptions): Promise<Forecast> {
  const { servers, silenceMs, signal } = options;
  const replies: Reply[] = servers.map(() => 'waiting');
  return new Promise((resolve) => {
    const ask = async (index: number): Promise<void> => {
      const families = index === 0 ? PROBE : FAMILIES;
      replies[index] = await askServer(servers[index] ?? '', hostname, families, { silenceMs, signal });
      if (index === 0) askOthers();
      const forecast = forecastLookup(replies);
      if (forecast === undefined) return;
      clearTimeout(patience);
      resolve(forecast);
    };
    let othersAsked = false;
    const askOthers = (): void => {
      if (othersAsked || forecastLookup(replies) !== undefined) return;
      othersAsked = true;
      for (let index = 1; index < servers.length; index++) ask(index);
    };
    const patience = setTimeout(askOthers, silenceMs / 4).unref();
    ask(0);
  });
}

/**
 * What the replies so far say of the system's lookup, or `undefined` while they say nothing. glibc asks the servers in
 * order, waits five seconds for each that is silent, and goes on from one that fails (resolv.conf(5), res_send).
 */
export function forecastLookup(replies: readonly Reply[]): Forecast | undefined {
  const [deciding = 'unknown'] = replies.filter((reply) => reply !== 'failed');
  if (deciding === 'unknown' || isAddresses(deciding)) return 'soon';
  const known = replies.find(isAddresses);
  if (known) return known;
  if (replies.includes('unknown')) return 'late';
  return replies.includes('waiting') ? undefined : 'silent';
}

function isAddresses(reply: Reply): reply is readonly LookupAddress[] {
  return typeof reply !== 'string';
}

/** What c-ares says of a server that knows no such name, or no such address of it. */
const UNKNOWN = ['ENOTFOUND', 'ENODATA'];
const SILENT = ['ETIMEOUT', 'ECANCELLED'];

type Family = 4 | 6;
const FAMILIES: readonly Family[] = [4, 6];
/** If the first server answers at all, the system's lookup does the rest. */
const PROBE: readonly Family[] = [4];

async function askServer(
  server: string,
  hostname: string,
  families: readonly Family[],
  { silenceMs, signal }: Pick<NameServersOptions, 'silenceMs' | 'signal'>,
): Promise<Reply> {
  if (signal.aborted) return 'silent';
  const resolver = new Resolver({ timeout: silenceMs, tries: 1 });
  resolver.setServers([server]);
  const giveUp = (): void => resolver.cancel();
  const timer = setTimeout(giveUp, silenceMs).unref();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    const replies = await Promise.all(families.map((family) => query(resolver, hostname, family)));
    const found = replies.filter(isAddresses).flat();
    return found.length > 0 ? found : (replies[0] ?? 'failed');
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
}

function query(resolver: Resolver, hostname: string, family: Family): Promise<Reply> {
  return new Promise((resolve) => {
    const onAnswer = (error: NodeJS.ErrnoException | null, addresses: readonly string[]): void => {
      const code = error?.code ?? '';
      if (!error) resolve(addresses.map((address) => ({ address, family })));
      else if (UNKNOWN.includes(code)) resolve('unknown');
      else resolve(SILENT.includes(code) ? 'silent' : 'failed');
    };
    if (family === 4) resolver.resolve4(hostname, onAnswer);
    else resolver.resolve6(hostname, onAnswer);
  });
}
