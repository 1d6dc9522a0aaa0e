import { describeManyKeys } from '../support/many-keys.ts';

await describeManyKeys(1_000_000);
