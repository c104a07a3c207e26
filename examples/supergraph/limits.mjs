// What a gateway has to count, because its subgraphs cannot.

import { GraphQLError } from 'graphql';

/**
 * A validation rule: one mutation in a document. idgate takes one password per document, but a
 * gateway may send each field of a mutation in a document of its own, so that a hundred guesses in
 * one request would reach idgate as a hundred requests. Its budgets count them all the same.
 */
export function oneMutation(context) {
  let found = 0;
  return {
    Field(node) {
      if (context.getParentType() !== context.getSchema().getMutationType()) return;
      found += 1;
      if (found !== 2) return;
      const extensions = { code: 'QUERY_TOO_EXPENSIVE' };
      context.reportError(new GraphQLError('One mutation at a time.', { nodes: node, extensions }));
    },
  };
}
