import { join } from 'node:path';
import type { MetricFamily } from '../../exposition/family.js';
import { writeFamilies } from '../../exposition/write.js';
import { writeDurably } from '../../files/durable-file.js';
import { fileName } from '../../files/file-name.js';
import { readBacklog, sumBacklog } from '../spool/backlog.js';

/**
 * Writes what waits in a spool for node_exporter's textfile collector, so that a host tells of pushes that do not arrive.
 * Each spool has a file of its own, since each user may have one.
 *
 * @throws the system's error.
 */
export function writeBacklogTextfile(folder: string, spool: string): void {
  const { waiting, setAside } = sumBacklog(readBacklog(spool));
  const gauge = (name: string, help: string, value: number): MetricFamily => ({
    name,
    help,
    type: 'gauge',
    samples: [{ name, labels: [['spool', spool]], value }],
  });
  const text = writeFamilies([
    gauge('prombatch_spooled_entries', 'End pushes that wait in the spool.', waiting),
    gauge('prombatch_rejected_entries', 'End pushes that were set aside in the spool.', setAside),
  ]);
  writeDurably(join(folder, backlogTextfileName(spool)), text, 0o644);
}

/** No job's file has this name: a plus sign in a job's name is escaped. */
export function backlogTextfileName(spool: string): string {
  return `prombatch+${fileName(spool)}.prom`;
}
