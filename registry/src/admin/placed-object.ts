/** An object of a cluster: what its home tells, with what the owners of its segments have. */
import type { ObjectPlacement } from '@forebay/core/object-placement';
import type { ByteRange } from '@forebay/core/range';
import type { ObjectView, PagePlaceView } from './objects.ts';

/** @param range of the object that is asked about; undefined: no bytes are */
export function placedView(
  view: ObjectView,
  placement: ObjectPlacement,
  range: ByteRange | undefined,
): ObjectView {
  const places = placement.nodes.flatMap(({ nodeId, stored }): PagePlaceView[] =>
    (stored?.places ?? []).map((place) => ({ ...place, node: nodeId })),
  );
  const pages = view.state === 'cached' ? { ...placement.pages, places } : view.pages;
  return { ...view, pages, placement, forecast: placedForecast(view.forecast, placement, range) };
}

/** The home foretells what it answers itself; what it leaves to others is read at the owners. */
function placedForecast(
  forecast: ObjectView['forecast'],
  { segments, segmentBytes }: ObjectPlacement,
  range: ByteRange | undefined,
): ObjectView['forecast'] {
  const { elsewhereFrom } = forecast;
  if (elsewhereFrom === undefined || !range) return forecast;
  const rest = segments.filter(
    ({ segment }) =>
      (segment + 1) * segmentBytes > elsewhereFrom && segment * segmentBytes < range.endExclusive,
  );
  const total = rest.reduce((sum, { pages }) => sum + pages, 0);
  const cached = rest.reduce((sum, { ownerPages = 0 }) => sum + ownerPages, 0);
  const owners = new Set(rest.map(({ owner }) => owner));
  const where = owners.size === 1 ? `at ${[...owners].join()}` : `at their ${owners.size} owners`;
  const reason = `of the segments that they lie in ${cached} of ${total} pages are cached ${where}`;
  const certain = forecast.certain && cached === total;
  return { ...forecast, certain, reasons: [...forecast.reasons, reason] };
}
