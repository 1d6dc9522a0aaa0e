/** Settings of hand-off. */
import { bytes } from '@forebay/core/config';

export const handOffSettings = {
  handOffBytesPerSecond: bytes({
    env: 'FOREBAY_HAND_OFF_RATE',
    default: '100MiB',
    min: '0',
    help: 'Pages that a change of the ring makes a node the owner of are moved to it in the background, so many bytes a second. 0: none are; they come as they are read.',
  }),
};
