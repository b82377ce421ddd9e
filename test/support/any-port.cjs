// Preloaded into the command (`node -r`): a server that would listen at the Pushgateway's usual port takes a free one, so
// that a test does not depend on what listens at 9091 on this machine.
const { Server } = require('node:net');
const { listen } = Server.prototype;
const anyPort = (given) => {
  if (given === 9091) return 0;
  return given?.port === 9091 ? { ...given, port: 0 } : given;
};
Server.prototype.listen = function listenAnywhere(first, ...rest) {
  return listen.call(this, anyPort(first), ...rest);
};
