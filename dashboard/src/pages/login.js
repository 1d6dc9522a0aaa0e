/** Who are you? */
import { h } from 'preact';
import { useState } from 'preact/hooks';
import { signIn } from '../api.js';
import { Failure } from '../parts.js';

export function Login({ onSignedIn }) {
  const [error, setError] = useState('');
  const [waiting, setWaiting] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    setWaiting(true);
    try {
      const accepted = await signIn(String(form.get('access')).trim(), String(form.get('secret')).trim());
      if (accepted) onSignedIn();
      else setError('These keys are not accepted.');
    } catch {
      setError('Forebay does not answer.');
    }
    setWaiting(false);
  };
  return h(
    'main',
    { class: 'login' },
    h(
      'form',
      { class: 'card', onSubmit: submit, autocomplete: 'on' },
      h('h1', null, 'Sign in to Forebay'),
      h('p', { class: 'quiet' }, 'With the root key pair that S3 clients use, or with the token alone.'),
      h(
        'label',
        null,
        'Access key',
        h('input', { name: 'access', autocomplete: 'username', spellcheck: false }),
      ),
      h(
        'label',
        null,
        'Secret key or token',
        h('input', { name: 'secret', type: 'password', autocomplete: 'current-password', required: true }),
      ),
      h(Failure, { error }),
      h('button', { type: 'submit', disabled: waiting }, 'Sign in'),
    ),
  );
}
