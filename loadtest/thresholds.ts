/**
 * What a run must hold to pass. Loose in time, because the machine under it is not ours to know, and strict
 * in what may never be: a failed request, a wrong size, a warm read that was no hit.
 */
export const warmThresholds: Record<string, string[]> = {
  checks: ['rate==1'],
  http_req_failed: ['rate==0'],
  'http_req_duration{scenario:warm}': ['p(95)<250', 'p(99)<1000'],
  forebay_hits: ['rate>0.999'],
};
