// Hive Gateway in front of idgate and finance.
//
// `hive.mjs` runs it as a library. The program of npm's @graphql-hive/gateway takes the same file:
// hive-gateway supergraph supergraph.graphql --config-path hive.config.mjs

import { defaultProtectSingleValidateFn } from '@envelop/generic-auth';
import { createRemoteJwksSigningKeyProvider, extractFromHeader, useJWT } from '@graphql-mesh/plugin-jwt-auth';
import { GraphQLError } from 'graphql';

import { ALGORITHMS, AUDIENCE, TYPE, headersFor, trace } from './identity.mjs';
import { oneMutation } from './limits.mjs';

const { IDENTITY_URL, ROUTER_SECRET, EVENTS } = process.env;

// RFC 9068 §4: another kind of token of the same issuer is no access token. The plugin verifies
// everything but the type.
function requireAccessToken({ value }) {
  const { typ } = JSON.parse(Buffer.from(value.split('.')[0], 'base64url'));
  if (typ?.toLowerCase() === TYPE) return;
  const extensions = { code: 'UNAUTHENTICATED', http: { status: 401 } };
  throw new GraphQLError('This is no access token.', { extensions });
}

// The gateway decides; its refusal is given the code that idgate gives, and a path without the `@`
// that it puts before the names of lists.
function refuse(params) {
  const refusal = defaultProtectSingleValidateFn(params);
  if (!refusal) return undefined;
  const code = params.user ? 'FORBIDDEN' : 'UNAUTHENTICATED';
  const path = params.path.filter((step) => step !== '@');
  return new GraphQLError(refusal.message, { nodes: params.fieldNode, path, extensions: { code } });
}

const clientOf = ({ request, req }) => ({
  headers: Object.fromEntries(request.headers),
  address: req?.socket?.remoteAddress,
});

const ownPlugin = {
  onValidate: ({ addValidationRule }) => addValidationRule(oneMutation),
  onFetch: ({ executionRequest, options }) => ({ response }) => {
    const subgraph = executionRequest?.subgraphName;
    if (subgraph !== undefined) trace('hive', subgraph, options.body, response.status);
  },
};

// Live events come as event streams unless told otherwise. A WebSocket has headers of its own, filled
// in for each person: those below do not reach it.
const socket = {
  kind: 'ws',
  location: '/graphql/ws',
  headers: [
    ['idgate-router-secret', ROUTER_SECRET],
    ['authorization', '{context.headers.authorization}'],
    ['user-agent', '{context.headers.user-agent}'],
    ['x-request-id', '{context.headers.x-request-id}'],
    ['x-forwarded-for', '{context.req.socket.remoteAddress}'],
  ],
};

export const gatewayConfig = {
  // Set here, headers are part of what makes two requests the same; in `onFetch` they come too late,
  // and people who ask the same at the same time get each other's answers.
  propagateHeaders: {
    fromClientToSubgraphs: ({ subgraphName, context }) =>
      headersFor(subgraphName, clientOf(context), context.jwt?.payload),
  },
  transportEntries: {
    // No answer of idgate is for two requests, so there is nothing to be won either. Event streams
    // are asked for by GET unless told otherwise, with the document in the address.
    '*.http': { options: { deduplicateInflightRequests: false, method: 'POST' } },
    ...(EVENTS === 'socket' && { idgate: { options: { subscriptions: socket } } }),
  },
  // Tokens travel in a header; name your front ends here. The default lets every site in.
  cors: false,
  // `@authenticated` and `@requiresScopes` are refused here, before a subgraph is asked.
  genericAuth: {
    mode: 'protect-granular',
    // What is refused is `null` with an error, as in a subgraph; the rest of the answer stands.
    rejectUnauthenticated: false,
    validateUser: refuse,
    resolveUserFn({ jwt }) {
      if (jwt) requireAccessToken(jwt.token);
      return jwt?.payload;
    },
  },
  plugins: () => [
    useJWT({
      signingKeyProviders: [
        // Tokens with invented key names must not become as many requests to idgate.
        createRemoteJwksSigningKeyProvider({
          jwksUri: `${IDENTITY_URL}/.well-known/jwks.json`,
          rateLimit: true,
        }),
      ],
      tokenLookupLocations: [extractFromHeader({ name: 'authorization', prefix: 'Bearer' })],
      tokenVerification: { issuer: IDENTITY_URL, audience: AUDIENCE, algorithms: ALGORITHMS },
      // Anonymous requests are welcome, bad tokens are not.
      reject: { missingToken: false, invalidToken: true },
      // Subgraphs learn of the caller by the headers above and not by `extensions.jwt`.
      forward: { payload: false, token: false },
    }),
    ownPlugin,
  ],
};
