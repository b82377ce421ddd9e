import { expect, test } from 'vitest';
import { batchSettings } from '../../../src/settings/batch-settings.js';
import { givenSettings, resolveSettings, type Setting } from '../../../src/settings/setting.js';

const { spool, noSpool } = batchSettings;
const both = { PROMBATCH_SPOOL: '/variable', PROMBATCH_NO_SPOOL: 'true' };

test.each([
  [{ spool: '/flag' }, both, { spool: '/flag', noSpool: false }, ['spool']],
  [{ spool: '/flag' }, { PROMBATCH_NO_SPOOL: 'nonsense' }, { spool: '/flag', noSpool: false }, ['spool']],
  [{ noSpool: true }, both, { spool: undefined, noSpool: true }, ['noSpool']],
  [{ noSpool: true }, { PROMBATCH_NO_SPOOL: 'false' }, { spool: undefined, noSpool: true }, ['noSpool']],
  [{}, both, { spool: '/variable', noSpool: true }, ['spool', 'noSpool']],
  [{}, { ...both, PROMBATCH_NO_SPOOL: ' ' }, { spool: '/variable', noSpool: false }, ['spool']],
  [{}, {}, { spool: undefined, noSpool: false }, []],
] as const)('a flag beats its variable and that of its opposite: %j with %j', (flags, env, values, given) => {
  expect(resolveSettings({ spool, noSpool }, flags, env)).toEqual(values);
  expect([...givenSettings({ spool, noSpool }, flags, env)]).toEqual(given);
});

test('settings that are opposites say so of each other', () => {
  const settings: Readonly<Record<string, Setting>> = batchSettings;
  const pairs = Object.entries(settings).flatMap(([name, { opposite }]) =>
    opposite === undefined ? [] : [[name, settings[opposite]?.opposite] as const],
  );
  expect(pairs.length).toBeGreaterThan(0);
  for (const [name, back] of pairs) expect(back).toBe(name);
});
