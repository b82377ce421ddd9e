import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

export const KUBERNETES = fileURLToPath(new URL('../../deploy/kubernetes', import.meta.url));

/** A Kubernetes object as its manifest has it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  // biome-ignore lint/suspicious/noExplicitAny: each kind has its own.
  readonly spec: any;
  // biome-ignore lint/suspicious/noExplicitAny: a ConfigMap's.
  readonly data?: any;
}

export const parseManifests = (yaml: string): Manifest[] =>
  parseAllDocuments(yaml).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS() as Manifest;
  });

/** The objects of the base, as they stand in its files. */
export function baseManifests(): Manifest[] {
  return readdirSync(`${KUBERNETES}/base`)
    .filter((file) => file !== 'kustomization.yaml')
    .flatMap((file) => parseManifests(readFileSync(`${KUBERNETES}/base/${file}`, 'utf8')));
}

/** The minor version of the kubectl that is installed, or `undefined`. */
export function kubectlMinor(): number | undefined {
  try {
    const version = execFileSync('kubectl', ['version', '--client', '-o', 'json'], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
    return Number(
      (JSON.parse(version) as { clientVersion: { minor: string } }).clientVersion.minor.replace(/\D.*/, ''),
    );
  } catch {
    return undefined;
  }
}

/** What `kubectl kustomize` makes of the base or an overlay. */
export const kustomize = (path: string): Manifest[] =>
  parseManifests(execFileSync('kubectl', ['kustomize', `${KUBERNETES}/${path}`], { encoding: 'utf8' }));

/** The pod templates of objects, by name. */
export function podSpecs(manifests: readonly Manifest[]): { name: string; spec: Manifest['spec'] }[] {
  return manifests.flatMap(({ kind, metadata: { name }, spec }) => {
    if (kind === 'CronJob') return [{ name, spec: spec.jobTemplate.spec.template.spec }];
    return kind === 'Job' || kind === 'Deployment' ? [{ name, spec: spec.template.spec }] : [];
  });
}
