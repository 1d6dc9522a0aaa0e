import { describeManyKeys } from '../support/many-keys.ts';

await describeManyKeys(20_000);
