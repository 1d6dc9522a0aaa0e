/** The admin API, with the keys given at sign-in, which stay in this browser tab. */
import { useCallback, useEffect, useState } from 'preact/hooks';

const keysItem = 'forebay-authorization';
/** Told when the keys are not accepted any more. */
const listeners = new Set();

/** The API's own words of what went wrong. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const isSignedIn = () => sessionStorage.getItem(keysItem) !== null;

export function onSignedOut(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Without an access key the secret is a token. Resolves with whether they are accepted. */
export async function signIn(access, secret) {
  sessionStorage.setItem(keysItem, authorizationOf(access, secret));
  try {
    await ask('/api/v1/status');
    return true;
  } catch (error) {
    sessionStorage.removeItem(keysItem);
    if (error.status === 401) return false;
    throw error;
  }
}

export function signOut() {
  sessionStorage.removeItem(keysItem);
  for (const listener of listeners) listener();
}

function authorizationOf(access, secret) {
  if (access === '') return `Bearer ${secret}`;
  const pair = new TextEncoder().encode(`${access}:${secret}`);
  return `Basic ${btoa(String.fromCharCode(...pair))}`;
}

/** The JSON answer. @throws ApiError */
export async function ask(path, { method = 'GET', body, signal } = {}) {
  const response = await send(path, { method, body, signal });
  return response.json();
}

/** The JSON answer, and the members of the cluster that it lacks. @throws ApiError */
export async function gather(path, { signal }) {
  const response = await send(path, { method: 'GET', signal });
  const ids = response.headers.get('x-forebay-unanswered')?.split(',') ?? [];
  return { data: await response.json(), unanswered: ids };
}

/** The lines of an answer of JSON lines, one after the other, to `onLine`. @throws ApiError */
export async function follow(path, { body, onLine }) {
  const response = await send(path, { method: 'POST', body });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value = '' } = await reader.read();
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    for (const line of lines) takeLine(JSON.parse(line), onLine);
    if (done) return;
  }
}

function takeLine(line, onLine) {
  if (line.error) throw new ApiError(500, line.error.message);
  onLine(line);
}

async function send(path, { method, body, signal }) {
  const authorization = sessionStorage.getItem(keysItem);
  const headers = {
    ...(authorization && { authorization }),
    ...(body && { 'content-type': 'application/json' }),
  };
  const response = await fetch(path, {
    method,
    headers,
    signal,
    ...(body && { body: JSON.stringify(body) }),
  });
  if (response.ok) return response;
  const answer = await response.json().catch(() => undefined);
  if (response.status === 401 && isSignedIn()) signOut();
  throw new ApiError(response.status, answer?.error?.message ?? `${path} answered ${response.status}`);
}

/**
 * The answer at a path, asked again every so often while the page is looked at; `error` is why there was none
 * the last time, `unanswered` whom in a cluster it lacks. An answer of an earlier path is never shown under a
 * later one.
 */
export function useAsked(path, everyMs) {
  const [state, setState] = useState({});
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((before) => before + 1), []);
  useEffect(() => {
    if (path === undefined) return undefined;
    const left = new AbortController();
    let timer;
    const poll = async () => {
      try {
        const answer = await gather(path, { signal: left.signal });
        if (!left.signal.aborted) setState({ path, ...answer });
      } catch (error) {
        if (left.signal.aborted) return;
        setState((before) => ({ ...(before.path === path && before), path, error: error.message }));
      }
      if (everyMs && !left.signal.aborted) timer = setTimeout(poll, document.hidden ? everyMs * 5 : everyMs);
    };
    void poll();
    return () => {
      left.abort();
      clearTimeout(timer);
    };
  }, [path, everyMs, round]);
  return { ...(state.path === path ? state : {}), reload };
}
