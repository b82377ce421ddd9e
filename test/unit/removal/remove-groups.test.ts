import { expect, test } from 'vitest';
import type { GatewayRequests } from '../../../src/delivery/client/gateway-requests.js';
import type { GatewayGroup } from '../../../src/exposition/api-groups.js';
import { describeRemoval } from '../../../src/removal/describe.js';
import { removeGroups } from '../../../src/removal/remove-groups.js';

test('how old a group was is told by the clock of the gateway that gave it its times', async () => {
  const GATEWAY_NOW = 1_000_000;
  const group: GatewayGroup = {
    labels: [['job', 'a']],
    families: [
      {
        name: 'push_time_seconds',
        type: 'gauge',
        samples: [{ name: 'push_time_seconds', labels: [], value: GATEWAY_NOW - 7200 }],
      },
    ],
  };
  let held = [group];
  const requests: GatewayRequests = {
    target: 'gw',
    get: async () => ({ status: 404, headers: {}, body: '' }),
    readGroups: async () => ({ groups: held, nowSeconds: GATEWAY_NOW }),
    deleteGroup: async () => {
      held = [];
    },
    close() {},
  };
  const told: string[] = [];
  const options = { requests, whyKeep: () => undefined, onNoCount() {}, settleMs: 1000 };
  for await (const removal of removeGroups([group], options)) told.push(describeRemoval(removal));
  expect(told).toEqual(['removed a: last pushed 2h ago, no batch metrics, 0 metrics']);
});
