// One graph out of two: asks both subgraphs for their SDL, and composes.

import { composeServices } from '@apollo/composition';
import { parse, visit } from 'graphql';

// What a gateway enforces itself. Apollo Gateway cannot, and starts with no graph that has it.
const SECURITY = ['authenticated', 'requiresScopes', 'policy'];

async function sdlOf({ name, url, headers }) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query: '{ _service { sdl } }' }),
  });
  const { data, errors } = await answer.json();
  if (!data?._service) throw new Error(`${name} gave no SDL: ${JSON.stringify(errors)}`);
  return data._service.sdl;
}

/** Without the directives that only a gateway could enforce, and without their import. */
function withoutSecurity(document) {
  const dropped = ({ name }) => (SECURITY.includes(name.value) ? null : undefined);
  const imported = SECURITY.map((name) => `@${name}`);
  return visit(document, {
    Directive: dropped,
    DirectiveDefinition: dropped,
    StringValue: ({ value }, _key, list) =>
      Array.isArray(list) && imported.includes(value) ? null : undefined,
  });
}

/** The subgraphs of `[{ name, url, headers }]`, as they describe themselves. */
export function described(subgraphs) {
  return Promise.all(
    subgraphs.map(async (subgraph) => ({ ...subgraph, typeDefs: parse(await sdlOf(subgraph)) })),
  );
}

/** Their supergraph, as SDL that gateways read. */
export function compose(subgraphs, { security = true } = {}) {
  const services = subgraphs.map(({ name, url, typeDefs }) => ({
    name,
    url,
    typeDefs: security ? typeDefs : withoutSecurity(typeDefs),
  }));
  const { supergraphSdl, errors } = composeServices(services);
  if (errors?.length) throw new Error(errors.map(String).join('\n'));
  return supergraphSdl;
}
