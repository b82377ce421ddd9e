import type { Labels } from '../exposition/family.js';

/** What a request asks the gateway for. */
export type Route =
  | { readonly to: 'push'; readonly labels: Labels; readonly replace: boolean }
  | { readonly to: 'delete'; readonly labels: Labels }
  | { readonly to: 'page' | 'metrics' | 'healthy' | 'ready' | 'api-metrics' | 'api-status' | 'nothing' }
  | { readonly to: 'redirect'; readonly status: number; readonly location: string }
  | { readonly to: 'refusal'; readonly status: number; readonly message: string };

const READ_ONLY: Readonly<Record<string, Exclude<Route['to'], 'push' | 'delete' | 'redirect' | 'refusal'>>> =
  {
    '/': 'page',
    '/metrics': 'metrics',
    '/-/healthy': 'healthy',
    '/-/ready': 'ready',
    '/api/v1/metrics': 'api-metrics',
    '/api/v1/status': 'api-status',
  };

const WRITES: ReadonlySet<string> = new Set(['POST', 'PUT', 'DELETE']);
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const BASE64_SUFFIX = '@base64';

/**
 * Reads a request line as the Pushgateway 1.11.3 does: a path with empty or dot segments is redirected to its clean
 * form before anything else; then the path is decoded once and as a whole, so `%2F` counts as a slash. The redirect
 * escapes what is escaped already (Go's ServeMux).
 */
export function route(method: string, target: string): Route {
  const [rawPath = '', query] = target.replace(/^https?:\/\/[^/]*/i, '').split(/\?(.*)/s);
  const path = decodePath(rawPath);
  if (path === undefined) return refusal(400, '400 Bad Request');
  const clean = cleanPath(rawPath);
  if (clean !== rawPath) return { to: 'redirect', status: 307, location: encodePath(clean, query) };

  const reads = READ_ONLY[path];
  if (reads) {
    if (method === 'OPTIONS') return { to: 'nothing' };
    if (method === 'GET') return { to: reads };
    return refusal(405, 'Method Not Allowed');
  }
  if (path.startsWith('/metrics/job')) return groupRoute(method, path);
  const withoutSlash = path.slice(0, -1);
  if (method === 'GET' && path.endsWith('/') && READ_ONLY[withoutSlash]) {
    return { to: 'redirect', status: 301, location: encodePath(withoutSlash, query) };
  }
  return refusal(404, '404 page not found');
}

function groupRoute(method: string, path: string): Route {
  const [, suffix = '', job = '', rest = ''] = /^\/metrics\/job(@base64)?\/([^/]+)(\/.*)?$/s.exec(path) ?? [];
  if (job === '') {
    // The router's answer to a final slash too many, where the path without it might take the method.
    const redirects = path === '/metrics/job/' && WRITES.has(method);
    return redirects
      ? { to: 'redirect', status: 307, location: '/metrics/job' }
      : refusal(404, '404 page not found');
  }
  if (method === 'OPTIONS') return { to: 'nothing' };
  if (!WRITES.has(method)) return refusal(405, 'Method Not Allowed');
  const labels = groupLabels(suffix, job, rest);
  if (typeof labels === 'string') return refusal(400, labels);
  return method === 'DELETE' ? { to: 'delete', labels } : { to: 'push', labels, replace: method === 'PUT' };
}

/** `job` and the grouping labels, or what is wrong with the path. */
function groupLabels(suffix: string, jobText: string, rest: string): Labels | string {
  const job = suffix === '' ? jobText : decodeBase64(jobText);
  if (job === undefined) return `invalid base64 encoding in job name ${JSON.stringify(jobText)}`;
  const labels = new Map<string, string>();
  const components = rest.length <= 1 ? [] : rest.slice(1).split('/');
  if (components.length % 2 !== 0) return `odd number of components in label string ${JSON.stringify(rest)}`;
  for (let at = 0; at < components.length; at += 2) {
    const [name = '', text = ''] = components.slice(at, at + 2);
    const encoded = name.endsWith(BASE64_SUFFIX);
    const label = encoded ? name.slice(0, -BASE64_SUFFIX.length) : name;
    if (!LABEL_NAME.test(label) || label.startsWith('__'))
      return `improper label name ${JSON.stringify(label)}`;
    const value = encoded ? decodeBase64(text) : text;
    if (value === undefined) return `invalid base64 encoding for label ${label}=${JSON.stringify(text)}`;
    labels.set(label, value);
  }
  if (job === '') return 'job name is required';
  labels.set('job', job);
  return [...labels];
}

/** base64url with or without padding; `undefined` for anything else, and for what is not UTF-8. */
function decodeBase64(text: string): string | undefined {
  const digits = text.replace(/=+$/, '');
  if (!/^[A-Za-z0-9_-]*$/.test(digits) || digits.length % 4 === 1) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      Buffer.from(digits, 'base64url'),
    );
  } catch {
    return undefined;
  }
}

function decodePath(rawPath: string): string | undefined {
  try {
    return decodeURIComponent(rawPath);
  } catch {
    return undefined;
  }
}

/** A decoded path as a request can name it again. */
function encodePath(path: string, query: string | undefined): string {
  const encoded = path.split('/').map(encodeURIComponent).join('/').replaceAll('%40', '@');
  return query === undefined ? encoded : `${encoded}?${query}`;
}

/** Go's `path.Clean` with a final slash kept, as its HTTP server redirects to. */
function cleanPath(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  const clean = `/${kept.join('/')}`;
  return path.endsWith('/') && clean !== '/' ? `${clean}/` : clean;
}

function refusal(status: number, message: string): Route {
  return { to: 'refusal', status, message };
}
