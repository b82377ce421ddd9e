import { gzipSync } from 'node:zlib';

/** One request of a case; without a body it is sent without one. */
export interface CaseRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ConformanceCase {
  readonly name: string;
  readonly requests: readonly CaseRequest[];
}

const post = (path: string, body: string | Buffer = '', headers?: Record<string, string>): CaseRequest => ({
  method: 'POST',
  path,
  body,
  ...(headers ? { headers } : {}),
});
const put = (path: string, body = ''): CaseRequest => ({ method: 'PUT', path, body });
const remove = (path: string): CaseRequest => ({ method: 'DELETE', path });
const ask = (method: string, path: string): CaseRequest => ({ method, path });

const HISTOGRAM = '# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 4\nh_sum 3.5\nh_count 4\n';
const SUMMARY = '# TYPE s summary\ns{quantile="0.5"} 2\ns{quantile="0.99"} NaN\ns_sum 7\ns_count 4\n';

const one = (name: string, ...requests: CaseRequest[]): ConformanceCase => ({ name, requests });
/** Each request by itself, on an empty gateway. */
const each = (title: string, requests: readonly CaseRequest[]): ConformanceCase[] =>
  requests.map((request) =>
    one(`${title}: ${request.method} ${request.path} ${JSON.stringify(String(request.body ?? ''))}`, request),
  );

