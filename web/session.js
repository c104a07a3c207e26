// The session of this page, and its renewal.
//
// The access token is only in this object; the refresh token is in an `HttpOnly` cookie. Documents
// are sent by id, as staff listeners run no others for anonymous callers.

'use strict';

// An access token is renewed this many milliseconds before it expires.
const RENEW_AHEAD = 30_000;
// Lifetime in seconds of a token without `expiresIn`.
const SHORT_LIFE = 60;

const STAFF = ['STAFF', 'ADMIN'];

// Sends a request to /graphql and parses the response, which is JSON for every status.
async function post(body, headers) {
  let response;
  try {
    response = await fetch('/graphql', { method: 'POST', headers, body: JSON.stringify(body) });
  } catch {
    throw new Error('The gateway cannot be reached. Look at your connection, then try again.');
  }
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${response.status} ${response.statusText}\n${text}`);
  }
}

// The message of a refused mutation and its `retryAfter`; null if it succeeded.
function refusalOf(answer, field, success) {
  const result = answer.data?.[field];
  if (result?.__typename === success) return null;
  const error = answer.errors?.[0];
  return {
    code: result?.code ?? error?.extensions?.code ?? '',
    message: result?.message ?? error?.message ?? 'The gateway gave no answer.',
    wait: result?.retryAfter ?? error?.extensions?.retryAfter ?? 0,
  };
}

class Session {
  #documents = {};
  #token = null;
  #expiresAt = 0;
  #renewing = null;
  #listeners = new Set();
  #otherTabs = new BroadcastChannel('idgate-session');
  // A new object for each change, so that React re-renders.
  #view = { person: null, isKnown: false, notice: '' };

  // Resumes the session of the cookie, if there is one; `documents` are ids by operation.
  async begin(documents) {
    this.#documents = documents;
    this.#otherTabs.onmessage = ({ data }) => this.#hear(data);
    try {
      await this.renew();
    } catch (error) {
      this.#show({ isKnown: true, notice: error.message });
    }
  }

  snapshot = () => this.#view;

  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  get person() {
    return this.#view.person;
  }

  get isStaff() {
    return STAFF.includes(this.person?.role);
  }

  // The headers of an authenticated request.
  headers(written) {
    const headers = new Headers(written);
    headers.set('Accept', 'application/graphql-response+json, application/json;q=0.9');
    headers.set('Content-Type', 'application/json');
    // CSRF protection: another origin cannot send this header.
    headers.set('Idgate-Csrf', '1');
    if (!headers.has('Idgate-Delivery')) headers.set('Idgate-Delivery', 'cookie');
    if (this.#token !== null && !headers.has('Authorization')) {
      headers.set('Authorization', `Bearer ${this.#token}`);
    }
    return headers;
  }

  // The reason of a refusal, or null.
  async signIn(emailOrPhone, password) {
    const answer = await this.#run('Login', { input: { emailOrPhone, password } });
    const refusal = refusalOf(answer, 'login', 'SignedIn');
    if (refusal) return refusal;
    await this.#accept(answer.data.login);
    this.#otherTabs.postMessage('in');
    return null;
  }

  // The reason of a refusal, or null.
  async stepUp(password) {
    await this.ready();
    const answer = await this.#run('StepUp', { input: { password } });
    const refusal = refusalOf(answer, 'stepUp', 'SteppedUp');
    if (refusal) return refusal;
    await this.#accept({ ...answer.data.stepUp, user: this.person });
    return null;
  }

  async signOut() {
    let refusal;
    try {
      refusal = refusalOf(await this.#run('Logout', {}), 'logout', 'LoggedOut');
    } catch (error) {
      refusal = { message: error.message };
    }
    if (refusal && refusal.code !== 'UNAUTHENTICATED') {
      this.#show({ notice: `You could not be signed out. ${refusal.message}` });
      return;
    }
    this.#forget('You are signed out.');
    this.#otherTabs.postMessage('out');
  }

  // Renews a token that is about to expire.
  async ready() {
    if (this.#token !== null && Date.now() > this.#expiresAt - RENEW_AHEAD) await this.renew();
  }

  // Exchanges the cookie for a new access token, once for concurrent calls. Resolves to whether a
  // user is signed in; throws if that is unknown.
  renew() {
    this.#renewing ??= this.#renewOnce().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  // A sign-in by a document of the editor, whose cookie replaced the page's.
  async notice(answer) {
    for (const field of Object.values(answer.data ?? {})) {
      if (typeof field?.accessToken === 'string') {
        await this.#accept({ ...field, user: undefined });
        this.#otherTabs.postMessage('in');
      }
    }
  }

  async #renewOnce() {
    // Tabs share the cookie; the lock makes each use the token that is current by then.
    const queued = (work) =>
      navigator.locks ? navigator.locks.request('idgate-session', work) : work();
    const answer = await queued(() => this.#run('RefreshSession', { input: {} }));
    const refusal = refusalOf(answer, 'refreshSession', 'SignedIn');
    if (!refusal) {
      await this.#accept(answer.data.refreshSession);
      return true;
    }
    // Other errors do not end the session.
    if (refusal.code !== 'TOKEN_INVALID') throw new Error(refusal.message);
    this.#forget(this.person ? 'Your session has ended. Sign in again.' : this.#view.notice);
    return false;
  }

  #run(operation, variables) {
    const body = { documentId: this.#documents[operation], variables };
    return post(body, this.headers());
  }

  async #accept({ accessToken, expiresIn = SHORT_LIFE, user }) {
    this.#token = accessToken;
    this.#expiresAt = Date.now() + expiresIn * 1000;
    const known = this.person;
    let person = known;
    if (known === null || user?.id !== known.id || user.role !== known.role) {
      const answer = await this.#run('Me', {}).catch(() => null);
      person = answer?.data?.me ?? user ?? null;
    }
    this.#show({ person, isKnown: true, notice: '' });
  }

  #forget(notice) {
    this.#token = null;
    this.#show({ person: null, isKnown: true, notice });
  }

  #show(change) {
    this.#view = { ...this.#view, ...change };
    for (const listener of this.#listeners) listener();
  }

  #hear(what) {
    if (what === 'out' && this.person) this.#forget('You signed out in another tab.');
    if (what === 'in') this.renew().catch(() => {});
  }
}

const session = new Session();
