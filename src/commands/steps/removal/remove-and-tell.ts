import type { GatewayRequests } from '../../../delivery/client/gateway-requests.js';
import type { GatewayGroup } from '../../../exposition/api-groups.js';
import type { Log } from '../../../log.js';
import type { Host } from '../../../process/host.js';
import { describeRemoval, needsLook } from '../../../removal/describe.js';
import { removeGroups } from '../../../removal/remove-groups.js';

/** The settings of every command that removes groups. None has a variable: what is removed is said where it is removed. */
export const removalSettings = {
  yes: { kind: 'switch', flags: '-y, --yes', env: [], help: 'do not ask' },
  dryRun: {
    kind: 'switch',
    flags: '--dry-run',
    env: [],
    help: 'say what would be removed, and remove nothing',
  },
} as const;

export interface RemoveInput {
  readonly requests: GatewayRequests;
  readonly chosen: readonly GatewayGroup[];
  readonly whyKeep: (group: GatewayGroup, nowSeconds: number) => string | undefined;
  readonly timeoutMs: number;
}

/**
 * Removes the groups and says what became of each.
 *
 * @returns the exit code: 1 if one of them needs a look.
 *
 * @throws PushError
 */
export async function removeAndTell(host: Host, log: Log, input: RemoveInput): Promise<number> {
  const { requests, chosen, whyKeep, timeoutMs } = input;
  let exitCode = 0;
  const onNoCount = () =>
    log.warn(
      `${requests.target} does not count its pushes: one that comes in the moment of a deletion is not seen`,
      { event: 'pushes_uncounted', target: requests.target },
    );
  for await (const removal of removeGroups(chosen, { requests, whyKeep, onNoCount, settleMs: timeoutMs })) {
    host.stdout.write(`${describeRemoval(removal)}\n`);
    if (needsLook(removal)) exitCode = 1;
  }
  return exitCode;
}
