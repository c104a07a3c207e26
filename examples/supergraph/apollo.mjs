// Runs Apollo Gateway: node apollo.mjs PORT SUPERGRAPH.graphql
//
// Apollo Gateway plans and forwards. It cannot enforce `@authenticated` and `@requiresScopes`, as
// Apollo's own router does, and starts with no supergraph that has them: its own is composed without
// (`compose.mjs`). What refuses here are the subgraphs.

import { readFileSync } from 'node:fs';

import { ApolloGateway, RemoteGraphQLDataSource } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { GraphQLError } from 'graphql';
import { createRemoteJWKSet, jwtVerify } from 'jose';

import { ALGORITHMS, AUDIENCE, TYPE, headersFor, trace } from './identity.mjs';
import { oneMutation } from './limits.mjs';

const [port, supergraph] = process.argv.slice(2);
const { IDENTITY_URL } = process.env;
const keys = createRemoteJWKSet(new URL(`${IDENTITY_URL}/.well-known/jwks.json`));

class Subgraph extends RemoteGraphQLDataSource {
  constructor(name, url) {
    super({ url });
    this.name = name;
    const send = this.fetcher;
    this.fetcher = async (address, options) => {
      const response = await send(address, options);
      trace('apollo', name, options.body, response.status);
      return response;
    };
  }

  // Where a subgraph refuses by HTTP status, too, its own words and its code are in the body.
  async errorFromResponse(response) {
    const error = await super.errorFromResponse(response);
    const [said] = error.extensions.response.body?.errors ?? [];
    return said ? new GraphQLError(said.message, { extensions: said.extensions }) : error;
  }

  willSendRequest({ request, context }) {
    // There is no client while the gateway starts.
    if (context.client === undefined) return;
    for (const [name, value] of Object.entries(headersFor(this.name, context.client, context.claims))) {
      request.http.headers.set(name, value);
    }
  }
}

async function verified(authorization) {
  const [scheme, token] = (authorization ?? '').split(' ');
  if (scheme.toLowerCase() !== 'bearer') return undefined;
  const expected = { issuer: IDENTITY_URL, audience: AUDIENCE, algorithms: ALGORITHMS, typ: TYPE };
  try {
    const { payload } = await jwtVerify(token ?? '', keys, expected);
    return payload;
  } catch (cause) {
    const away = cause.code === 'ERR_JWKS_TIMEOUT' || cause instanceof TypeError;
    const [code, status] = away ? ['SERVICE_UNAVAILABLE', 503] : ['UNAUTHENTICATED', 401];
    throw new GraphQLError('The token was not accepted.', { extensions: { code, http: { status } } });
  }
}

// Without it, clients read the addresses of subgraphs that do not answer.
function presentable({ message, locations, path, extensions: { response: _, ...extensions } }) {
  const internal = extensions.code === 'INTERNAL_SERVER_ERROR' && !extensions.requestId;
  return { message: internal ? 'Unexpected error.' : message, locations, path, extensions };
}

const server = new ApolloServer({
  gateway: new ApolloGateway({
    supergraphSdl: readFileSync(supergraph, 'utf8'),
    buildService: ({ name, url }) => new Subgraph(name, url),
  }),
  introspection: true,
  includeStacktraceInErrorResponses: false,
  validationRules: [oneMutation],
  formatError: presentable,
});
await startStandaloneServer(server, {
  listen: { host: '127.0.0.1', port: Number(port) },
  context: async ({ req }) => ({
    client: { headers: req.headers, address: req.socket.remoteAddress },
    claims: await verified(req.headers.authorization),
  }),
});
