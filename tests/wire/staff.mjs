// The staff listener in a browser: signing in on the page, staying signed in, proving it again.

import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { withBrowser } from './browser.mjs';
import { tokenFrom } from './mailbox.mjs';
import { complaintsOf, run, storedBy } from './page.mjs';

const PASSWORD = 'violet harbour 417 kettle';
const EVERY_DAY = [
  'SearchUsers',
  'UserDetails',
  'InviteUser',
  'SetUserRole',
  'SetStaffFunctions',
  'SuspendUser',
  'UnsuspendUser',
  'RevokeUserSessions',
  'AuditEvents',
  'UserStats',
];
// Milliseconds after which a sign-in is no recent one for this gateway: tests/wire/run sets it.
const FRESH = 30_000;

// A client of the public listener, without a browser.
class Program {
  #address;
  #token = null;

  constructor(address) {
    this.#address = address;
  }

  async ask(query, variables) {
    const headers = { 'content-type': 'application/json' };
    if (this.#token) headers.authorization = `Bearer ${this.#token}`;
    const body = JSON.stringify({ query, variables });
    const answer = await fetch(`${this.#address}/graphql`, { method: 'POST', headers, body });
    const { data, errors } = await answer.json();
    assert.equal(errors, undefined, JSON.stringify(errors));
    return Object.values(data)[0];
  }

  async signIn(emailOrPhone) {
    const login =
      'mutation Login($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }';
    const { accessToken } = await this.ask(login, { input: { emailOrPhone, password: PASSWORD } });
    this.#token = accessToken;
  }

  // Makes an account and returns its id.
  async register(email) {
    const register =
      'mutation Register($input: RegisterInput!) { register(input: $input) ' +
      '{ ... on SignedIn { user { id } } } }';
    const input = { email, password: PASSWORD, firstName: 'Wire', lastName: 'Staff' };
    return (await this.ask(register, { input })).user.id;
  }

  // Opens the link of the confirmation message.
  async confirm(email) {
    const verify =
      'mutation Verify($input: VerifyEmailInput!) { verifyEmail(input: $input) { __typename } }';
    const token = await tokenFrom(this.#address, email, 'verify_email');
    const { __typename } = await this.ask(verify, { input: { token, password: PASSWORD } });
    assert.equal(__typename, 'SignedIn');
  }

  async change(mutation, input) {
    const type = `${mutation[0].toUpperCase()}${mutation.slice(1)}Input!`;
    const query = `mutation A($input: ${type}) { ${mutation}(input: $input) { __typename } }`;
    return (await this.ask(query, { input })).__typename;
  }
}

const dialogOf = (page) => page.getByRole('dialog');
const said = (page, text) => page.getByText(text).first().waitFor({ timeout: 60_000 });

async function open(context, address) {
  const page = await context.newPage();
  const complaints = await complaintsOf(page);
  const documents = [];
  page.on('request', (request) => {
    if (request.url().endsWith('/graphql')) documents.push(request.postDataJSON());
  });
  await page.goto(`${address}/graphiql`);
  await page.locator('.graphiql-container').waitFor({ timeout: 60_000 });
  return { page, complaints, documents };
}

// Types with the keyboard alone, from the field that has the focus.
async function signIn(page, name, password) {
  await dialogOf(page).waitFor();
  await page.getByLabel('E-mail address or phone number').fill(name);
  await page.keyboard.press('Tab');
  await page.keyboard.type(password);
  await page.keyboard.press('Enter');
}

// GraphiQL waits for a pause in the typing before it looks for the operation's name.
const pause = (page) => page.waitForTimeout(500);

async function newTab(page) {
  await page.locator('.graphiql-tab-add').click();
  await pause(page);
}

async function judgeListener(address, check) {
  const send = async (body) => {
    const headers = { 'content-type': 'application/json' };
    return fetch(`${address}/graphql`, { method: 'POST', headers, body: JSON.stringify(body) });
  };
  await check('a stranger runs no document of their own on the staff listener', async () => {
    for (const query of ['{ __schema { types { name } } }', '{ me { emai } }', '{']) {
      const answer = await send({ query });
      assert.equal(answer.status, 401, query);
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
      const { errors } = await answer.json();
      assert.equal(errors[0].extensions.code, 'UNAUTHENTICATED');
      assert.doesNotMatch(errors[0].message, /Did you mean/);
    }
  });
}

async function judgePanel(page, documents, check) {
  await check('the page asks for a sign-in and not for the schema', async () => {
    await dialogOf(page).getByRole('heading', { name: 'Sign in' }).waitFor();
    const field = page.getByLabel('E-mail address or phone number');
    assert.ok(await field.evaluate((element) => element === document.activeElement));
    assert.ok(documents.every(({ query }) => query === undefined), JSON.stringify(documents));
  });
  await check('a wrong password is said in words and typed again', async () => {
    await signIn(page, 'root@example.com', 'not the password');
    await page.getByRole('alert').filter({ hasText: 'do not match' }).waitFor();
    const password = page.getByLabel('Password');
    assert.equal(await password.inputValue(), '');
    assert.ok(await password.evaluate((element) => element === document.activeElement));
    assert.equal(await password.getAttribute('aria-invalid'), 'true');
  });
  await check('Escape closes the dialog, Enter on the button opens it again', async () => {
    await page.keyboard.press('Escape');
    await dialogOf(page).waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Sign in' }).focus();
    await page.keyboard.press('Enter');
    await dialogOf(page).waitFor();
  });
  await check('the button opens the dialog again before the browser reports the close', async () => {
    await page.evaluate(() => {
      document.querySelector('dialog').close('');
      document.querySelector('.bar button').click();
    });
    await dialogOf(page).waitFor({ timeout: 60_000 });
    await page.waitForTimeout(200);
    assert.ok(await dialogOf(page).isVisible());
  });
  await check('a rate-limited sign-in says how long to wait', async () => {
    const limited = { __typename: 'RateLimited', message: 'Too many attempts.', retryAfter: 42 };
    await page.route('**/graphql', (route) => route.fulfill({ json: { data: { login: limited } } }), {
      times: 1,
    });
    await signIn(page, 'root@example.com', PASSWORD);
    await page.getByRole('alert').filter({ hasText: 'Try again in 42 seconds.' }).waitFor();
    assert.ok(await page.getByRole('button', { name: /Wait 4\d s/ }).isDisabled());
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Sign in' }).click();
  });
  await check('a suspended account is refused with its reason', async () => {
    await signIn(page, 'suspended@example.com', PASSWORD);
    await page.getByRole('alert').filter({ hasText: 'suspended' }).waitFor();
  });
  await check('a user who is not staff is refused and sees no schema', async () => {
    await signIn(page, 'client@example.com', PASSWORD);
    await said(page, 'This account is no member of the staff');
    assert.ok(documents.every(({ query }) => query === undefined));
    await page.getByRole('button', { name: 'Sign out' }).click();
    await said(page, 'You are signed out.');
  });
}

async function judgeTabs(page, documents, check) {
  await check('an administrator signs in, and the page knows the schema then', async () => {
    await page.getByRole('button', { name: 'Sign in' }).click();
    await signIn(page, 'root@example.com', PASSWORD);
    await said(page, 'Signed in as root@example.com (ADMIN).');
    await page.getByLabel('Show Documentation Explorer').click();
    const explorer = page.locator('.graphiql-doc-explorer');
    await explorer.getByText('mutation', { exact: false }).first().waitFor({ timeout: 60_000 });
    await page.getByLabel('Hide Documentation Explorer').click();
    assert.ok(documents.some(({ operationName }) => operationName === 'IntrospectionQuery'));
  });
  await check('the first ten tabs are for every day, and each of them runs', async () => {
    const names = await page.locator('.graphiql-tab-button').allInnerTexts();
    assert.deepEqual(names.slice(0, EVERY_DAY.length), EVERY_DAY);
    for (const name of EVERY_DAY) {
      await page.locator('.graphiql-tab-button', { hasText: new RegExp(`^${name}$`) }).click();
      await pause(page);
      const answered = page.waitForResponse((answer) => answer.url().endsWith('/graphql'));
      await page.locator('.graphiql-execute-button').click();
      const { data, errors } = await (await answered).json();
      assert.equal(errors, undefined, `${name}: ${JSON.stringify(errors)}`);
      assert.ok(data, name);
      // The answer has to be there before the next click, which would abort it.
      await page.locator('.graphiql-execute-button[aria-label^="Execute"]').waitFor();
    }
  });
}

async function judgeStay({ context, page, root, helper, check }, address) {
  await check('a reload keeps the person signed in, by a cookie out of reach of scripts', async () => {
    await page.reload();
    await said(page, 'Signed in as root@example.com (ADMIN).');
    const [cookie] = await context.cookies(address);
    assert.ok(cookie.httpOnly && cookie.sameSite === 'Lax', JSON.stringify(cookie));
    assert.equal(await page.evaluate(() => document.cookie), '');
    await newTab(page);
    await run(page, '{ me { email } }', '"root@example.com"');
  });
  await check('a token that was taken back is renewed, and the query repeated', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await signIn(page, 'helper@example.com', PASSWORD);
    await said(page, 'Signed in as helper@example.com (STAFF).');
    const change = { userId: helper, staffFunctions: ['SUPPORT', 'SALES'] };
    assert.equal(await root.change('setStaffFunctions', change), 'StaffFunctionsChanged');
    await newTab(page);
    await run(page, '{ me { staffFunctions } }', '"SALES"');
  });
  await check('tabs share the session and its end', async () => {
    const { page: other, complaints } = await open(context, address);
    await said(other, 'Signed in as helper@example.com (STAFF).');
    await other.getByRole('button', { name: 'Sign out' }).click();
    await said(page, 'You signed out in another tab.');
    assert.deepEqual(complaints, []);
    await other.close();
  });
}

async function judgeStepUp({ page, client, check }) {
  await check('what needs a recent sign-in asks for the password, then does it', async () => {
    await page.getByRole('button', { name: 'Sign in' }).click();
    await signIn(page, 'root@example.com', PASSWORD);
    await said(page, 'Signed in as root@example.com (ADMIN).');
    await page.waitForTimeout(FRESH + 1_500);
    await newTab(page);
    const suspend = `mutation { suspendUser(input: { userId: "${client}" }) { __typename ... on Problem { code } } }`;
    const done = run(page, suspend, '"UserSuspended"');
    await dialogOf(page).getByRole('heading', { name: 'Confirm that it is you' }).waitFor();
    await page.getByLabel('Password').fill('not the password');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'do not match' }).waitFor();
    await page.getByLabel('Password').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await done;
    assert.ok(await dialogOf(page).isHidden());
  });
}

