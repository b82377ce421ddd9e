// What runs, `flush` and `delete --retire` need of this road, as one file that is loaded where it is asked for.
export { createDryReceiver } from './receiver/dry-run.js';
export { failingReceiver, openReceivers } from './receiver/open-receivers.js';
export { createRemoteWriteTarget } from './remote-write-target.js';
export { retire } from './retire.js';
export { flushReceiver } from './spool/flush-receiver.js';
export { openReceiverSpool, pendingByReceiver } from './spool/receiver-spool.js';
