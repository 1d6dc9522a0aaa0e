/** What a cluster that is tried out can be told to suffer. */
import type { Cluster } from '../support/cluster/cluster.ts';
import type { Member } from '../support/cluster/member.ts';
import { until } from '../support/until.ts';

/**
 * @param heals what undoes the cuts so far; the command adds its own, and `heal` empties it
 * @returns what to tell. @throws Error where there is no such command or member
 */
export async function runCommand(
  cluster: Cluster,
  [command = '', ...names]: readonly string[],
  heals: (() => void)[],
): Promise<string> {
  const member = (index = 0) => memberOf(cluster, names[index]);
  if (command === '') return '';
  if (command === 'status') return statusOf(cluster);
  if (command === 'add') return `${(await cluster.addNode()).name} is ready`;
  if (command === 'log') return member().log();
  if (command === 'heal') {
    for (const heal of heals.splice(0)) heal();
  } else if (command === 'isolate') heals.push(cluster.isolate(member()));
  else if (command === 'cut') heals.push(cluster.network.cut(member(0).name, member(1).name));
  else if (command === 'kill') await member().kill9();
  else if (command === 'pause') member().pause();
  else if (command === 'resume') member().resume();
  else if (command === 'start') {
    member().start();
    // A registry that stands by is never ready.
    if (member().role === 'registry') await untilAlive(member());
    else await member().untilReady();
  } else throw new Error(`no such command: ${command}`);
  return `${command}: done`;
}

function untilAlive({ name, adminUrl }: Member): Promise<unknown> {
  return until(
    `${name} answers`,
    async () => (await fetch(`${adminUrl}/healthz`).catch(() => undefined))?.ok,
  );
}

function memberOf(cluster: Cluster, name: string | undefined): Member {
  const found = cluster.members.find((member) => member.name === name);
  if (found) return found;
  throw new Error(`name one of ${cluster.members.map((member) => member.name).join(', ')}`);
}

async function statusOf(cluster: Cluster): Promise<string> {
  const lines = cluster.members.map(async (member) => {
    const state = member.isPaused ? 'paused' : member.running ? undefined : 'dead';
    return `  ${member.name.padEnd(14)}${state ?? ((await member.isReady()) ? 'ready' : 'not ready')}`;
  });
  return (await Promise.all(lines)).join('\n');
}