async function judgeEnd({ context, page, check }, address) {
  await check('nothing secret is kept, and signing out forgets the rest', async () => {
    assert.deepEqual(await storedBy(page), []);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await said(page, 'You are signed out.');
    assert.deepEqual(await context.cookies(address), []);
    await page.reload();
    await said(page, 'You are not signed in.');
    await dialogOf(page).waitFor();
    assert.deepEqual(await storedBy(page), []);
    assert.equal((await page.content()).includes(PASSWORD), false);
  });
}

// How the dialog looks, for people to look at.
async function takePictures(page, folder) {
  const looks = { light: [1440, 900], dark: [1440, 900], narrow: [360, 640] };
  for (const [name, [width, height]] of Object.entries(looks)) {
    await page.emulateMedia({ colorScheme: name === 'dark' ? 'dark' : 'light' });
    await page.setViewportSize({ width, height });
    await page.screenshot({ path: path.join(folder, `${name}.png`) });
  }
  await page.setViewportSize({ width: 1440, height: 900 });
}

export async function judgeStaff({ address, check }) {
  const staff = process.env.WIRE_STAFF;
  assert.ok(staff, 'WIRE_STAFF is the address of the staff listener; tests/wire/run sets it');
  const root = new Program(address);
  await root.signIn('root@example.com');
  const [client, helper, suspended] = await Promise.all(
    ['client', 'helper', 'suspended'].map((name) => root.register(`${name}@example.com`)),
  );
  // Only accounts with a confirmed address join the staff.
  await root.confirm('helper@example.com');
  const promotion = { userId: helper, role: 'STAFF' };
  assert.equal(await root.change('setUserRole', promotion), 'UserRoleChanged');
  assert.equal(await root.change('suspendUser', { userId: suspended }), 'UserSuspended');
  await judgeListener(staff, check);
  await withBrowser(async (context, strangers) => {
    const { page, complaints, documents } = await open(context, staff);
    const folder = await mkdtemp(path.join(tmpdir(), 'idgate-staff-'));
    await takePictures(page, folder);
    await judgePanel(page, documents, check);
    await judgeTabs(page, documents, check);
    await page.screenshot({ path: path.join(folder, 'signed-in.png') });
    console.log(`        screenshots: ${folder}`);
    await judgeStay({ context, page, root, helper, check }, staff);
    await judgeStepUp({ page, client, check });
    await judgeEnd({ context, page, check }, staff);
    await check('the page breaks no policy and logs no error', () => {
      // A refused operation is an answer, yet the browser logs its status.
      const real = complaints.filter((text) => !text.startsWith('Failed to load resource'));
      assert.deepEqual(real, []);
    });
    await check('no request leaves this machine', () => assert.deepEqual(strangers, []));
  });
}
