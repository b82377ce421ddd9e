// Makes the Grafana dashboards in deploy/grafana/dashboards. A test keeps them current:
//   node scripts/dashboards.mjs
import { writeFileSync } from 'node:fs';
import { batchHistoryDashboard } from '../deploy/grafana/batch-history.mjs';
import { batchJobsDashboard } from '../deploy/grafana/batch-jobs.mjs';
import { sampleDashboard } from '../deploy/grafana/sample.mjs';

for (const [name, dashboard] of [
  ['sample', sampleDashboard()],
  ['batch-jobs', batchJobsDashboard()],
  ['batch-history', batchHistoryDashboard()],
]) {
  writeFileSync(`deploy/grafana/dashboards/${name}.json`, `${JSON.stringify(dashboard, null, 2)}\n`);
}
