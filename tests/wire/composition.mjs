// The subgraph in supergraphs: what idgate says over `_service` is composed with neighbours by two
// composers that share no code, and what it says about authorization arrives.

import assert from 'node:assert/strict';

import { composeServices as composeByApollo } from '@apollo/composition';
import { composeServices as composeByTheGuild } from '@theguild/federation-composition';
import { parse, print } from 'graphql';

const COMPOSERS = { apollo: composeByApollo, 'the guild': composeByTheGuild };

const link = (imports) =>
  `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: [${imports}])`;

// Invoices: adds a field to `User` by its id, and has connections of its own.
const FINANCE = `
  ${link('"@key", "@shareable"')}
  type Query { invoices(first: Int): InvoiceConnection! }
  type InvoiceConnection { nodes: [Invoice!]! pageInfo: PageInfo! }
  type PageInfo @shareable {
    hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String
  }
  type Invoice @key(fields: "id") { id: ID! total: Int! owner: User billedIn: Session }
  type User @key(fields: "id") { id: ID! balance: Int! }
  type Session @key(fields: "id") { id: ID! }
`;

// A newsletter: knows users by e-mail only.
const NEWSLETTER = `
  ${link('"@key", "@external", "@requires"')}
  type Query { subscribers: [User!]! }
  scalar EmailAddress
  type User @key(fields: "email") {
    email: EmailAddress
    role: Role! @external
    isSubscribed: Boolean! @requires(fields: "role")
  }
  enum Role { ADMIN CLIENT STAFF VENDOR }
`;

// Notes about principals: knows no concrete type, and adds a field to all of them.
const NOTES = `
  ${link('"@key", "@interfaceObject"')}
  type Query { notes: [Note!]! }
  type Note { text: String! author: Principal! }
  type Principal @key(fields: "id") @interfaceObject { id: ID! notes: [Note!]! }
`;

const NEIGHBOURS = {
  'no other subgraph': {},
  'one that gives User a field by id': { finance: FINANCE },
  'one that knows User by email': { newsletter: NEWSLETTER },
  'one that gives Principal a field by @interfaceObject': { notes: NOTES },
  'all of them': { finance: FINANCE, newsletter: NEWSLETTER, notes: NOTES },
};

// The directives that routers and contracts use.
const CARRIED = ['authenticated', 'requiresScopes', 'tag'];

async function subgraphOf(address, secret) {
  const answer = await fetch(`${address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idgate-router-secret': secret },
    body: JSON.stringify({ query: '{ _service { sdl } }' }),
  });
  const { data, errors } = await answer.json();
  assert.ok(data?._service, JSON.stringify(errors));
  return data._service.sdl;
}

// Every field with what is carried: `Query.users` → `@requiresScopes(scopes: [["users:read"]]) …`.
function carried(sdl) {
  const found = new Map();
  for (const definition of parse(sdl).definitions) {
    for (const field of definition.fields ?? []) {
      const directives = (field.directives ?? [])
        .filter((directive) => CARRIED.includes(directive.name.value))
        .map((directive) => print(directive))
        .sort();
      if (directives.length > 0) {
        found.set(`${definition.name.value}.${field.name.value}`, directives.join(' '));
      }
    }
  }
  return found;
}

function compose(composer, idgate, neighbours) {
  const services = Object.entries({ idgate, ...neighbours }).map(([name, sdl]) => ({
    name,
    url: `http://${name}.example.com/graphql`,
    typeDefs: parse(sdl),
  }));
  const { errors, hints, supergraphSdl } = composer(services);
  assert.deepEqual((errors ?? []).map((error) => error.message), []);
  assert.deepEqual((hints ?? []).map((hint) => hint.message), []);
  return supergraphSdl;
}

export async function judgeComposition({ address, check, routerSecret }) {
  const idgate = await subgraphOf(address, routerSecret);
  const said = carried(idgate);
  await check('the subgraph says who is let through to what', () => {
    assert.equal(said.get('Query.user'), '@authenticated');
    assert.match(said.get('Query.users'), /@requiresScopes\(scopes: \[\["users:read"\]\]\)/);
    assert.match(said.get('Query.userStats'), /\[\["users:read"\], \["stats:read"\]\]/);
    assert.equal(said.get('User.email'), undefined);
  });
  for (const [composer, composes] of Object.entries(COMPOSERS)) {
    for (const [whom, neighbours] of Object.entries(NEIGHBOURS)) {
      await check(`${composer} composes it with ${whom}`, () => {
        const supergraph = compose(composes, idgate, neighbours);
        assert.deepEqual(carried(supergraph), said);
        for (const hidden of ['_entities', '_service', 'enum ErrorCode']) {
          assert.ok(!supergraph.includes(hidden), hidden);
        }
      });
    }
    await check(`${composer} refuses a neighbour that claims a field of idgate`, () => {
      const claim = FINANCE.replace('balance: Int!', 'balance: Int! firstName: String!');
      assert.throws(() => compose(composes, idgate, { finance: claim }), /firstName/);
    });
  }
}
