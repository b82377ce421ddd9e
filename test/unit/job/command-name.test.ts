import { expect, test } from 'vitest';
import { commandName } from '../../../src/job/command-name.js';

test.each([
  ['backup.sh --full', 'backup.sh'],
  ['/usr/local/bin/backup.sh', 'backup.sh'],
  ['sh /opt/backup.sh -c x', 'backup.sh'],
  ['bash -eu -o pipefail /opt/backup.sh', 'backup.sh'],
  ['bash -c true', undefined],
  ['bash -lc true', undefined],
  ['sh', undefined],
  ['sh -s', undefined],
  ['python3 -u /opt/import.py --day 1', 'import.py'],
  ['/usr/bin/python3.11 -W ignore import.py', 'import.py'],
  ['python3 -m http.server', undefined],
  ['perl -w -I lib /opt/report.pl', 'report.pl'],
  ['perl -ne print', undefined],
  ['node --import ./hook.js dist/job.mjs', 'job.mjs'],
  ['node -e 1', undefined],
  ['node --eval=1', undefined],
  ['java -Xmx1g -jar /srv/etl.jar', 'etl.jar'],
  ['php -d memory_limit=1G artisan schedule:run', 'artisan'],
  ['deno run --allow-net sync.ts', 'sync.ts'],
  ['env A=1 -u B -i /opt/backup.sh', 'backup.sh'],
  ['env -S "a b"', undefined],
  ['nice -n 19 ionice -c 3 /opt/backup.sh', 'backup.sh'],
  ['nice -19 /opt/backup.sh', 'backup.sh'],
  ['flock -n /run/lock/backup /opt/backup.sh', 'backup.sh'],
  ['flock -w 5 /run/lock/backup nice python3 /opt/import.py', 'import.py'],
  ['flock /run/lock/x -c backup', undefined],
  ['timeout -k 5 1h /opt/backup.sh', 'backup.sh'],
  ['sudo -u postgres -- /opt/backup.sh', 'backup.sh'],
  ['su - postgres -c backup', undefined],
  ['setsid nohup chronic rsync -a a b', 'rsync'],
  ['pg_dump -c shop', 'pg_dump'],
  ['constructor x', 'constructor'],
  ['', undefined],
  ['/', undefined],
])('%j is the job %j', (line, name) => {
  const words = line.match(/"[^"]*"|\S+/g)?.map((word) => word.replaceAll('"', '')) ?? [];
  expect(commandName(words)).toBe(name);
});
