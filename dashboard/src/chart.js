/** A chart of columns over time or over sizes, in the colours of the page, with a text for who cannot see it. */
import { h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';

const heightPx = 180;
/** uPlot's own way with dates, by the clock of 24 hours: for steps of at least so many seconds. */
const clockTimes = [
  [86_400, '{YYYY}-{MM}-{DD}', null, null, null, null, null, null, 1],
  [60, '{HH}:{mm}', '\n{YYYY}-{MM}-{DD}', null, null, null, null, null, 1],
  [1, '{HH}:{mm}:{ss}', null, null, null, null, null, null, 1],
];
const decimalSteps = Array.from(
  { length: 30 },
  (_, at) => [1, 2, 5][at % 3] * 10 ** (Math.floor(at / 3) - 3),
);
/** Of bytes: marks at 2 MiB and 4 MiB, not at 1.9 MiB and 3.8 MiB. */
export const binarySteps = Array.from({ length: 60 }, (_, at) => 2 ** at);
const dark = matchMedia('(prefers-color-scheme: dark)');

/**
 * `lines` are `{label, color, values}`, the colour a CSS variable; `format` gives the text of a value. `max`
 * is the top of the scale, where it is known, `steps` the distances that its marks may have. Over `times`, in ms, or over any `xs`, which double from step to
 * step, with their `xFormat`.
 */
export function Chart({ title, times, xs, xFormat, lines, format, steps, max }) {
  const place = useRef(null);
  const plot = useRef(undefined);
  const isDark = useDark();
  const shape = `${lines.map(({ label }) => label).join()} ${isDark}`;
  const latest = useRef({});
  latest.current = { format, steps, max, xFormat };
  const axis = xs ?? times.map((ms) => ms / 1000);
  useEffect(() => {
    const { current: within } = place;
    const made = new uPlot(optionsOf(lines, within, latest), dataOf(axis, lines), within);
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: within.clientWidth, height: heightPx }));
    watch.observe(within);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(dataOf(axis, lines)), [times, xs, lines]);
  return h(
    'figure',
    { class: 'chart' },
    h(
      'figcaption',
      null,
      title,
      h(
        'span',
        { class: 'legend' },
        lines.map(({ label, color }) => h(Key, { label, color })),
      ),
    ),
    h('div', {
      ref: place,
      role: 'img',
      'aria-label': `${title}: ${spoken(lines, format, xs ? '' : ' now')}`,
    }),
  );
}

function Key({ label, color }) {
  return h('span', { class: 'key' }, h('i', { class: `swatch ${color}` }), label);
}

function spoken(lines, format, when) {
  const now = lines.map(({ label, values }) => {
    const value = values.findLast((one) => one !== null);
    return value === undefined ? `${label} no figure yet` : `${label} ${format(value)}`;
  });
  return `${now.join(', ')}${when}`;
}

function useDark() {
  const [isDark, setDark] = useState(dark.matches);
  useEffect(() => {
    const change = () => setDark(dark.matches);
    dark.addEventListener('change', change);
    return () => dark.removeEventListener('change', change);
  }, []);
  return isDark;
}

function dataOf(axis, lines) {
  return [axis, ...lines.map(({ values }) => values)];
}

function optionsOf(lines, place, latest) {
  const colorOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--c-${name}`).trim();
  const axis = {
    stroke: colorOf('quiet'),
    grid: { stroke: colorOf('line'), width: 1 },
    ticks: { show: false },
  };
  const formatted = (name) => (_plot, values) =>
    values.map((value) => (value === null ? null : latest.current[name](value)));
  return {
    width: Math.max(200, place.clientWidth),
    height: heightPx,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: {
      x: latest.current.xFormat ? { time: false, distr: 3, log: 2 } : {},
      y: { range: (_plot, _low, high) => [0, latest.current.max ?? Math.max(high, Number.MIN_VALUE) * 1.1] },
    },
    axes: [
      { ...axis, space: 70, size: 36, values: latest.current.xFormat ? formatted('xFormat') : clockTimes },
      { ...axis, size: 64, incrs: latest.current.steps ?? decimalSteps, values: formatted('format') },
    ],
    series: [
      {},
      ...lines.map(({ label, color }) => ({
        label,
        stroke: colorOf(color),
        fill: lines.length === 1 ? `${colorOf(color)}22` : undefined,
        width: 2,
        spanGaps: false,
        // A line of one point is none.
        points: { show: (plot, index) => plot.data[index].filter((value) => value !== null).length < 2 },
      })),
    ],
  };
}
