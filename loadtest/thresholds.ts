/**
 * What a run must hold to pass. Loose in time, because the machine under it is not ours to know, and strict
 * in what may never be: a wrong byte, a failed request where nothing failed, a warm read that was no hit.
 */
type Thresholds = Record<string, string[]>;

const right: Thresholds = {
  checks: ['rate==1'],
  forebay_wrong_answers: ['count==0'],
};

/** Where nothing is killed. */
const sound: Thresholds = { ...right, http_req_failed: ['rate==0'] };

export const warmThresholds: Thresholds = {
  ...sound,
  'http_req_duration{name:read}': ['p(95)<250', 'p(99)<1000'],
  'forebay_hits{scenario:warm}': ['rate>0.999'],
};

/** Each object is read once, so no read is a hit. */
export const coldThresholds: Thresholds = {
  ...sound,
  'http_req_duration{name:read}': ['p(95)<2000'],
  'forebay_hits{scenario:cold}': ['rate<0.01'],
};

/** Readers that come together share one fill, and all later reads are hits. */
export const hotKeyThresholds: Thresholds = {
  ...sound,
  'http_req_duration{name:read}': ['p(95)<500'],
  'forebay_hits{scenario:hot_key}': ['rate>0.9'],
};

export const rangesThresholds: Thresholds = {
  ...sound,
  'http_req_duration{name:read}': ['p(95)<500'],
  'forebay_hits{scenario:ranges}': ['rate>0.8'],
};

export const smallFilesThresholds: Thresholds = {
  ...sound,
  'http_req_duration{name:read}': ['p(95)<250'],
  'http_req_duration{name:list}': ['p(95)<2000'],
};

export const mixedThresholds: Thresholds = {
  ...sound,
  'http_req_duration{name:read}': ['p(95)<500'],
  'http_req_duration{name:write}': ['p(95)<1000'],
};

/** Requests may fail while the server is down, more where it starts slowly, but no answer may be wrong. */
export const nodeLossThresholds: Thresholds = {
  ...right,
  http_req_failed: ['rate<0.9'],
  'forebay_hits{scenario:node_loss}': ['rate>0.5'],
};

export const soakThresholds: Thresholds = {
  ...sound,
  'http_req_duration{name:read}': ['p(95)<1000'],
  'http_req_duration{name:write}': ['p(95)<2000'],
};
