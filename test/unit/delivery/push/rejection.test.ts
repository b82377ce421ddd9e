import { expect, test } from 'vitest';
import { refusalError } from '../../../../src/delivery/http/push-error.js';
import { namedFamilies } from '../../../../src/delivery/push/rejection.js';

const PREFIX = 'pushed metrics are invalid or inconsistent with existing metrics: ';

// The texts are what the two real gateways answered.
test.each([
  [
    '1.5.1, a type',
    'collected metric "a" { label:<name:"instance" value:"" > label:<name:"job" value:"mine" > gauge:<value:3 > } is not a SUMMARY',
    ['a'],
  ],
  [
    '1.11.3, a type',
    'collected metric "a" { label:{name:"instance" value:""} label:{name:"job" value:"other"} summary:{sample_count:1 sample_sum:3 quantile:{quantile:0.5 value:3}}} is not a GAUGE',
    ['a'],
  ],
  [
    'both, several at once',
    '2 error(s) occurred:\n* collected metric "a" { gauge:{value:3}} is not a SUMMARY\n* collected metric "b" { counter:{value:1}} is not a GAUGE\n',
    ['a', 'b'],
  ],
  [
    '1.5.1, a name with a suffix',
    'collected metric named "h_count" collides with previously collected histogram named "h"',
    ['h_count', 'h'],
  ],
  [
    '1.11.3, a name with a suffix',
    'collected histogram or summary named "h" collides with previously collected metric named "h_count"',
    ['h', 'h_count'],
  ],
  [
    'both, a sample twice',
    'collected metric "a" { label:{name:"job" value:"say \\"collected metric \\\\\\"b\\\\\\"\\""} gauge:{value:1}} was collected before with the same name and label values',
    ['a'],
  ],
  ['both, of no family', 'pushed metrics must not have timestamps', []],
])('the words of Pushgateway %s name the families', (_title, words, names) => {
  const { serverMessage = '' } = refusalError('gw', { status: 400, headers: {}, body: PREFIX + words }, 0);
  expect([...namedFamilies(serverMessage)]).toEqual(names);
});
