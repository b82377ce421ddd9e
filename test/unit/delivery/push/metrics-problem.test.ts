import { expect, test } from 'vitest';
import { findMetricsProblem } from '../../../../src/delivery/push/metrics-problem.js';
import { BATCH_FAMILY_NAMES } from '../../../../src/outcome/batch-metrics.js';

const problem = (text: string) =>
  findMetricsProblem(text, {
    key: { job: 'nightly', grouping: [['shard', '3']] },
    reserved: BATCH_FAMILY_NAMES,
  });

test.each([
  ['rows 1\n'],
  ['rows{shard_name="3",jobs="x"} 1\n'],
  ['rows{note=",shard=\\"3\\""} 1\n'],
  ['batch_job_success_rate 1\n'],
  ['# HELP rows about batch_job_success and push_time_seconds\nrows 1\n'],
  [''],
])('%j may be pushed', (text) => {
  expect(problem(text)).toBeUndefined();
});

test.each([
  ['rows{shard="4"} 1\n', 'metric "rows" has the label shard="4", and the group has shard="3"'],
  ['rows{a="b", shard = "3"} 1\n', 'metric "rows" has the label shard="3"'],
  ['rows{job="other"} 1\n', 'has the label job="other", and the group has job="nightly"'],
  [
    '# TYPE h histogram\nh_bucket{shard="1",le="+Inf"} 1\nh_sum 1\nh_count 1\n',
    'metric "h" has the label shard',
  ],
  ['batch_job_success 1\n', 'metric "batch_job_success" is one of those that prombatch itself pushes'],
  ['push_time_seconds 1\n', 'metric "push_time_seconds" is one that the gateway sets itself'],
  ['batch_job_success 1', 'line 1: unexpected end of input'],
])('%j may not', (text, message) => {
  expect(problem(text)).toContain(message);
});
