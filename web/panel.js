// The sign-in of the page: a bar with the signed-in user, and the dialogs for sign-in and step-up.

'use strict';

const h = (...described) => React.createElement(...described);

// At most one dialog is open; `ask` opens it and resolves to whether the user authenticated.
const dialogs = {
  open: null,
  opened: 0,
  listeners: new Set(),

  subscribe(listener) {
    dialogs.listeners.add(listener);
    return () => dialogs.listeners.delete(listener);
  },

  ask(kind, reason = '') {
    // The browser closes a dialog first and fires `close` later: a click in between opens another.
    if (dialogs.open?.element.current?.open === false) dialogs.open.settle(false);
    if (dialogs.open) return dialogs.open.kind === kind ? dialogs.open.given : Promise.resolve(false);
    const dialog = { key: ++dialogs.opened, kind, reason, element: React.createRef() };
    dialog.given = new Promise((resolve) => {
      dialog.settle = (outcome) => {
        if (dialogs.open === dialog) dialogs.show(null);
        resolve(outcome);
      };
    });
    dialogs.show(dialog);
    return dialog.given;
  },

  show(dialog) {
    dialogs.open = dialog;
    for (const listener of dialogs.listeners) listener();
  },
};

const KINDS = {
  'sign-in': {
    title: 'Sign in',
    action: 'Sign in',
    prove: (form) => session.signIn(form.get('emailOrPhone'), form.get('password')),
  },
  'step-up': {
    title: 'Confirm that it is you',
    action: 'Confirm',
    prove: (form) => session.stepUp(form.get('password')),
  },
};

function nameOf(person) {
  return person.email ?? person.phone ?? person.id;
}

// A countdown in seconds, and its setter.
function useWait() {
  const [seconds, setSeconds] = React.useState(0);
  React.useEffect(() => {
    if (seconds <= 0) return undefined;
    const timer = setTimeout(() => setSeconds(seconds - 1), 1000);
    return () => clearTimeout(timer);
  }, [seconds]);
  return [seconds, setSeconds];
}

// The form of a dialog: after a refusal it shows the reason and clears the password.
function useProof(prove, succeed) {
  const [refusal, setRefusal] = React.useState('');
  const [isBusy, setBusy] = React.useState(false);
  const [wait, setWait] = useWait();
  const submit = async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    setBusy(true);
    let refused;
    try {
      refused = await prove(new FormData(form));
    } catch (error) {
      refused = { message: error.message, wait: 0 };
    }
    const password = form.elements.namedItem('password');
    password.value = '';
    setBusy(false);
    if (!refused) {
      succeed();
      return;
    }
    const again = refused.wait > 0 ? ` Try again in ${refused.wait} seconds.` : '';
    setRefusal(refused.message + again);
    setWait(refused.wait);
    password.focus();
  };
  return { refusal, isBusy, wait, submit };
}

function Field({ label, ...input }) {
  const id = `dialog-${input.name}`;
  return h(
    React.Fragment,
    null,
    h('label', { htmlFor: id }, label),
    h('input', { id, required: true, ...input }),
  );
}

// The user who authenticates again; a hidden field for password managers.
function Oneself({ name }) {
  const field = { type: 'text', autoComplete: 'username', readOnly: true, hidden: true, value: name };
  return h(React.Fragment, null, h('p', null, `You are signed in as ${name}.`), h('input', field));
}

function Dialog({ kind, reason, element, settle }) {
  const { title, action, prove } = KINDS[kind];
  const { person } = React.useSyncExternalStore(session.subscribe, session.snapshot);
  // Closed instead of removed, so that the browser restores the focus.
  const close = (outcome) => element.current.close(outcome);
  const { refusal, isBusy, wait, submit } = useProof(prove, () => close('given'));
  React.useEffect(() => element.current.showModal(), []);
  const name =
    kind === 'sign-in'
      ? h(Field, {
          label: 'E-mail address or phone number',
          name: 'emailOrPhone',
          type: 'text',
          autoComplete: 'username',
          autoCapitalize: 'none',
          spellCheck: false,
          autoFocus: true,
        })
      : h(Oneself, { name: person ? nameOf(person) : '' });
  const password = h(Field, {
    label: 'Password',
    name: 'password',
    type: 'password',
    autoComplete: 'current-password',
    autoFocus: kind === 'step-up',
    'aria-invalid': refusal !== '',
    'aria-describedby': 'dialog-refusal',
  });
  const buttons = h(
    'div',
    { className: 'dialog-buttons' },
    h('button', { type: 'button', onClick: () => close('') }, 'Cancel'),
    h(
      'button',
      { type: 'submit', className: 'dialog-action', disabled: isBusy || wait > 0 },
      wait > 0 ? `Wait ${wait} s` : action,
    ),
  );
  return h(
    'dialog',
    {
      ref: element,
      className: 'dialog',
      'aria-labelledby': 'dialog-title',
      'aria-describedby': reason ? 'dialog-reason' : undefined,
      onClose: (event) => settle(event.currentTarget.returnValue === 'given'),
    },
    h(
      'form',
      { onSubmit: submit, 'aria-busy': isBusy },
      h('h2', { id: 'dialog-title' }, title),
      reason && h('p', { id: 'dialog-reason' }, reason),
      name,
      password,
      h('p', { id: 'dialog-refusal', className: 'dialog-refusal', role: 'alert' }, refusal),
      buttons,
    ),
  );
}

function Dialogs() {
  const open = React.useSyncExternalStore(dialogs.subscribe, () => dialogs.open);
  return open && h(Dialog, open);
}

function standing({ person, isKnown, notice }, staffOnly) {
  if (!isKnown) return 'Looking whether you are signed in…';
  if (!person) {
    const rule = staffOnly ? 'Sign in to run documents and to see the schema.' : '';
    return [notice || 'You are not signed in.', rule].filter(Boolean).join(' ');
  }
  const rule =
    staffOnly && !session.isStaff
      ? 'This account is no member of the staff, so nothing runs here: sign in with another.'
      : '';
  return [`Signed in as ${nameOf(person)} (${person.role}).`, notice, rule].filter(Boolean).join(' ');
}

function Bar({ staffOnly }) {
  const view = React.useSyncExternalStore(session.subscribe, session.snapshot);
  const signIn = h('button', { onClick: () => dialogs.ask('sign-in') }, 'Sign in');
  const signOut = h('button', { onClick: () => session.signOut() }, 'Sign out');
  return h(
    'header',
    { className: 'bar' },
    h('p', { role: 'status' }, standing(view, staffOnly)),
    view.isKnown && (view.person ? signOut : signIn),
  );
}
