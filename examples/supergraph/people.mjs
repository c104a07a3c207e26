// The people of the example: registers them at idgate, and makes one of them sales staff.

export const PASSWORD = 'violet harbour 417 kettle';
export const ADMIN = 'root@example.com';

/** Runs a document at idgate and gives its one field, or the reason why not. */
async function ask(url, query, variables, token) {
  const answer = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await answer.json();
  const [field] = Object.values(data ?? {});
  if (!field || field.code) throw new Error(`idgate refused: ${JSON.stringify(field ?? errors)}`);
  return field;
}

async function register(url, name) {
  const registered = await ask(
    url,
    `mutation ($input: RegisterInput!) {
      register(input: $input) {
        ... on SignedIn { user { id } }
        ... on Problem { code message }
      }
    }`,
    {
      input: { email: `${name.toLowerCase()}@example.com`, password: PASSWORD, firstName: name },
    },
  );
  return registered.user.id;
}

/** Opens the link of the confirmation message in the development mailbox, as its reader would. */
async function confirmAddress(url, name) {
  const to = `${name.toLowerCase()}@example.com`;
  const deadline = Date.now() + 30_000;
  for (;;) {
    const messages = await (await fetch(`${url}/dev/mailbox.json`)).json();
    const message = messages.find((each) => each.to === to && each.kind === 'verify_email');
    const [, token] = /token=([\w-]+)/.exec(message?.text) ?? [];
    if (token) {
      await ask(
        url,
        `mutation ($input: VerifyEmailInput!) {
          verifyEmail(input: $input) { __typename ... on Problem { code message } }
        }`,
        { input: { token, password: PASSWORD } },
      );
      return;
    }
    if (Date.now() > deadline) throw new Error(`no confirmation message came for ${to}`);
    await new Promise((passed) => setTimeout(passed, 50));
  }
}

// Only accounts with a confirmed address join the staff.
async function makeSales(url, userId) {
  const { accessToken } = await ask(
    url,
    `mutation ($input: LoginInput!) {
      login(input: $input) {
        ... on SignedIn { accessToken }
        ... on Problem { code message }
      }
    }`,
    { input: { emailOrPhone: ADMIN, password: PASSWORD } },
  );
  // One after the other: only staff have functions.
  for (const mutation of [
    'setUserRole(input: { userId: $userId, role: STAFF })',
    'setStaffFunctions(input: { userId: $userId, staffFunctions: [SALES] })',
  ]) {
    const query = `mutation ($userId: ID!) { ${mutation} { __typename ... on Problem { code message } } }`;
    await ask(url, query, { userId }, accessToken);
  }
}

/** Registers Ada, Bob and as many further customers, and Grace of sales; gives the customers' ids. */
export async function settle(url, further) {
  const names = ['Ada', 'Bob', ...Array.from({ length: further }, (_, index) => `Customer${index + 1}`)];
  const customers = [];
  for (const name of names) customers.push(await register(url, name));
  const grace = await register(url, 'Grace');
  for (const name of ['Ada', 'Bob', 'Grace']) await confirmAddress(url, name);
  await makeSales(url, grace);
  return customers;
}
