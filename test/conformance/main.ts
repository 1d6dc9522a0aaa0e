/**
 * `npm run conformance`: every check against every column, and docs/conformance.md from the verdicts. Ends
 * with 1 where Forebay is wrong. `--check` compares the page instead of writing it; `--only ID` and `--ufs
 * NAME` (both may be repeated) run less and write nothing.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Section } from './check.ts';
import { type ColumnName, columnNames, startColumn } from './column.ts';
import { type ColumnResult, conformancePage, countsOf, countsText } from './page.ts';
import { probesOf, runSections } from './run.ts';
import { sections as allSections } from './sections/all.ts';

const page = new URL('../../docs/conformance.md', import.meta.url);
const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    ufs: { type: 'string', multiple: true, default: [] },
  },
});
const sections = values.only.length === 0 ? allSections : onlyOf(values.only);
const columns = values.ufs.length === 0 ? columnNames : values.ufs.map(columnNamed);
const results: ColumnResult[] = [];
for (const name of columns) results.push(await runColumn(name));
finish();

async function runColumn(name: ColumnName): Promise<ColumnResult> {
  console.log(`${name}: starting`);
  const column = await startColumn(name, probesOf(sections));
  try {
    const verdicts = await runSections(column, sections, (section, found) => {
      console.log(`${name}: ${section.title}: ${countsText(countsOf(found))}`);
      for (const [id, verdict] of found) {
        if (verdict.kind === 'no') console.log(`  no: ${id}: ${verdict.note}\n      ${verdict.detail}`);
        if (verdict.kind === 'lacks' && values.only.length > 0)
          console.log(`  lacks: ${id}: ${verdict.note}`);
      }
    });
    return { name, version: column.version, verdicts };
  } finally {
    await column.stop();
  }
}

function finish(): never {
  for (const { name, verdicts } of results) console.log(`${name}: ${countsText(countsOf(verdicts))}`);
  const wrong = results.some(({ verdicts }) => [...verdicts.values()].some(({ kind }) => kind === 'no'));
  const isRight = isPageRight();
  process.exit(isRight && !wrong ? 0 : 1);
}

/** A part of the run tells nothing about the page. */
function isPageRight(): boolean {
  if (values.only.length > 0 || values.ufs.length > 0) return true;
  const text = conformancePage(allSections, results);
  if (!values.check) writeFileSync(page, text);
  const isRight = readFileSync(page, 'utf8') === text;
  if (!isRight) console.log('docs/conformance.md is not what this run found (npm run conformance)');
  return isRight;
}

function onlyOf(ids: readonly string[]): Section[] {
  const fits = (id: string) => ids.some((one) => id === one || id.startsWith(`${one}.`));
  const chosen = allSections.map(({ title, checks }) => ({
    title,
    checks: checks.filter(({ id }) => fits(id)),
  }));
  const some = chosen.filter(({ checks }) => checks.length > 0);
  return some.length > 0 ? some : refuse(`no check has the id ${ids.join(' or ')}`);
}

function columnNamed(name: string): ColumnName {
  const found = columnNames.find((one) => one === name);
  return found ?? refuse(`--ufs is one of ${columnNames.join(', ')}`);
}

function refuse(why: string): never {
  console.error(why);
  process.exit(2);
}
