/** What the UFS costs, in USD: settings of this Forebay, the same for all who look. */
import { ask, useAsked } from './api.js';

const keys = { perThousandReads: 'priceThousandReads', perGibibyte: 'priceGibibyte' };
const gibibyte = 2 ** 30;

/** Undefined until they are known. `change` resolves when a price is set. @throws ApiError */
export function usePrices() {
  const { data: settings, reload } = useAsked('/api/v1/settings');
  const priceOf = (key) => Number(settings.find((setting) => setting.key === key)?.value ?? 0);
  const prices =
    settings && Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, priceOf(key)]));
  const change = async (name, value) => {
    await ask(`/api/v1/settings/${keys[name]}`, { method: 'PUT', body: { value } });
    reload();
  };
  return [prices, change];
}

export function costOf({ requests, bytes }, { perThousandReads, perGibibyte }) {
  return (requests / 1000) * perThousandReads + (bytes / gibibyte) * perGibibyte;
}
