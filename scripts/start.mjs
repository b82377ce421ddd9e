// `npm start`: the sample job, pushed to the gateway that the environment or a flag names, to one that answers
// at localhost:9091, or else to an embedded one.
const args = process.argv.slice(2);
const named =
  ['PUSHGATEWAY_URL', 'PROMBATCH_GATEWAY'].some((name) => process.env[name]?.trim()) ||
  args.some((arg) => /^(?:-g|--gateway)/.test(arg));

if (!named && !(await isGateway('http://localhost:9091'))) args.unshift('--gateway', 'embedded');
process.argv.splice(2, process.argv.length, 'run', ...args);
await import(new URL('../dist/prombatch.cjs', import.meta.url).href);

/** Whether a Pushgateway is there: other programs answer at that port, too. */
async function isGateway(url) {
  try {
    const answer = await fetch(`${url}/api/v1/status`, { signal: AbortSignal.timeout(2000) });
    const { data } = /** @type {any} */ (await answer.json());
    return answer.ok && data.build_information !== undefined && data.start_time !== undefined;
  } catch {
    return false;
  }
}
