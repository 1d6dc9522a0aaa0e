/** What each mount did since the process started, from the metrics. */
import type { MetricsReading } from '@forebay/core/metrics';
import { isUfsFailure } from '../series/columns.ts';

export interface MountUsage {
  readonly path: string;
  readonly ufsRequests: number;
  readonly ufsFailed: number;
  readonly ufsBytes: number;
  /** Of cacheable objects, from wherever they came. */
  readonly servedBytes: number;
  /** UFS bytes to served bytes over the last minute; left out where nothing was served. */
  readonly amplification?: number;
  /** `open`: its UFS does not answer, and is left alone for a while; `trying`: one request tries it. */
  readonly circuit: 'closed' | 'trying' | 'open';
}

const circuits = ['closed', 'trying', 'open'] as const;

export async function readMountUsage(
  metrics: MetricsReading,
  paths: readonly string[],
): Promise<readonly MountUsage[]> {
  const [requests, bytes, served, amplifications, states] = await Promise.all(
    [
      'forebay_ufs_requests_total',
      'forebay_ufs_bytes_total',
      'forebay_mount_bytes_served_total',
      'forebay_read_amplification',
      'forebay_ufs_circuit_state',
    ].map((name) => metrics.samples(name)),
  );
  return paths.map((path) => {
    const ofPath = (samples: typeof requests = []) => samples.filter(({ labels }) => labels.mount === path);
    const sum = (samples: typeof requests = []) => samples.reduce((total, { value }) => total + value, 0);
    const ofMount = ofPath(requests);
    const amplification = ofPath(amplifications)[0]?.value;
    return {
      path,
      ufsRequests: sum(ofMount),
      ufsFailed: sum(ofMount.filter(({ labels }) => isUfsFailure(labels))),
      ufsBytes: sum(ofPath(bytes)),
      servedBytes: sum(ofPath(served)),
      ...(amplification !== undefined && { amplification }),
      circuit: circuits[Math.max(0, ...ofPath(states).map(({ value }) => value))] ?? 'open',
    };
  });
}
