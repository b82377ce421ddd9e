// Preloaded into `npm start` (`node -r`): what it asks at the Pushgateway's usual port goes to USUAL_PORT instead, so
// that a test does not depend on what listens at 9091 on this machine.
const { fetch } = globalThis;
globalThis.fetch = (url, options) =>
  fetch(String(url).replace('localhost:9091', `127.0.0.1:${process.env.USUAL_PORT}`), options);
