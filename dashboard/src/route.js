/** Where in the dashboard somebody is: `#/objects?keys=s3://lake/`. */
import { useEffect, useState } from 'preact/hooks';

function current() {
  const [name = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  return { name: name || 'overview', params: new URLSearchParams(query) };
}

export function useRoute() {
  const [route, setRoute] = useState(current());
  useEffect(() => {
    const change = () => setRoute(current());
    addEventListener('hashchange', change);
    return () => removeEventListener('hashchange', change);
  }, []);
  return route;
}

export function linkTo(name, params = {}) {
  const query = new URLSearchParams(params).toString();
  return `#/${name}${query === '' ? '' : `?${query}`}`;
}
