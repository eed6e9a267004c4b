// Sends calls to Lightspeed's hosts to TLS_PORT on loopback, under their own names. Loaded before a program that others
// wrote, which is not changed.

import { Agent } from 'node:https';

const HOSTS = ['cloud.lightspeedapp.com', 'api.lightspeedapp.com'];
const createConnection = Agent.prototype.createConnection;

Agent.prototype.createConnection = function connect(options, done) {
  if (!HOSTS.includes(options.host)) throw new Error(`a call to ${options.host}, which this test does not know`);
  const there = { ...options, host: '127.0.0.1', port: Number(process.env.TLS_PORT), servername: options.host };
  return createConnection.call(this, there, done);
};
