// How a page can make a browser send something to another origin, or show something of it.
//
// Each `write` gives a function that runs in the page, and its argument. `asks` says that the
// browser asks the gateway before it sends such a thing; `isNavigation` that it is a link, with
// which cookies travel from anywhere.

export const CHANNELS = {
  'a form as application/x-www-form-urlencoded': {
    write: (endpoint, document) =>
      form(endpoint, 'POST', 'application/x-www-form-urlencoded', { query: document }),
  },
  'a form as text/plain, written so that its body is JSON': {
    write: (endpoint, document) =>
      form(endpoint, 'POST', 'text/plain', {
        [`${JSON.stringify({ query: document }).slice(0, -1)},"extensions":{"ignored":"`]: '"}}',
      }),
  },
  'a form as multipart/form-data, an upload': {
    write: (endpoint, document) =>
      form(endpoint, 'POST', 'multipart/form-data', {
        operations: JSON.stringify({ query: document }),
        map: '{}',
        query: document,
      }),
  },
  'a link with the document in its address': {
    isNavigation: true,
    write: (endpoint, document) =>
      form(endpoint, 'GET', 'application/x-www-form-urlencoded', { query: document }),
  },
  'a form that posts, with the document in its address': {
    write: (endpoint, document) =>
      form(`${endpoint}?query=${encodeURIComponent(document)}`, 'POST', 'text/plain', { x: '' }),
  },
  'fetch with text/plain': {
    write: (endpoint, document) =>
      send(endpoint, { mode: 'no-cors', headers: { 'content-type': 'text/plain' } }, document),
  },
  'fetch with no content type': {
    write: (endpoint, document) => send(endpoint, { mode: 'no-cors' }, document),
  },
  'fetch with application/json': {
    asks: true,
    write: (endpoint, document) =>
      send(endpoint, { headers: { 'content-type': 'application/json' } }, document),
  },
  'fetch with application/json and Idgate-Csrf': {
    asks: true,
    write: (endpoint, document) =>
      send(endpoint, { headers: { 'content-type': 'application/json', 'idgate-csrf': '1' } }, document),
  },
  'fetch by GET': {
    write: (endpoint, document) =>
      run((url) => void fetch(url, { mode: 'no-cors', credentials: 'include' }).catch(() => {}), endpoint, document),
  },
  'a beacon': {
    write: (endpoint, document) => [
      ([url, query]) => void navigator.sendBeacon(url, JSON.stringify({ query })),
      [endpoint, document],
    ],
  },
  'a picture': {
    write: (endpoint, document) => run((src) => void document.body.append(Object.assign(new Image(), { src })), endpoint, document),
  },
  'a script': {
    write: (endpoint, document) =>
      run(
        (src) => void document.body.append(Object.assign(document.createElement('script'), { src })),
        endpoint,
        document,
      ),
  },
  'a style sheet': {
    write: (endpoint, document) =>
      run(
        (href) =>
          void document.head.append(
            Object.assign(document.createElement('link'), { rel: 'stylesheet', href }),
          ),
        endpoint,
        document,
      ),
  },
  'a frame': {
    write: (endpoint, document) =>
      run(
        (src) => void document.body.append(Object.assign(document.createElement('iframe'), { src })),
        endpoint,
        document,
      ),
  },
};

// What a page tries to read of another origin by including it; each answers `refused` or `read`.
export const INCLUSIONS = {
  'a script cannot include an answer': {
    path: '/graphql?query=%7Bme%7Bid%7D%7D',
    write: (src) =>
      new Promise((done) => {
        const script = Object.assign(document.createElement('script'), {
          src,
          onload: () => done('read'),
          onerror: () => done('refused'),
        });
        document.body.append(script);
      }),
  },
  'fetch cannot read an answer': {
    path: '/graphql?query=%7Bme%7Bid%7D%7D',
    write: (url) =>
      fetch(url, { credentials: 'include' }).then(
        () => 'read',
        () => 'refused',
      ),
  },
  'fetch cannot get hold of an opaque answer either': {
    path: '/graphql?query=%7Bme%7Bid%7D%7D',
    write: (url) =>
      fetch(url, { credentials: 'include', mode: 'no-cors' }).then(
        () => 'read',
        () => 'refused',
      ),
  },
  'a window that was opened tells nothing': {
    path: '/graphql?query=%7Bme%7Bid%7D%7D',
    write: async (url) => {
      const opened = window.open(url);
      await new Promise((done) => setTimeout(done, 500));
      try {
        return opened.document.body.innerText === '' ? 'refused' : 'read';
      } catch {
        return 'refused';
      } finally {
        opened?.close();
      }
    },
  },
};

// A function of the page with an address that holds the document.
function run(script, endpoint, document) {
  return [script, `${endpoint}?query=${encodeURIComponent(document)}`];
}

function form(endpoint, method, type, fields) {
  return [
    ([action, how, enctype, values]) => {
      const element = document.createElement('form');
      Object.assign(element, { action, method: how, enctype });
      for (const [name, value] of Object.entries(values)) {
        const field = document.createElement('textarea');
        Object.assign(field, { name, value });
        element.append(field);
      }
      document.body.append(element);
      element.submit();
    },
    [endpoint, method, type, fields],
  ];
}

function send(endpoint, options, document) {
  return [
    ([url, how, query]) => {
      // Bytes, as a text body would name its type by itself.
      const body = new TextEncoder().encode(JSON.stringify({ query }));
      fetch(url, { method: 'POST', credentials: 'include', body, ...how }).catch(() => {});
    },
    [endpoint, options, document],
  ];
}
