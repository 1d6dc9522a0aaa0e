/** The dashboard: polls the admin API with the keys given at sign-in, which stay in this browser tab. */
const pollMs = 2000;
const chartPoints = 60;
const keysItem = 'forebay-authorization';
const find = (id) => document.getElementById(id);

let lastStatus;
let timer;
const rates = [];

function formatSize(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  const unit = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** unit;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

function formatSpan(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} days`;
}

const formatCount = (count) => count.toLocaleString('en');
const put = (id, text) => {
  find(id).textContent = text;
};

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

async function ask(path) {
  const authorization = sessionStorage.getItem(keysItem);
  if (!authorization) return undefined;
  const response = await fetch(path, { headers: { authorization } });
  if (response.status === 401) return undefined;
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

function show(signedIn) {
  find('login').hidden = signedIn;
  find('board').hidden = !signedIn;
  find('leave').hidden = !signedIn;
}

function setState(text, kind) {
  const state = find('state');
  state.textContent = text;
  state.className = `pill ${kind}`;
}

async function poll() {
  clearTimeout(timer);
  try {
    const [status, mounts] = await Promise.all([ask('/api/v1/status'), ask('/api/v1/mounts')]);
    if (!status || !mounts) {
      show(false);
      setState('signed out', '');
      return;
    }
    show(true);
    const ready = await fetch('/readyz');
    if (ready.ok) setState('ready', 'good');
    else setState(((await ready.json()).reasons ?? []).join('; ') || 'not ready', 'bad');
    showStatus(status);
    showMounts(mounts);
  } catch {
    setState('no answer', 'bad');
  }
  timer = setTimeout(poll, document.hidden ? pollMs * 5 : pollMs);
}

function showStatus(status) {
  const { bytesServed, ufs, requests, cache } = status;
  const fromCache = bytesServed.memory + bytesServed.disk + bytesServed.peer;
  put('version', status.version);
  put('ratio', status.hitRatio === undefined ? '–' : `${(status.hitRatio * 100).toFixed(1)} %`);
  put('ratio-note', `${formatSize(fromCache)} of bytes read`);
  put('served', formatSize(fromCache + bytesServed.ufs));
  put('ufs', formatCount(ufs.requests));
  put('ufs-note', `${formatSize(ufs.bytes)} read, ${formatCount(ufs.failed)} failed`);
  put('requests', formatCount(requests.total));
  put('requests-note', `${formatCount(requests.failed)} failed on our side`);
  put('endpoint', status.endpoint);
  put('node', status.nodeId);
  put('uptime', formatSpan(status.uptimeMs));
  showMeter('disk', cache.diskBytes, cache.diskBytesMax);
  showMeter('memory', cache.memoryBytes, cache.memoryBytesMax);
  showPairs('cache', [
    ['Pages', cache.pages],
    ['Infos in memory', cache.infoMemoryEntries],
    ['Infos on disk', cache.infoPersistentEntries],
    ['Fills in flight', cache.fillsInFlight],
    ['Writes under way', cache.fencesOpen],
  ]);
  showPairs('reads', Object.entries(status.reads));
  addRate(status, fromCache);
}

function showMeter(id, bytes, bytesMax) {
  find(id).value = bytesMax > 0 ? bytes / bytesMax : 0;
  put(`${id}-text`, `${formatSize(bytes)} of ${formatSize(bytesMax)}`);
}

function showPairs(id, pairs) {
  const rows = pairs.flatMap(([name, count]) => [element('dt', name), element('dd', formatCount(count))]);
  find(id).replaceChildren(...(rows.length > 0 ? rows : [element('dt', 'nothing yet')]));
}

function addRate(status, fromCache) {
  const now = { fromCache, ufs: status.bytesServed.ufs, uptimeMs: status.uptimeMs };
  if (lastStatus && now.uptimeMs > lastStatus.uptimeMs) {
    const seconds = (now.uptimeMs - lastStatus.uptimeMs) / 1000;
    rates.push({
      cache: (now.fromCache - lastStatus.fromCache) / seconds,
      origin: (now.ufs - lastStatus.ufs) / seconds,
    });
    if (rates.length > chartPoints) rates.shift();
  } else if (lastStatus) rates.length = 0;
  lastStatus = now;
  const latest = rates.at(-1);
  put('served-rate', latest ? `${formatSize(latest.cache + latest.origin)}/s now` : '');
  drawChart();
}

function drawChart() {
  const peak = Math.max(0, ...rates.map((rate) => rate.cache + rate.origin));
  const scale = 118 / Math.max(1, peak);
  const width = 600 / chartPoints;
  const bars = rates.flatMap((rate, index) => {
    const x = 600 - (rates.length - index) * width;
    const origin = rate.origin * scale;
    const cache = rate.cache * scale;
    return [
      bar('origin', x, { top: 120 - origin, height: origin }),
      bar('cache', x, { top: 120 - origin - cache, height: cache }),
    ];
  });
  find('chart').replaceChildren(...bars);
  put(
    'peak',
    rates.length > 0 ? `peak ${formatSize(peak)}/s in the last two minutes` : 'waiting for traffic',
  );
}

function bar(kind, x, { top, height }) {
  const rect = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  const size = { x, y: top, width: 600 / chartPoints - 1, height };
  for (const [name, value] of Object.entries(size)) rect.setAttribute(name, value.toFixed(2));
  rect.setAttribute('class', kind);
  return rect;
}

function showMounts(mounts) {
  const rows = mounts.map((mount) => {
    const row = document.createElement('tr');
    const fresh = mount.freshness === 'ttl' ? `ttl ${formatSpan(mount.ttlMs)}` : mount.freshness;
    const access = [
      mount.readOnly ? 'read only' : 'read, write',
      mount.anonymous === 'read' ? 'public read' : '',
    ];
    const path = element('td', '');
    path.append(element('code', mount.path));
    const uri = element('td', '');
    uri.append(element('code', mount.uri));
    row.append(path, uri, element('td', fresh), element('td', formatSize(mount.pageSizeBytes)));
    row.append(element('td', access.filter((word) => word !== '').join(', ')));
    return row;
  });
  find('mounts').replaceChildren(...rows);
}

function authorizationOf(access, secret) {
  if (access === '') return `Bearer ${secret}`;
  const pair = new TextEncoder().encode(`${access}:${secret}`);
  return `Basic ${btoa(String.fromCharCode(...pair))}`;
}

document.querySelector('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  sessionStorage.setItem(
    keysItem,
    authorizationOf(String(form.get('access')).trim(), String(form.get('secret')).trim()),
  );
  await poll();
  const refused = !find('login').hidden;
  find('refused').hidden = !refused;
  if (refused) sessionStorage.removeItem(keysItem);
  else event.target.reset();
});

find('leave').addEventListener('click', () => {
  sessionStorage.removeItem(keysItem);
  void poll();
});
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void poll();
});
void poll();
