// Starts GraphiQL on /graphql, with one tab for each of the gateway's own documents.
//
// Tokens and passwords are typed and shown here, so nothing but the colour theme outlives the page.

'use strict';

const NEW_TAB = '# A new operation. Ctrl-Space completes, Ctrl-Enter runs it.\n\n{\n  \n}\n';

// What GraphiQL wants to remember: editors with their variables (passwords), the history of both.
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

// The access token of the last sign-in, so that `me` works in the next tab. An Authorization header
// written in the header editor goes before it.
const signIn = {
  token: null,
  listeners: new Set(),

  remember(token) {
    this.token = token;
    for (const listener of this.listeners) listener();
  },

  subscribe(listener) {
    signIn.listeners.add(listener);
    return () => signIn.listeners.delete(listener);
  },

  // Any field of a mutation's answer that carries `accessToken`, whatever its alias.
  notice(answer) {
    for (const field of Object.values(answer?.data ?? {})) {
      if (typeof field?.accessToken === 'string') this.remember(field.accessToken);
    }
  },
};

function requestHeaders(written) {
  const headers = new Headers(written);
  headers.set('Accept', 'application/graphql-response+json, application/json;q=0.9');
  headers.set('Content-Type', 'application/json');
  // A page of this origin may use its cookie; the header is what a foreign page cannot send.
  headers.set('Idgate-Csrf', '1');
  if (signIn.token !== null && !headers.has('Authorization')) {
    headers.set('Authorization', `Bearer ${signIn.token}`);
  }
  return headers;
}

// Read from the text, as the page parses what was typed only after a pause.
function isSubscription({ query, operationName }) {
  const text = query.replace(/#.*$/gm, '');
  const kind = operationName
    ? new RegExp(`\\bsubscription\\s+${operationName}\\b`)
    : /^\s*subscription\b/;
  return kind.test(text);
}

// Live events, one after the other, for as long as the page wants them.
async function* listen(parameters, options) {
  const headers = requestHeaders(options?.headers);
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

async function request(parameters, options) {
  if (isSubscription(parameters)) return listen(parameters, options);
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: requestHeaders(options?.headers),
    body: JSON.stringify(parameters),
  });
  const text = await response.text();
  try {
    const answer = JSON.parse(text);
    signIn.notice(answer);
    return answer;
  } catch {
    throw new Error(`${response.status} ${response.statusText}\n${text}`);
  }
}

function SignInNote() {
  const token = React.useSyncExternalStore(signIn.subscribe, () => signIn.token);
  if (token === null) return null;
  return React.createElement(
    'div',
    { className: 'sign-in' },
    'Requests carry the access token of the last sign-in.',
    React.createElement('button', { onClick: () => signIn.remember(null) }, 'Forget it'),
  );
}

async function preparedTabs() {
  const response = await fetch('/graphiql/tabs.json');
  if (!response.ok) throw new Error(`/graphiql/tabs.json: ${response.status}`);
  const tabs = await response.json();
  if (tabs.length === 0) return [{ query: NEW_TAB }];
  return tabs.map(({ query, variables }) => ({
    query,
    variables: variables && JSON.stringify(JSON.parse(variables), null, 2),
  }));
}

function Page({ tabs }) {
  const properties = {
    fetcher: request,
    defaultTabs: tabs,
    defaultQuery: NEW_TAB,
    defaultEditorToolsVisibility: 'variables',
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: false,
    showPersistHeadersSettings: false,
    storage: new ForgetfulStorage(),
  };
  return React.createElement(
    GraphiQL,
    properties,
    React.createElement(GraphiQL.Logo, null, 'idgate'),
    React.createElement(GraphiQL.Footer, null, React.createElement(SignInNote)),
  );
}

async function start(place) {
  if (typeof React === 'undefined' || typeof GraphiQL === 'undefined') {
    place.textContent =
      'GraphiQL could not be loaded. This gateway was built without npm, so the page takes ' +
      'GraphiQL from its public copy, which this browser does not reach.';
    return;
  }
  const tabs = await preparedTabs();
  ReactDOM.createRoot(place).render(React.createElement(Page, { tabs }));
}

const place = document.getElementById('graphiql');
start(place).catch((error) => {
  place.textContent = `GraphiQL could not be started: ${error.message}`;
});
