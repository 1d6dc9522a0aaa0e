/** The dashboard: who is signed in sees pages, named in the address after `#/`. */
import { h, render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { isSignedIn, onSignedOut, signOut } from './api.js';
import { Alerts } from './pages/alerts.js';
import { Hot } from './pages/hot.js';
import { Jobs } from './pages/jobs.js';
import { Login } from './pages/login.js';
import { Logs } from './pages/logs.js';
import { Mounts } from './pages/mounts.js';
import { Nodes } from './pages/nodes.js';
import { Objects } from './pages/objects.js';
import { Overview } from './pages/overview.js';
import { Settings } from './pages/settings.js';
import { Size } from './pages/size.js';
import { Slow } from './pages/slow.js';
import { useRoute } from './route.js';

const pages = [
  { name: 'overview', title: 'Overview', page: Overview },
  { name: 'objects', title: 'Objects', page: Objects },
  { name: 'nodes', title: 'Nodes', page: Nodes },
  { name: 'mounts', title: 'Mounts', page: Mounts },
  { name: 'jobs', title: 'Jobs', page: Jobs },
  { name: 'hot', title: 'Hot', page: Hot },
  { name: 'slow', title: 'Slow requests', page: Slow },
  { name: 'size', title: 'Cache size', page: Size },
  { name: 'alerts', title: 'Alerts', page: Alerts },
  { name: 'settings', title: 'Settings', page: Settings },
  { name: 'logs', title: 'Logs', page: Logs },
];

function App() {
  const [signedIn, setSignedIn] = useState(isSignedIn());
  useEffect(() => onSignedOut(() => setSignedIn(false)), []);
  if (!signedIn) return h(Login, { onSignedIn: () => setSignedIn(true) });
  return h(Board);
}

function Board() {
  const { name, params } = useRoute();
  const { page, title } = pages.find((one) => one.name === name) ?? pages[0];
  const heading = useRef(null);
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${title} · Forebay`;
    // Who moves by keyboard or by ear goes on at the new page, not at its top.
    if (!isFirst.current) heading.current?.focus();
    isFirst.current = false;
  }, [title]);
  return h(
    'div',
    { class: 'shell' },
    h('a', { class: 'skip', href: '#main', onClick: (event) => skip(event, heading) }, 'Skip to the page'),
    h(Header),
    h(Navigation, { current: title }),
    h(
      'main',
      { id: 'main' },
      h('h1', { ref: heading, tabIndex: -1 }, title),
      h(page, { params, key: `${name} ${params}` }),
    ),
  );
}

function skip(event, heading) {
  event.preventDefault();
  heading.current?.focus();
}

function Header() {
  return h(
    'header',
    null,
    h('img', { src: '/favicon.svg', alt: '', width: 26, height: 26 }),
    h('span', { class: 'brand' }, 'Forebay'),
    h('span', { class: 'spacer' }),
    h(Readiness),
    h('button', { type: 'button', class: 'plain', onClick: signOut }, 'Sign out'),
  );
}

const readinessMs = 3000;

function Readiness() {
  const [state, setState] = useState({ kind: '', text: 'connecting' });
  useEffect(() => {
    let timer;
    let left = false;
    const poll = async () => {
      const now = await readiness();
      if (left) return;
      setState(now);
      timer = setTimeout(poll, readinessMs);
    };
    void poll();
    return () => {
      left = true;
      clearTimeout(timer);
    };
  }, []);
  return h('span', { role: 'status', class: `pill ${state.kind}` }, state.text);
}

async function readiness() {
  try {
    const response = await fetch('/readyz');
    if (response.ok) return { kind: 'good', text: 'ready' };
    const { reasons = [] } = await response.json();
    return { kind: 'bad', text: reasons.join('; ') || 'not ready' };
  } catch {
    return { kind: 'bad', text: 'no answer' };
  }
}

function Navigation({ current }) {
  const list = useRef(null);
  // On a phone the names are in a row that is wider than the screen.
  useEffect(() => {
    const { current: within } = list;
    const name = within.querySelector('[aria-current]');
    within.scrollLeft = name.offsetLeft - (within.clientWidth - name.clientWidth) / 2;
  }, [current]);
  return h(
    'nav',
    { 'aria-label': 'Pages' },
    h(
      'ul',
      { ref: list },
      pages.map(({ name, title }) =>
        h(
          'li',
          { key: name },
          h('a', { href: `#/${name}`, 'aria-current': title === current ? 'page' : undefined }, title),
        ),
      ),
    ),
  );
}

render(h(App), document.getElementById('app'));
