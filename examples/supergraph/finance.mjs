// The finance subgraph: invoices, vendors, payouts. It knows users by their id alone.
//
//   node finance.mjs PORT PEOPLE.json      (FINANCE_SECRET in the environment)
//
// It trusts the caller headers of the gateway, so it answers only the gateway.

import { timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { GraphQLError, parse } from 'graphql';

const [port, people] = process.argv.slice(2);
const secret = Buffer.from(process.env.FINANCE_SECRET);

const vendors = ['Analytical Engines', 'Bletchley Catering'].map((name, index) => ({
  id: `vendor-${index + 1}`,
  name,
}));
const invoices = JSON.parse(readFileSync(people, 'utf8')).map((customerId, index) => ({
  id: `invoice-${index + 1}`,
  vendor: vendors[index % vendors.length],
  customerId,
  amount: 1000 + 10 * index,
}));
const payouts = vendors.map((vendor, index) => ({ id: `payout-${index + 1}`, vendor, amount: 50_000 }));

const refusal = (code, message) => new GraphQLError(message, { extensions: { code } });

// The directives in the SDL only tell the gateway. What must hold is asked here, too.
const hasScope = ({ scopes }, scope) => scopes.includes(scope);

function requireScope(caller, scope) {
  if (caller.id === undefined) throw refusal('UNAUTHENTICATED', 'Sign in first.');
  if (!hasScope(caller, scope)) throw refusal('FORBIDDEN', `This needs the scope ${scope}.`);
}

function requireSelfOrSales(caller, customerId) {
  if (caller.id !== undefined && caller.id === customerId) return;
  if (!hasScope(caller, 'sales:read')) throw refusal('FORBIDDEN', "This belongs to another user.");
}

const billedTo = (id) => invoices.filter((invoice) => invoice.customerId === id);

const resolvers = {
  Query: {
    invoices: (_, { first }) => invoices.slice(0, Math.min(Math.max(first, 0), 100)),
    myInvoices(_, _arguments, caller) {
      if (caller.id === undefined) throw refusal('UNAUTHENTICATED', 'Sign in first.');
      return billedTo(caller.id);
    },
    payouts(_, _arguments, caller) {
      requireScope(caller, 'sales:read');
      return payouts;
    },
  },
  Invoice: {
    __resolveReference: ({ id }) => invoices.find((invoice) => invoice.id === id),
    customer: ({ customerId }) => ({ __typename: 'User', id: customerId }),
    amount(invoice, _arguments, caller) {
      requireSelfOrSales(caller, invoice.customerId);
      return invoice.amount;
    },
  },
  Vendor: { __resolveReference: ({ id }) => vendors.find((vendor) => vendor.id === id) },
  Payout: {
    // A reference leads around `Query.payouts`, but not around its guard.
    __resolveReference({ id }, caller) {
      requireScope(caller, 'sales:read');
      return payouts.find((payout) => payout.id === id);
    },
  },
  User: {
    __resolveReference: ({ id }) => ({ id }),
    invoices(user, _arguments, caller) {
      requireSelfOrSales(caller, user.id);
      return billedTo(user.id);
    },
  },
};

function isGateway(headers) {
  const given = Buffer.from(headers['finance-secret'] ?? '');
  return given.length === secret.length && timingSafeEqual(given, secret);
}

// Who asks, as the gateway found out. Read before anything runs, `_service` and `_entities` included.
async function context({ req: { headers } }) {
  if (!isGateway(headers)) {
    const extensions = { code: 'FORBIDDEN', http: { status: 403 } };
    throw new GraphQLError('Finance answers its gateway only.', { extensions });
  }
  const scopes = (headers['finance-caller-scope'] ?? '').split(' ').filter(Boolean);
  return { id: headers['finance-caller-id'], scopes };
}

const typeDefs = parse(readFileSync(new URL('finance.graphql', import.meta.url), 'utf8'));
const server = new ApolloServer({
  schema: buildSubgraphSchema({ typeDefs, resolvers }),
  plugins: [ApolloServerPluginInlineTraceDisabled()],
  includeStacktraceInErrorResponses: false,
});
await startStandaloneServer(server, { context, listen: { host: '127.0.0.1', port: Number(port) } });
