// Preloaded with `-r`: writes the process' peak memory in MiB and its CPU in ms to file descriptor 3 when it ends.
process.on('exit', () => {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  require('node:fs').writeSync(
    3,
    JSON.stringify({ MiB: maxRSS / 1024, cpu: (userCPUTime + systemCPUTime) / 1000 }),
  );
});
