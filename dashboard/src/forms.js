/** Asking the admin API for changes: by a button, or by a form. */
import { h } from 'preact';
import { useState } from 'preact/hooks';
import { ask } from './api.js';
import { Failure } from './parts.js';

/**
 * `act(path, init)` asks for a change, and resolves with whether it was made; `failure` is why the last one
 * was not. `onDone` is called after each.
 */
export function useAction(onDone) {
  const [failure, setFailure] = useState('');
  const act = async (path, init) => {
    const why = await ask(path, init).then(
      () => '',
      (error) => error.message,
    );
    setFailure(why);
    onDone?.();
    return why === '';
  };
  return [act, failure];
}

/** Fields and a button in a row. `bodyOf` makes of the form's data what is posted to the path. */
export function PostForm({ path, bodyOf, action, onDone, children }) {
  const [act, failure] = useAction();
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    if (!(await act(path, { method: 'POST', body: bodyOf(new FormData(form)) }))) return;
    onDone(form);
  };
  return h(
    'form',
    { class: 'fields', onSubmit: submit },
    children,
    h('button', { type: 'submit' }, action),
    h(Failure, { error: failure }),
  );
}

/** A label with an input. */
export function Field({ label, grow, ...input }) {
  return h(
    'label',
    { class: grow ? 'grow' : undefined },
    label,
    h('input', { required: true, spellcheck: false, ...input }),
  );
}

/** A button of a row of a table: `label` says whose, for who hears it alone. */
export function RowButton({ text, label, onClick }) {
  return h('button', { type: 'button', class: 'plain', 'aria-label': label, onClick }, text);
}
