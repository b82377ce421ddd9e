import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';

/** A small authority of the tests' own, made by openssl. */
export interface Authority {
  readonly ca: string;
  /** Issues a certificate; paths of certificate and key. */
  issue(name: string, options?: { host?: string; days?: number }): { cert: string; key: string };
}

export function createAuthority(folder: string): Authority {
  mkdirSync(folder, { recursive: true });
  const at = (file: string) => join(folder, file);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '2',
    '-subj',
    '/CN=test-authority',
  );
  return {
    ca: at('ca.pem'),
    issue(name, { host = 'localhost', days = 1 } = {}) {
      openssl(
        'req',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.csr`,
        '-subj',
        `/CN=${name}`,
      );
      writeFileSync(at(`${name}.ext`), `subjectAltName=${isIP(host) === 0 ? 'DNS' : 'IP'}:${host}\n`);
      if (days > 0) {
        openssl(
          'x509',
          '-req',
          '-in',
          `${name}.csr`,
          '-CA',
          'ca.pem',
          '-CAkey',
          'ca.key',
          '-CAcreateserial',
          '-out',
          `${name}.pem`,
          '-extfile',
          `${name}.ext`,
          '-days',
          String(days),
        );
      } else {
        // openssl 3.0's x509 takes no dates, but its ca does.
        writeFileSync(at('index.txt'), '');
        writeFileSync(at('serial'), '1000\n');
        writeFileSync(
          at('ca.cnf'),
          '[ca]\ndefault_ca=x\n[x]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n',
        );
        openssl(
          'ca',
          '-batch',
          '-config',
          'ca.cnf',
          '-cert',
          'ca.pem',
          '-keyfile',
          'ca.key',
          '-in',
          `${name}.csr`,
          '-out',
          `${name}.pem`,
          '-notext',
          '-extfile',
          `${name}.ext`,
          '-startdate',
          '20200101000000Z',
          '-enddate',
          '20200102000000Z',
        );
      }
      return { cert: at(`${name}.pem`), key: at(`${name}.key`) };
    },
  };
}
