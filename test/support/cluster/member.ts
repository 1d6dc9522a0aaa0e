/** One process of a cluster: started, killed, paused and started again on the same place and data. */
import { setTimeout as wait } from 'node:timers/promises';
import { type Environment, type ServerProcess, startProcess } from '../process.ts';

export type Role = 'registry' | 'cache-node' | 'gateway';

export interface MemberOptions {
  readonly role: Role;
  /** `registry-1` */
  readonly name: string;
  /** `http://HOST:ADMIN_PORT` */
  readonly adminUrl: string;
  /** HOST:PORT where it serves: S3 of a gateway, the data plane of a node; of a registry, its admin port. */
  readonly address: string;
  readonly dataDir: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Environment;
}

export class Member {
  readonly role: Role;
  readonly name: string;
  readonly adminUrl: string;
  readonly address: string;
  readonly dataDir: string;
  readonly #options: MemberOptions;
  #process: ServerProcess;
  #isPaused = false;
  #earlier = '';

  constructor(options: MemberOptions) {
    this.#options = options;
    const { role, name, adminUrl, address, dataDir } = options;
    this.role = role;
    this.name = name;
    this.adminUrl = adminUrl;
    this.address = address;
    this.dataDir = dataDir;
    this.#process = this.#spawn();
  }

  get running(): boolean {
    return this.#process.running;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** What this process and those before it printed. */
  log(): string {
    return this.#earlier + this.#process.log();
  }

  /** @throws Error with its log where it ends first, or past the time */
  async untilReady(timeoutMs = 60_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!(await this.isReady())) {
      if (!this.running) throw new Error(`${this.name} ended:\n${this.log().slice(-4000)}`);
      if (performance.now() > deadline) {
        throw new Error(`${this.name} was not ready after ${timeoutMs} ms:\n${this.log().slice(-4000)}`);
      }
      await wait(50);
    }
  }

  async isReady(): Promise<boolean> {
    try {
      const answer = await fetch(`${this.adminUrl}/readyz`, { signal: AbortSignal.timeout(2_000) });
      await answer.arrayBuffer();
      return answer.status === 200;
    } catch {
      return false;
    }
  }

  async kill9(): Promise<void> {
    this.#isPaused = false;
    await this.#process.stop('SIGKILL');
  }

  /** SIGTERM, and its exit code. */
  async stop(): Promise<number | null> {
    this.resume();
    return (await this.#process.stop()).code;
  }

  /** SIGSTOP: it lives, keeps its connections, and does nothing. */
  pause(): void {
    if (!this.running) return;
    process.kill(this.pid, 'SIGSTOP');
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.running) process.kill(this.pid, 'SIGCONT');
  }

  /** Starts it where it has ended. It is not ready yet. */
  start(): void {
    if (this.running) return;
    this.#earlier += this.#process.log();
    this.#process = this.#spawn();
  }

  #spawn(): ServerProcess {
    const { command, args, env } = this.#options;
    return startProcess(command, args, { env });
  }
}
