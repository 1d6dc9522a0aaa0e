/**
 * A CPU profile as a flame graph (Gregg, "The Flame Graph", CACM 2016): an SVG without script. Width is time,
 * what was called lies above its caller, brothers in the order of their names.
 */
import { basename } from 'node:path';
import type { CallFrame, CpuProfile } from './cpu-profile.ts';

interface Frame {
  readonly name: string;
  readonly kind: Kind;
  us: number;
  readonly callees: Map<string, Frame>;
}

type Kind = 'ours' | 'node' | 'native' | 'collector';

const colorOf: Record<Kind, string> = {
  ours: '#e8843c',
  node: '#e6c15a',
  native: '#9db4c8',
  collector: '#b889b8',
};

const [widthPx, rowPx, topPx] = [1200, 17, 44];
/** Narrower ones are not drawn. */
const frameMinPx = 0.5;
const charPx = 6.6;
/** Outside of every call: what the process waited is no cost. */
const notShown = new Set(['(idle)']);

/** @param title one line above the graph */
export function flameGraph(profile: CpuProfile, title: string): string {
  const root = framesOf(profile);
  const rows = depthOf(root) + 1;
  const heightPx = topPx + rows * rowPx + 8;
  const drawn: string[] = [];
  draw(root, { leftPx: 0, level: 0 });
  const legend = (Object.keys(colorOf) as Kind[])
    .map((kind, at) => `<tspan x="${8 + at * 110}" fill="${colorOf[kind]}">■</tspan> ${kindText[kind]}`)
    .join('');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${widthPx} ${heightPx}" font-family="monospace" font-size="11">`,
    `<title>${escaped(title)}</title>`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="8" y="16" font-size="13">${escaped(title)}</text>`,
    `<text y="34">${legend}</text>`,
    ...drawn,
    '</svg>',
    '',
  ].join('\n');

  function draw(frame: Frame, { leftPx, level }: { leftPx: number; level: number }): void {
    const framePx = (frame.us / root.us) * widthPx;
    if (framePx < frameMinPx) return;
    const y = heightPx - 8 - (level + 1) * rowPx;
    const share = `${((frame.us / root.us) * 100).toFixed(1)} %`;
    const chars = Math.floor((framePx - 4) / charPx);
    const text = chars < 3 ? '' : frame.name.slice(0, chars);
    drawn.push(
      `<g><title>${escaped(frame.name)}: ${share}</title>` +
        `<rect x="${leftPx.toFixed(1)}" y="${y}" width="${framePx.toFixed(1)}" height="${rowPx - 1}" fill="${colorOf[frame.kind]}" rx="1"/>` +
        (text && `<text x="${(leftPx + 2).toFixed(1)}" y="${y + 12}">${escaped(text)}</text>`) +
        '</g>',
    );
    let nextPx = leftPx;
    for (const callee of [...frame.callees.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      draw(callee, { leftPx: nextPx, level: level + 1 });
      nextPx += (callee.us / root.us) * widthPx;
    }
  }
}

const kindText: Record<Kind, string> = {
  ours: 'Forebay',
  node: 'Node',
  native: 'native',
  collector: 'collector',
};

function framesOf({ nodes, samples, timeDeltas }: CpuProfile): Frame {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const callers = new Map(nodes.flatMap(({ id, children }) => (children ?? []).map((child) => [child, id])));
  const root: Frame = { name: 'all', kind: 'native', us: 0, callees: new Map() };
  for (const [at, id] of samples.entries()) {
    const us = Math.max(timeDeltas[at] ?? 0, 0);
    const path: CallFrame[] = [];
    for (let next: number | undefined = id; next !== undefined; next = callers.get(next)) {
      path.unshift(byId.get(next)!.callFrame);
    }
    if (notShown.has(path.at(-1)!.functionName)) continue;
    root.us += us;
    let frame = root;
    // The first one is the profile's own root.
    for (const call of path.slice(1)) frame = calleeOf(frame, call, us);
  }
  return root;
}

function calleeOf(caller: Frame, { functionName, url, lineNumber }: CallFrame, us: number): Frame {
  const place = url === '' ? '' : ` ${basename(url)}:${lineNumber + 1}`;
  const name = `${functionName || '(anonymous)'}${place}`;
  const known = caller.callees.get(name);
  const frame = known ?? { name, kind: kindOf(functionName, url), us: 0, callees: new Map() };
  if (!known) caller.callees.set(name, frame);
  frame.us += us;
  return frame;
}

function kindOf(functionName: string, url: string): Kind {
  if (functionName === '(garbage collector)') return 'collector';
  if (url === '') return 'native';
  return url.startsWith('node:') ? 'node' : 'ours';
}

function depthOf(frame: Frame): number {
  return Math.max(0, ...[...frame.callees.values()].map((callee) => 1 + depthOf(callee)));
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
