// What front ends do with the clients they are written with. `clients.mjs` bundles this for a page
// of another origin, whose browser asks the gateway before it sends any of it.

import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { GraphQLClient } from 'graphql-request';
import { createClient as createStreams } from 'graphql-sse';
import { createClient as createSockets } from 'graphql-ws';

const LOGIN = `mutation Login($input: LoginInput!) {
  login(input: $input) { __typename ... on SignedIn { accessToken } ... on Problem { code } }
}`;
const ME = 'query Me { me { email } }';
const REFUSED = '{ users(first: 1) { nodes { id } } }';
const EVENTS = 'subscription Live { sessionEvents { kind } }';

// What monitoring and servers of others make clients send.
const ADDED = {
  'apollo-require-preflight': 'true',
  baggage: 'sentry-environment=production',
  'sentry-trace': '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
};

const bearer = (token) => (token ? { authorization: `Bearer ${token}` } : {});
const sockets = (address, token) =>
  createSockets({
    url: `${address.replace('http', 'ws')}/graphql/ws`,
    connectionParams: () => ({ Authorization: `Bearer ${token}` }),
  });
const codes = (errors) => errors?.map(({ extensions }) => extensions?.code);

/** The first event that `subscribe` hands to its listener, while sign-ins are repeated. */
async function firstEvent(subscribe, signIn) {
  let heard;
  const event = new Promise((resolve, reject) => subscribe((it) => resolve((heard = it)), reject));
  while (heard === undefined) {
    await signIn();
    await Promise.race([event, new Promise((passed) => setTimeout(passed, 200))]);
  }
  return event;
}

function apollo(address, useGETForQueries) {
  return (token) =>
    new ApolloClient({
      cache: new InMemoryCache(),
      clientAwareness: { name: 'wire', version: '1.0' },
      link: ApolloLink.split(
        ({ operationType }) => operationType === 'subscription',
        new GraphQLWsLink(sockets(address, token)),
        new HttpLink({
          uri: `${address}/graphql`,
          useGETForQueries,
          headers: { ...ADDED, ...bearer(token) },
        }),
      ),
      defaultOptions: { query: { fetchPolicy: 'no-cache', errorPolicy: 'all' } },
    });
}

async function judgeApollo(address, input, useGETForQueries) {
  const client = apollo(address, useGETForQueries);
  const signIn = async () =>
    (await client().mutate({ mutation: gql(LOGIN), variables: { input } })).data.login;
  const { accessToken } = await signIn();
  const own = client(accessToken);
  const me = await own.query({ query: gql(ME) });
  const refused = await own.query({ query: gql(REFUSED) });
  const event = await firstEvent((heard, failed) =>
    own.subscribe({ query: gql(EVENTS) }).subscribe({ next: heard, error: failed }), signIn);
  own.stop();
  return { email: me.data.me.email, refused: codes(refused.error?.errors), event: event.data.sessionEvents.kind };
}

async function sha256(text) {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

const persisted = (address, token) =>
  new ApolloClient({
    cache: new InMemoryCache(),
    link: new PersistedQueryLink({ sha256 }).concat(
      new HttpLink({ uri: `${address}/graphql`, headers: bearer(token) }),
    ),
  });

async function urql(address, input, streams) {
  const client = (token) =>
    new Client({
      url: `${address}/graphql`,
      fetchSubscriptions: streams,
      fetchOptions: () => ({ headers: { ...ADDED, ...bearer(token) } }),
      exchanges: streams
        ? [fetchExchange]
        : [
            subscriptionExchange({
              forwardSubscription: ({ query, variables }) => ({
                subscribe: (sink) => ({ unsubscribe: sockets(address, token).subscribe({ query, variables }, sink) }),
              }),
            }),
            fetchExchange,
          ],
    });
  const signIn = async () => (await client().mutation(LOGIN, { input })).data.login;
  const { accessToken } = await signIn();
  const own = client(accessToken);
  const me = await own.query(ME, {});
  const refused = await own.query(REFUSED, {});
  const context = streams ? { url: `${address}/graphql/stream` } : {};
  const event = await firstEvent((heard) => own.subscription(EVENTS, {}, context).subscribe(heard), signIn);
  const { kind } = event.data.sessionEvents;
  return { email: me.data.me.email, refused: codes(refused.error?.graphQLErrors), event: kind };
}

async function request(address, input) {
  const client = (token) =>
    new GraphQLClient(`${address}/graphql`, { headers: { ...ADDED, ...bearer(token) }, errorPolicy: 'all' });
  const signIn = async () => (await client().request(LOGIN, { input })).login;
  const { accessToken } = await signIn();
  const own = client(accessToken);
  const { me } = await own.request(ME);
  const refused = await own.rawRequest(REFUSED);
  const stream = createStreams({ url: `${address}/graphql/stream`, headers: { ...ADDED, ...bearer(accessToken) } });
  const event = await firstEvent((next, error) =>
    stream.subscribe({ query: EVENTS }, { next, error, complete() {} }), signIn);
  return { email: me.email, refused: codes(refused.errors), event: event.data.sessionEvents.kind };
}

globalThis.clients = {
  apollo: (address, input) => judgeApollo(address, input, false),
  apolloByGet: (address, input) => judgeApollo(address, input, true),
  async apolloPersisted(address, input) {
    const { data } = await apollo(address)().mutate({ mutation: gql(LOGIN), variables: { input } });
    const me = await persisted(address, data.login.accessToken).query({ query: gql(ME) });
    return { email: me.data.me.email };
  },
  urql: (address, input) => urql(address, input, false),
  urqlStreams: (address, input) => urql(address, input, true),
  request,
};
