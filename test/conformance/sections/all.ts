/** The table of contents. */
import type { Section } from '../check.ts';
import { addressing } from './addressing.ts';
import { http } from './http.ts';

export const sections: readonly Section[] = [http, addressing];
