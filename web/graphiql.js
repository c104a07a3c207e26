// Starts GraphiQL on /graphql, with a tab for each of the gateway's documents, which run as the
// signed-in user: `session.js` holds the session, `panel.js` is the sign-in form.
//
// Tokens and passwords are typed and shown here, so only the colour theme is stored.

'use strict';

const NEW_TAB = '# A new operation. Ctrl-Space completes, Ctrl-Enter runs it.\n\n{\n  \n}\n';

// GraphiQL would store editors with their variables (passwords), and the history of both.
class ForgetfulStorage {
  #values = new Map();

  #place(key) {
    return key === 'graphiql:theme' ? localStorage : this;
  }

  get length() {
    return this.#values.size;
  }

  getItem(key) {
    const place = this.#place(key);
    return place === this ? (this.#values.get(key) ?? null) : place.getItem(key);
  }

  setItem(key, value) {
    const place = this.#place(key);
    if (place === this) this.#values.set(key, String(value));
    else place.setItem(key, value);
  }

  removeItem(key) {
    const place = this.#place(key);
    if (place === this) this.#values.delete(key);
    else place.removeItem(key);
  }

  clear() {
    this.#values.clear();
  }
}

// The operation that would run; null if the text cannot be parsed.
function operationOf({ query, operationName }) {
  const { parse, getOperationAST } = GraphiQL.GraphQL;
  try {
    return getOperationAST(parse(query), operationName);
  } catch {
    return null;
  }
}

// Whether a document can be retried: a query always, a mutation if its only field was refused.
function mayRepeat(parameters) {
  const operation = operationOf(parameters);
  if (operation?.operation !== 'mutation') return operation?.operation === 'query';
  const fields = operation.selectionSet.selections;
  return fields.length === 1 && fields[0].kind === 'Field';
}

// Whether the document ran without a signed-in user.
function isUnauthenticated({ errors = [] }) {
  return errors.some(
    ({ extensions, path = [] }) => extensions?.code === 'UNAUTHENTICATED' && path.length <= 1,
  );
}

function asksForStepUp({ data }) {
  return Object.values(data ?? {}).some(
    (field) => field?.__typename === 'StepUpRequired' || field?.code === 'STEP_UP_REQUIRED',
  );
}

// Not retried if another user has signed in meanwhile.
function assertStill(before) {
  const now = session.person;
  if (before && now && now.id !== before.id) {
    throw new Error('Another user is signed in now. Run it again to run it as that user.');
  }
}

// Restores a session by the cookie or the sign-in form; introspection does not open the form.
async function isBack(before, operationName) {
  try {
    if (before && (await session.renew())) return true;
  } catch {
    return false;
  }
  if (operationName === 'IntrospectionQuery') return false;
  return dialogs.ask('sign-in', 'This document is for people who are signed in.');
}

// Sends a document of the editor as the signed-in user.
async function requestAsPerson(parameters, written) {
  const before = session.person;
  const send = async () => {
    assertStill(before);
    const headers = session.headers(written);
    const isOurs = headers.get('Idgate-Delivery') === 'cookie';
    const answer = await post(parameters, headers);
    if (isOurs) await session.notice(answer);
    return answer;
  };
  const repeat = (answer) =>
    mayRepeat(parameters)
      ? send()
      : { ...answer, extensions: { ...answer.extensions, page: 'Done. Now run it again.' } };
  // Without an answer, try the old token.
  await session.ready().catch(() => {});
  let answer = await send();
  if (isUnauthenticated(answer) && (await isBack(before, parameters.operationName))) {
    answer = await repeat(answer);
  }
  const reason = 'What you asked for needs a recent sign-in.';
  if (asksForStepUp(answer) && (await dialogs.ask('step-up', reason))) {
    answer = await repeat(answer);
  }
  return answer;
}

// The events of a subscription, until the page ends it.
async function* listen(parameters, written) {
  if (!written.has('Authorization')) await session.ready().catch(() => {});
  const headers = session.headers(written);
  headers.set('Accept', 'text/event-stream');
  const body = JSON.stringify(parameters);
  const response = await fetch('/graphql/stream', { method: 'POST', headers, body });
  if (!response.ok) {
    yield await response.json();
    return;
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    let text = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (text + value).split('\n\n');
      text = blocks.pop();
      for (const block of blocks) {
        const data = block.startsWith('event: next\ndata: ') && block.slice(18);
        if (data) yield JSON.parse(data);
      }
    }
  } finally {
    await reader.cancel();
  }
}

// An explicit Authorization header replaces the session.
function request(parameters, options) {
  const written = new Headers(options?.headers);
  if (operationOf(parameters)?.operation === 'subscription') return listen(parameters, written);
  return written.has('Authorization')
    ? post(parameters, session.headers(written))
    : requestAsPerson(parameters, written);
}

function layOut({ query, variables }) {
  return { query, variables: variables && JSON.stringify(JSON.parse(variables), null, 2) };
}

async function readSetting() {
  const response = await fetch('/graphiql/setting.json');
  if (!response.ok) throw new Error(`/graphiql/setting.json: ${response.status}`);
  const { tabs, ...setting } = await response.json();
  return { ...setting, tabs: tabs.length === 0 ? [{ query: NEW_TAB }] : tabs.map(layOut) };
}

const storage = new ForgetfulStorage();

function Page({ setting: { tabs, staffOnly } }) {
  React.useSyncExternalStore(session.subscribe, session.snapshot);
  const properties = {
    fetcher: request,
    // If omitted, GraphiQL introspects, again on every change; null means no schema.
    schema: staffOnly && !session.isStaff ? null : undefined,
    defaultTabs: tabs,
    defaultQuery: NEW_TAB,
    defaultEditorToolsVisibility: 'variables',
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: false,
    showPersistHeadersSettings: false,
    storage,
  };
  const graphiql = h(GraphiQL, properties, h(GraphiQL.Logo, null, 'idgate'));
  return h(
    React.Fragment,
    null,
    h(Bar, { staffOnly }),
    h('main', null, graphiql),
    h(Dialogs),
  );
}

async function start(place) {
  if (typeof React === 'undefined' || typeof GraphiQL === 'undefined') {
    place.textContent =
      'GraphiQL could not be loaded. This gateway was built without npm, so the page takes ' +
      'GraphiQL from its public copy, which this browser does not reach.';
    return;
  }
  const setting = await readSetting();
  ReactDOM.createRoot(place).render(h(Page, { setting }));
  await session.begin(setting.documents);
  if (setting.staffOnly && !session.person) dialogs.ask('sign-in');
}

const place = document.getElementById('graphiql');
start(place).catch((error) => {
  place.textContent = `GraphiQL could not be started: ${error.message}`;
});