export const CASES: readonly ConformanceCase[] = [
  ...each('paths that make a group', [
    post('/metrics/job/a', 'x 1\n'),
    post('/metrics/job/a/', 'x 1\n'),
    post('/metrics/job/a/instance/i', 'x 1\n'),
    post('/metrics/job/a/b/', 'x 1\n'),
    post('/metrics/job/a/b/c/d/e', 'x 1\n'),
    post('/metrics/job/a/b/c/b/d', 'x 1\n'),
    post('/metrics/job/a/job/b', 'x 1\n'),
    post('/metrics/job@base64/YQ', 'x 1\n'),
    post('/metrics/job@base64/YQ==', 'x 1\n'),
    post('/metrics/job@base64/L3Zhci90bXA', 'x 1\n'),
    post('/metrics/job/a/path@base64/L3Zhci90bXA=', 'x 1\n'),
    post('/metrics/job/a/empty@base64/=', 'x 1\n'),
    post('/metrics/job/a/empty@base64/', 'x 1\n'),
    post('/metrics/job/a%2Fb%2Fc', 'x 1\n'),
    post('/metrics/job/%ED%95%9C', 'x 1\n'),
    post('/metrics/job/a+b', 'x 1\n'),
    post('/metrics/job/a%20b', 'x 1\n'),
    post('/metrics/job/a?x=1', 'x 1\n'),
    post('/metrics/job/...', 'x 1\n'),
    post('/metrics/job/a@base64/b', 'x 1\n'),
  ]),
  ...each('paths that do not', [
    post('/metrics/job/a/b', 'x 1\n'),
    post('/metrics/job/a/b/c/', 'x 1\n'),
    post('/metrics/job/a%2Fb', 'x 1\n'),
    post('/metrics/job/a/1x/y', 'x 1\n'),
    post('/metrics/job/a/__x/y', 'x 1\n'),
    post('/metrics/job/a/b-c/y', 'x 1\n'),
    post('/metrics/job@base64/=', 'x 1\n'),
    post('/metrics/job/a/x@base64/a', 'x 1\n'),
    post('/metrics/job/a//b', 'x 1\n'),
    post('/metrics//job/a', 'x 1\n'),
    post('/metrics/job/a/./b', 'x 1\n'),
    post('/metrics/job/a/../b', 'x 1\n'),
    post('/metrics/job/..', 'x 1\n'),
    post('/metrics/job/a%2F%2Fb', 'x 1\n'),
    post('/metrics/job/', 'x 1\n'),
    post('/metrics/job', 'x 1\n'),
    post('/metrics/job@base64', 'x 1\n'),
    post('/metrics/job@base64/', 'x 1\n'),
    post('/metrics/jobs/a', 'x 1\n'),
    post('/metrics/job/%zz', 'x 1\n'),
    remove('/metrics/job/a/b'),
    remove('/metrics/job/a/__x/y'),
    remove('/metrics/job/'),
  ]),
  ...each('other paths and methods', [
    ask('GET', '/'),
    ask('POST', '/'),
    ask('GET', '/metrics'),
    ask('POST', '/metrics'),
    ask('HEAD', '/metrics'),
    ask('GET', '/metrics/'),
    ask('GET', '/metrics/job/a'),
    ask('PATCH', '/metrics/job/a'),
    ask('HEAD', '/metrics/job/a'),
    ask('OPTIONS', '/metrics/job/a'),
    ask('OPTIONS', '/metrics'),
    ask('GET', '/api/v1/metrics'),
    ask('POST', '/api/v1/metrics'),
    ask('GET', '/api/v1/status'),
    ask('OPTIONS', '/api/v1/status'),
    ask('GET', '/api/v1/nothing'),
    ask('PUT', '/api/v1/admin/wipe'),
    ask('GET', '/-/healthy'),
    ask('POST', '/-/healthy'),
    ask('GET', '/-/ready'),
    ask('HEAD', '/-/ready'),
    ask('GET', '/nothing'),
    remove('/metrics/job/unknown'),
  ]),
  ...each('texts that are stored', [
    post('/metrics/job/a'),
    put('/metrics/job/a'),
    post('/metrics/job/a', '\n \n\t\n'),
    post('/metrics/job/a', '# a comment\n#\n# HELP\n# TYPE x\n# HELP x \nx 1\n'),
    post('/metrics/job/a', '# HELP x some \\\\ help \\n more\n# TYPE x gauge\nx 1\n'),
    post('/metrics/job/a', '# TYPE x COUNTER\nx 1\n'),
    post('/metrics/job/a', '# HELP only help\n# TYPE only gauge\n'),
    post('/metrics/job/a', 'x\t{ a = "1" , b="2", } \t 1\n'),
    post('/metrics/job/a', 'x{} 1\n'),
    post('/metrics/job/a', 'x{a=""} 1\n'),
    post('/metrics/job/a', 'x{a="\\"\\\\\\n한"} 1\n'),
    post('/metrics/job/a', 'a NaN\nb +Inf\nc -Inf\nd inf\ne nan\nf -infinity\n'),
    post('/metrics/job/a', 'a 1e3\nb .5\nc 5.\nd +7\ne 00012.50\nf -0\ng 1e-7\nh 123456789.125\ni 1000000\n'),
    post('/metrics/job/a', ':x:y 1\n_x 2\n'),
    post('/metrics/job/a', 'x 1\nx{a="1"} 2\n'),
    post('/metrics/job/a', 'x{a="1"} 1\ny 1\nx{a="2"} 2\n'),
    post('/metrics/job/a', HISTOGRAM),
    post('/metrics/job/a', SUMMARY),
    post('/metrics/job/a', '# TYPE h histogram\nh_bucket{le="1"} 2\nh_sum 3\nh_count 4\n'),
    post('/metrics/job/a', '# TYPE h histogram\nh_count{z="1"} 4.7\nh_sum{z="2"} 1\n'),
    post('/metrics/job/a', '# TYPE h histogram\nh 5\n'),
    post('/metrics/job/a', '# TYPE h histogram\nh{le="5"} 7\n'),
    post('/metrics/job/a', '# TYPE s summary\ns_count 4\n'),
    post('/metrics/job/a', '# TYPE s summary\ns{quantile="0.5",a="b"} 1\ns_sum{a="b"} 2\ns_sum{a="c"} 3\n'),
    post('/metrics/job/a', 'h_bucket{le="1"} 2\ns_count 1\n'),
    post('/metrics/job/a', 'le{le="1"} 2\n'),
    post('/metrics/job/a', 'x{job="other",instance="i"} 1\n'),
    post('/metrics/job/a/instance/i', 'x{instance="other"} 1\n'),
    post('/metrics/job/a', 'x 1\n', { 'Content-Type': 'text/plain; version=0.0.4' }),
    post('/metrics/job/a', 'push_time_seconds 5\nx 1\n'),
    post('/metrics/job/a', gzipSync('x 1\n'), { 'Content-Encoding': 'gzip' }),
  ]),
  ...each('texts that are refused', [
    post('/metrics/job/a', 'x 1'),
    post('/metrics/job/a', 'x 1\r\n'),
    post('/metrics/job/a', 'x 1 \n'),
    post('/metrics/job/a', 'x 1 1700000000000\n'),
    post('/metrics/job/a', 'x 1 2.5\n'),
    post('/metrics/job/a', 'x 1 2 3\n'),
    post('/metrics/job/a', 'x\n'),
    post('/metrics/job/a', 'x one\n'),
    post('/metrics/job/a', 'x 1e400\n'),
    post('/metrics/job/a', 'x 0x10\n'),
    post('/metrics/job/a', 'x 1_0\n'),
    post('/metrics/job/a', '1x 1\n'),
    post('/metrics/job/a', 'x-y 1\n'),
    post('/metrics/job/a', '\ufeffx 1\n'),
    post('/metrics/job/a', 'x{1a="b"} 1\n'),
    post('/metrics/job/a', 'x{a=b} 1\n'),
    post('/metrics/job/a', 'x{a="b} 1\n'),
    post('/metrics/job/a', 'x{a="b" c="d"} 1\n'),
    post('/metrics/job/a', 'x{,} 1\n'),
    post('/metrics/job/a', 'x{a="\\d"} 1\n'),
    post('/metrics/job/a', 'x{a="1",a="2"} 1\n'),
    post('/metrics/job/a', 'x{__name__="y"} 1\n'),
    post('/metrics/job/a', 'x{__a="y"} 1\n'),
    post('/metrics/job/a', Buffer.from('x{a="\xff"} 1\n', 'latin1')),
    post('/metrics/job/a', '# TYPE x thing\nx 1\n'),
    post('/metrics/job/a', '# TYPE x gauge\n# TYPE x gauge\nx 1\n'),
    post('/metrics/job/a', 'x 1\n# TYPE x gauge\n'),
    post('/metrics/job/a', '# HELP x a\n# HELP x b\nx 1\n'),
    post('/metrics/job/a', '# HELP x \\y\nx 1\n'),
    post('/metrics/job/a', '# HELP 1x y\n'),
    post('/metrics/job/a', 'x 1\nx 2\n'),
    post('/metrics/job/a', 'x{a="1",b="2"} 1\nx{b="2",a="1"} 1\n'),
    post('/metrics/job/a', '# TYPE h histogram\nh_bucket{le="x"} 5\n'),
    post('/metrics/job/a', '# TYPE s summary\ns{quantile="x"} 5\n'),
    post('/metrics/job/a', 'h_count 1\n# TYPE h histogram\nh_sum 1\n'),
    post(
      '/metrics/job/a',
      `${HISTOGRAM}h_total 1\n# TYPE h_count2 gauge\nh_count2 1\n# TYPE h_bucket gauge\n`,
    ),
    post('/metrics/job/a', Buffer.from('not gzip'), { 'Content-Encoding': 'gzip' }),
  ]),
  one(
    'a POST replaces families by name',
    post('/metrics/job/a', 'x{s="a"} 1\ny 1\n'),
    post('/metrics/job/a', 'x{s="b"} 2\n'),
  ),
  one('a PUT replaces the group', post('/metrics/job/a', 'x 1\ny 1\n'), put('/metrics/job/a', 'x 2\n')),
  one('an empty PUT empties the group', post('/metrics/job/a', 'x 1\n'), put('/metrics/job/a')),
  one('an empty POST keeps it', post('/metrics/job/a', 'x 1\n'), post('/metrics/job/a')),
  one(
    'a DELETE takes one group',
    post('/metrics/job/a', 'x 1\n'),
    post('/metrics/job/a/b/c', 'x 1\n'),
    remove('/metrics/job/a'),
  ),
  one(
    'a DELETE by base64 takes the same group',
    post('/metrics/job/a', 'x 1\n'),
    remove('/metrics/job@base64/YQ'),
  ),
  one(
    'the order of the labels does not matter',
    post('/metrics/job/a/b/1/c/2', 'x 1\n'),
    post('/metrics/job/a/c/2/b/1', 'x 2\n'),
  ),
  one(
    'another type in another group is refused',
    post('/metrics/job/a', '# TYPE x gauge\nx 1\n'),
    post('/metrics/job/b', '# TYPE x counter\nx 1\n'),
  ),
  one(
    'another type in the same group is a new type',
    post('/metrics/job/a', '# TYPE x gauge\nx 1\n'),
    post('/metrics/job/a', '# TYPE x counter\nx 1\n'),
  ),
  one(
    'another type in the same group is refused where a second group has it',
    post('/metrics/job/a', 'x 1\n'),
    post('/metrics/job/b', 'x 1\n'),
    post('/metrics/job/a', '# TYPE x counter\nx 1\n'),
  ),
  one(
    'a refused push leaves the group as it was',
    post('/metrics/job/o', 'x 1\n'),
    post('/metrics/job/a', 'y 1\n'),
    post('/metrics/job/a', 'y 2\nz 1\n# TYPE x gauge\nx 1\n'),
  ),
  one(
    'a refused PUT leaves the group as it was',
    post('/metrics/job/o', 'x 1\n'),
    post('/metrics/job/a', 'y 1\n'),
    put('/metrics/job/a', '# TYPE x gauge\nx 1\n'),
  ),
  one(
    'a push after a refused one succeeds',
    post('/metrics/job/o', 'x 1\n'),
    post('/metrics/job/a', '# TYPE x gauge\nx 1\n'),
    post('/metrics/job/a', 'y 1\n'),
  ),
  one(
    'a type is free again when its group is gone',
    post('/metrics/job/a', '# TYPE x gauge\nx 1\n'),
    remove('/metrics/job/a'),
    post('/metrics/job/b', '# TYPE x counter\nx 1\n'),
  ),
  one(
    'another help is taken',
    post('/metrics/job/a', '# HELP x one\nx 1\n'),
    post('/metrics/job/b', '# HELP x two\nx 1\n'),
  ),
  one(
    'the same series from two groups is refused',
    post('/metrics/job/a/z/1', 'x 1\n'),
    post('/metrics/job/a', 'x{z="1"} 1\n'),
  ),
  one(
    'a part of a histogram in another group is refused',
    post('/metrics/job/a', HISTOGRAM),
    post('/metrics/job/b', 'h_count 1\n'),
  ),
  one(
    'a histogram over a part in another group is refused',
    post('/metrics/job/b', 'h_bucket 1\n'),
    post('/metrics/job/a', HISTOGRAM),
  ),
  one(
    'a summary has no bucket to collide with',
    post('/metrics/job/a', SUMMARY),
    post('/metrics/job/b', 's_bucket 1\n'),
  ),
  one(
    'a summary over a sum is refused',
    post('/metrics/job/b', 's_sum 1\n'),
    post('/metrics/job/a', SUMMARY),
  ),
  one('an empty label is not an absent one', post('/metrics/job/a', 'x 1\nx{b=""} 2\n')),
  one(
    'a group of an empty label beside one without it',
    post('/metrics/job/a', 'x 1\n'),
    post('/metrics/job/a/b/', 'x 2\n'),
  ),
  one(
    'a timestamp refuses all and marks the group',
    post('/metrics/job/a', 'x 1\n'),
    post('/metrics/job/a', 'y 1\nx 2 5\n'),
  ),
  one(
    'a text that does not parse leaves no mark',
    post('/metrics/job/a', 'x 1\n'),
    post('/metrics/job/a', 'x\n'),
  ),
];
