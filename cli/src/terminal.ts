/** Text for people: tables, and colours where someone looks. */

export interface Style {
  strong(text: string): string;
  quiet(text: string): string;
  accent(text: string): string;
}

/** Colours only on a terminal, and not where NO_COLOR is set (no-color.org) or TERM is dumb. */
export function styleFor(stream: { readonly isTTY?: boolean | undefined }, env: NodeJS.ProcessEnv): Style {
  const coloured = stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
  const wrap = (code: string) => (text: string) => (coloured ? `\u001b[${code}m${text}\u001b[0m` : text);
  return { strong: wrap('1'), quiet: wrap('2'), accent: wrap('36') };
}

/** Rows as aligned columns, two spaces between them and none at the end of a line. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}
