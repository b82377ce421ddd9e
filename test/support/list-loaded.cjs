// Preloaded (`node -r`): writes to the file that LOADED_LOG names what was loaded when the process ends, as JSON: Node's
// own modules beyond those it begins with, and files.
const { writeFileSync } = require('node:fs');

const builtins = () => process.moduleLoadList.flatMap((name) => /^NativeModule (.*)/.exec(name)?.[1] ?? []);
const before = new Set(builtins());
process.on('exit', () => {
  const loaded = builtins().filter((name) => !before.has(name) && !/^(?:internal\/|_)/.test(name));
  const files = Object.keys(require.cache).filter((file) => file !== __filename);
  writeFileSync(process.env.LOADED_LOG, JSON.stringify({ builtins: loaded.sort(), files: files.sort() }));
});
