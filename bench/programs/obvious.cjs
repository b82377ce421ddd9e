// What one writes without prombatch: prom-client with its Pushgateway class, and commander. No start push, no retry,
// no deadline, no spool.
const { Command } = require('commander');
const { Counter, Gauge, Pushgateway, Registry } = require('prom-client');

const program = new Command().requiredOption('-g, --gateway <url>').option('-j, --job <name>', '', 'obvious');
const { gateway, job } = program.parse().opts();
const registers = [new Registry()];
const rows = new Counter({ name: 'rows_total', help: 'Rows.', registers });
const success = new Gauge({ name: 'last_success_timestamp_seconds', help: 'When.', registers });
const pushgateway = new Pushgateway(gateway, {}, registers[0]);
pushgateway
  .pushAdd({ jobName: job })
  .then(() => rows.inc(1))
  .then(() => success.setToCurrentTime())
  .then(() => pushgateway.pushAdd({ jobName: job }));
