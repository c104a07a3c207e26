// The headers by which a gateway identifies the caller and itself to a subgraph. Both gateways use it.
//
// Only these headers are sent: a `Finance-Caller-Id` from a client is never forwarded.

import { parse } from 'graphql';

const { ROUTER_SECRET, FINANCE_SECRET, TRACE } = process.env;

/** How idgate signs access tokens: RFC 9068, and the algorithms that idgate is configured for. */
export const AUDIENCE = 'idgate';
export const ALGORITHMS = ['ES256'];
export const TYPE = 'at+jwt';

/**
 * The headers for a subgraph. `request` is what the client sent: its headers by lower-case name, and
 * its address. `claims` are those of its verified token, if it sent one.
 */
export function headersFor(subgraph, { headers, address }, claims) {
  switch (subgraph) {
    case 'idgate':
      // idgate verifies the token itself, counts budgets by the client's address, and shows people
      // the programs that are signed in as them.
      return present({
        'idgate-router-secret': ROUTER_SECRET,
        authorization: headers.authorization,
        'user-agent': headers['user-agent'],
        'x-request-id': headers['x-request-id'],
        'x-forwarded-for': address,
      });
    case 'finance':
      return present({
        'finance-secret': FINANCE_SECRET,
        'finance-caller-id': claims?.sub,
        'finance-caller-scope': claims?.scope,
      });
    default:
      return {};
  }
}

function present(headers) {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
}

/** With TRACE in the environment, one line for every request that reaches a subgraph. */
export function trace(gateway, subgraph, body, status) {
  if (!TRACE) return;
  const { query, variables } = JSON.parse(body);
  // Root fields only: a document may hold a password.
  const fields = parse(query)
    .definitions.filter(({ kind }) => kind === 'OperationDefinition')
    .flatMap(({ selectionSet }) => selectionSet.selections.map(({ name }) => name?.value));
  const representations = variables?.representations?.length;
  console.log(`asked ${JSON.stringify({ gateway, subgraph, status, fields, representations })}`);
}
