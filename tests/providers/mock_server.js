// oauth2-mock-server, which believes everybody and answers with signed access tokens; a test may put other words into
// its mouth. PORT is the only setting.
//
//   POST /control/reply  { status, headers, body, members, next }: for the next token replies (one, unless `next` says
//                        more) another status, headers beside its own, a body instead of its own (text as it stands,
//                        or an object), or `members` of its own body replaced; null takes one away
//   GET  /control/log    token requests and calls of /userinfo

import { ServerResponse } from 'node:http';

import { OAuth2Server } from 'oauth2-mock-server';

import { hash, note, serve } from './support.js';

const ENDPOINTS = { '/token': 'token', '/userinfo': 'userinfo' };

function parsed(content) {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

function changed(own, { body, members }) {
  if (typeof body === 'string') return body;
  const all = Object.entries({ ...(body ?? parsed(own)), ...members });
  return JSON.stringify(Object.fromEntries(all.filter(([, value]) => value !== null)));
}

await serve(async (origin) => {
  const server = new OAuth2Server();
  server.issuer.url = origin;
  await server.issuer.keys.generate('RS256');
  const replies = [];

  const listener = (req, res) => {
    const endpoint = ENDPOINTS[new URL(req.url, origin).pathname];
    // Its events know of a status and a body, but of no headers and no body that is not JSON.
    const end = (own) => {
      const reply = endpoint === 'token' ? replies.shift() : undefined;
      let content = own;
      if (reply) {
        content = changed(own, reply);
        res.statusCode = reply.status ?? res.statusCode;
        res.setHeader('content-length', Buffer.byteLength(content));
        for (const [name, value] of Object.entries(reply.headers ?? {})) res.setHeader(name, value);
      }
      const { grant_type, refresh_token } = req.body ?? {};
      const { refresh_token: issued, error } = parsed(content) ?? {};
      note(endpoint, res.statusCode, { grant_type, refresh_token: hash(refresh_token), issued: hash(issued), error });
      return ServerResponse.prototype.end.call(res, content);
    };
    if (endpoint) res.end = end;
    server.service.requestHandler(req, res);
  };
  const controls = {
    'POST /control/reply': (_query, body) => {
      const { next = 1, ...reply } = JSON.parse(body);
      replies.push(...Array(next).fill(reply));
    },
  };
  return { listener, controls };
});
