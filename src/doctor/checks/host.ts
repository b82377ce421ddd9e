import { describeAge } from '../../status/describe.js';
import { printable } from '../../status/printable.js';
import type { Evidence, SpoolEvidence } from '../evidence.js';
import type { Finding } from '../finding.js';
import { quoted } from '../words.js';

/** What is on this host: its spool, and the folder of node_exporter's textfile collector. */
export function checkHost({ gateway, spool, textfile }: Evidence): readonly Finding[] {
  return [...(spool ? checkSpool(spool, gateway?.target) : []), ...checkTextfile(textfile)];
}

function checkSpool(spool: SpoolEvidence, target: string | undefined): readonly Finding[] {
  const { path, gateways, problem, nowSeconds } = spool;
  if (problem !== undefined) {
    return [
      {
        check: 'spool_unreadable',
        what: `the spool cannot be read: ${problem}`,
        why: 'A push that fails may not be kept.',
        fix: `ls -ld ${quoted(path)}; or name another with --spool`,
      },
    ];
  }
  const waiting = gateways.filter((each) => each.waiting > 0);
  const setAside = gateways.filter((each) => each.setAside > 0);
  return [
    ...waiting.map(({ gateway, waiting: count, waitingSinceSeconds = nowSeconds }): Finding => {
      const other = target === undefined || gateway === target ? '' : ', which is not the one looked at';
      return {
        check: 'spool_waits',
        what: `${entries(count)} in the spool for ${printable(gateway)}${other}; the first since ${describeAge(Math.max(0, nowSeconds - waitingSinceSeconds))}`,
        why: 'The gateway does not know of these runs yet.',
        fix: `prombatch flush --gateway ${quoted(gateway)} --spool ${quoted(path)}`,
      };
    }),
    ...setAside.map(
      ({ gateway, setAside: count }): Finding => ({
        check: 'spool_set_aside',
        what: `${count} push${count === 1 ? ' was' : 'es were'} set aside in the spool for ${printable(gateway)}`,
        why: 'It was refused or is damaged, and is never sent; the outcome of a refused one went without its own metrics.',
        fix: `find ${quoted(path)} -name '*.reason' -exec cat {} + says why; delete the files of rejected/ once that is settled`,
      }),
    ),
  ];
}

function entries(count: number): string {
  return count === 1 ? '1 run waits' : `${count} runs wait`;
}

function checkTextfile(textfile: Evidence['textfile']): readonly Finding[] {
  if (!textfile) return [];
  const { path, problem, writable, damaged } = textfile;
  const common = { why: 'What jobs write there does not reach node_exporter.' };
  if (problem !== undefined) {
    const fix = `mkdir -p ${quoted(path)}, and start node_exporter with --collector.textfile.directory=${quoted(path)}`;
    return [{ ...common, check: 'textfile', what: `the textfile folder cannot be read: ${problem}`, fix }];
  }
  return [
    ...(writable
      ? []
      : [
          {
            ...common,
            check: 'textfile',
            what: `the textfile folder ${path} cannot be written to by this user`,
            fix: `ls -ld ${quoted(path)}`,
          },
        ]),
    ...damaged.slice(0, 3).map(({ file, reason }) => ({
      check: 'textfile_damaged',
      what: `${file} is not in the text format: ${reason}`,
      why: 'node_exporter leaves the whole file out.',
      fix: `rm ${quoted(file)}; the next run writes it anew`,
    })),
  ];
}
