/** Numbers as people read them. */

/** `1.5 GiB` */
export function formatSize(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  const unit = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** unit;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `2 h 5 min` */
export function formatSpan(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) {
    const minutes = Math.floor((seconds % 3600) / 60);
    return `${Math.floor(seconds / 3600)} h${minutes > 0 ? ` ${minutes} min` : ''}`;
  }
  return `${Math.floor(seconds / 86_400)} days`;
}

/** `0.84 ms`, `12 ms`, `1.3 s` */
export function formatLatency(ms) {
  if (ms === null || ms === undefined) return '–';
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms > 0 && ms < 10 ? ms.toFixed(2) : Math.round(ms)} ms`;
}

/** `12,345` and `3.4` */
export function formatCount(count) {
  return count.toLocaleString('en', { maximumFractionDigits: count < 10 ? 1 : 0 });
}

/** `71.3 %`; a dash where there is no ratio. */
export function formatRatio(ratio) {
  return ratio === null || ratio === undefined ? '–' : `${(ratio * 100).toFixed(1)} %`;
}

export function formatMoney(amount, currency) {
  return `${currency} ${amount.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: amount < 1 ? 4 : 2 })}`;
}

/** `29 Nov 2026, 14:03:07`, by the clock of the reader. */
export function formatMoment(time) {
  return new Date(time).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
}

/** `14:03:07`, by the clock of the reader. */
export function formatTime(time) {
  return new Date(time).toLocaleTimeString('en-GB');
}
