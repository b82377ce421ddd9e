// Preloaded into the command (`node -r`): a server that would listen at a port that the documents name takes a free one,
// so that a test does not depend on what listens there on this machine.
const { Server } = require('node:net');
const NAMED = [9091, 8080];
const { listen } = Server.prototype;
const anyPort = (given) => {
  if (NAMED.includes(given)) return 0;
  return NAMED.includes(given?.port) ? { ...given, port: 0 } : given;
};
Server.prototype.listen = function listenAnywhere(first, ...rest) {
  return listen.call(this, anyPort(first), ...rest);
};
