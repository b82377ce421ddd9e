// `npm start`: the sample job, pushed to the gateway that the environment or a flag names, to one that answers
// at localhost:9091, or else to an embedded one.
const args = process.argv.slice(2);
const named =
  ['PUSHGATEWAY_URL', 'PROMBATCH_GATEWAY'].some((name) => process.env[name]?.trim()) ||
  args.some((arg) => /^(?:-g|--gateway)/.test(arg));

if (!named && !(await answers('http://localhost:9091/-/ready'))) args.unshift('--gateway', 'embedded');
process.argv.splice(2, process.argv.length, 'run', ...args);
await import('../dist/prombatch.cjs');

async function answers(url) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
  return answer?.ok === true;
}
