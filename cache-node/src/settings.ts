/** Settings of the cache node role. */
import { bytes, duration, integer, list, type Values } from '@forebay/core/config';

export const cacheNodeSettings = {
  pageSizeBytes: bytes({
    env: 'FOREBAY_PAGE_SIZE',
    default: '1MiB',
    min: '64KiB',
    max: '16MiB',
    help: 'Unit of caching, where a mount sets none. Larger: more memory; smaller: more UFS requests.',
  }),
  cacheSizeBytes: bytes({
    env: 'FOREBAY_CACHE_SIZE',
    default: '20GiB',
    min: '0',
    help: 'Disk space for pages in each page directory that sets none; no more than nine tenths of what is free at the start.',
  }),
  cacheDirs: list({
    env: 'FOREBAY_CACHE_DIR',
    allowed: 'a directory, and after a = its size: /disk1/pages=500GiB',
    pattern: /^[^=].*$/,
    help: 'Page directory with its size, one per disk; may be repeated. Default: pages below the data directory.',
  }),
  evictionHighPercent: integer({
    env: 'FOREBAY_EVICTION_HIGH_PERCENT',
    default: '95',
    min: '10',
    max: '100',
    help: 'Eviction in the background begins when so much of a page directory is taken.',
  }),
  evictionLowPercent: integer({
    env: 'FOREBAY_EVICTION_LOW_PERCENT',
    default: '90',
    min: '5',
    max: '100',
    help: 'Eviction in the background ends when no more than this is taken.',
  }),
  scrubBytesPerSecond: bytes({
    env: 'FOREBAY_SCRUB_RATE',
    default: '4MiB',
    min: '0',
    help: 'Stored pages are read and verified in the background, so many bytes a second, all of them once an hour at most. 0 turns it off.',
  }),
  memorySizeBytes: bytes({
    env: 'FOREBAY_MEMORY_SIZE',
    default: '1GiB',
    min: '0',
    help: 'Memory for small objects and hot pages. The system page cache comes on top.',
  }),
  infoMemoryEntriesMax: integer({
    env: 'FOREBAY_INFO_MEMORY_ENTRIES_MAX',
    default: '200000',
    min: '16',
    help: 'Objects whose info (size, ETag, headers) is kept in memory, about 1 KiB each.',
  }),
  infoPersistentSizeBytesMax: bytes({
    env: 'FOREBAY_INFO_PERSISTENT_SIZE_MAX',
    default: '4GiB',
    min: '16MiB',
    max: '60GiB',
    help: 'Disk space for info, so that a restart is warm: 200 to 300 bytes an object, and 12 bytes of memory for each.',
  }),
  infoPersistentTtlMs: duration({
    env: 'FOREBAY_INFO_PERSISTENT_TTL',
    default: '30d',
    help: 'Info on disk is dropped this long after the UFS last confirmed it. 0 keeps it as long as there is room.',
  }),
  negativeTtlMs: duration({
    env: 'FOREBAY_NEGATIVE_TTL',
    dynamic: true,
    default: '5s',
    max: '1h',
    help: 'How long an object that the UFS does not have is taken to be absent. 0 asks every time.',
  }),
  fillsInFlightBytesMax: bytes({
    env: 'FOREBAY_FILLS_IN_FLIGHT_SIZE_MAX',
    default: '256MiB',
    min: '16MiB',
    help: 'Memory for bytes on their way from the UFS into the cache. Over it, reads wait their turn.',
  }),
  fencesOpenMax: integer({
    env: 'FOREBAY_FENCES_OPEN_MAX',
    default: '100000',
    min: '1',
    help: 'Writes under way or unsettled at a time; further ones get 503 SlowDown.',
  }),
  diskWriteQueueBytesMax: bytes({
    env: 'FOREBAY_DISK_WRITE_QUEUE_SIZE_MAX',
    default: '128MiB',
    min: '16MiB',
    help: 'Pages that wait to be written to disk. Over it pages are served but not stored.',
  }),
  readAheadPagesMax: integer({
    env: 'FOREBAY_READ_AHEAD_PAGES_MAX',
    dynamic: true,
    default: '32',
    max: '1024',
    help: 'Pages read ahead of a sequential reader at most. 0 turns read-ahead off.',
  }),
  fillChunkBytes: bytes({
    env: 'FOREBAY_FILL_CHUNK_SIZE',
    default: '8MiB',
    min: '64KiB',
    max: '64MiB',
    help: 'A large object from a store that is not near comes in several requests at once, each of this size.',
  }),
  fillsPerReaderMax: integer({
    env: 'FOREBAY_FILLS_PER_READER_MAX',
    default: '4',
    min: '1',
    max: '64',
    help: 'UFS requests at a time that bring what one client reads. 1: one after another.',
  }),
  fillsAheadPerUfsMax: integer({
    env: 'FOREBAY_FILLS_AHEAD_PER_UFS_MAX',
    default: '64',
    max: '65535',
    help: 'UFS requests at a time, to one UFS, for bytes that no client waits for yet.',
  }),
  hotObjectsMax: integer({
    env: 'FOREBAY_HOT_OBJECTS_MAX',
    default: '16384',
    min: '1',
    max: '10000000',
    help: 'With several workers: objects that each of them answers without asking the process that owns the cache.',
  }),
  hotMemorySizeBytes: bytes({
    env: 'FOREBAY_HOT_MEMORY_SIZE',
    default: '64MiB',
    max: '64GiB',
    help: 'With several workers: memory of each for small pages of those objects. Larger pages are sent from their files.',
  }),
  hotFilesMax: integer({
    env: 'FOREBAY_HOT_FILES_MAX',
    default: '512',
    min: '1',
    max: '100000',
    help: 'With several workers: page files that each of them keeps open.',
  }),
};

export type CacheNodeConfig = Values<typeof cacheNodeSettings>;
