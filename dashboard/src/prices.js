/** What the UFS costs, for who looks: kept in this browser. */
import { useState } from 'preact/hooks';

const item = 'forebay-prices';
/** Amazon S3's list prices: requests to read, and bytes that leave a region for the Internet. */
const listPrices = { currency: 'USD', perThousandRequests: 0.0004, perGigabyte: 0.09 };

function kept() {
  try {
    return { ...listPrices, ...JSON.parse(localStorage.getItem(item) ?? '{}') };
  } catch {
    return listPrices;
  }
}

export function usePrices() {
  const [prices, setPrices] = useState(kept);
  const change = (changes) => {
    const next = { ...prices, ...changes };
    localStorage.setItem(item, JSON.stringify(next));
    setPrices(next);
  };
  return [prices, change];
}

export function costOf({ requests, bytes }, { perThousandRequests, perGigabyte }) {
  return (requests / 1000) * perThousandRequests + (bytes / 1e9) * perGigabyte;
}
