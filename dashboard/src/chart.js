/** A chart of columns over time, in the colours of the page, with a text for who cannot see it. */
import { h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';

const heightPx = 180;
const dark = matchMedia('(prefers-color-scheme: dark)');

/**
 * `lines` are `{label, color, values}`, the colour a CSS variable; `format` gives the text of a value. `max`
 * is the top of the scale, where it is known.
 */
export function Chart({ title, times, lines, format, max }) {
  const place = useRef(null);
  const plot = useRef(undefined);
  const isDark = useDark();
  const shape = `${lines.map(({ label }) => label).join()} ${isDark}`;
  const latest = useRef({ format, max });
  latest.current = { format, max };
  useEffect(() => {
    const { current: within } = place;
    const made = new uPlot(optionsOf(lines, within, latest), dataOf(times, lines), within);
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: within.clientWidth, height: heightPx }));
    watch.observe(within);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(dataOf(times, lines)), [times, lines]);
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
    h('div', { ref: place, role: 'img', 'aria-label': `${title}: ${spoken(lines, format)}` }),
  );
}

function Key({ label, color }) {
  return h('span', { class: 'key' }, h('i', { class: `swatch ${color}` }), label);
}

function spoken(lines, format) {
  const now = lines.map(({ label, values }) => {
    const value = values.findLast((one) => one !== null);
    return value === undefined ? `${label} no figure yet` : `${label} ${format(value)}`;
  });
  return `${now.join(', ')} now`;
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

function dataOf(times, lines) {
  return [times.map((ms) => ms / 1000), ...lines.map(({ values }) => values)];
}

function optionsOf(lines, place, latest) {
  const colorOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--c-${name}`).trim();
  const axis = {
    stroke: colorOf('quiet'),
    grid: { stroke: colorOf('line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: Math.max(200, place.clientWidth),
    height: heightPx,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: {
      y: { range: (_plot, _low, high) => [0, latest.current.max ?? Math.max(high, Number.MIN_VALUE) * 1.1] },
    },
    axes: [
      { ...axis, space: 70 },
      { ...axis, size: 64, values: (_, values) => values.map((value) => latest.current.format(value)) },
    ],
    series: [
      {},
      ...lines.map(({ label, color }) => ({
        label,
        stroke: colorOf(color),
        fill: lines.length === 1 ? `${colorOf(color)}22` : undefined,
        width: 2,
        spanGaps: false,
        points: { show: false },
      })),
    ],
  };
}
