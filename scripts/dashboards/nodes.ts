/** Processes, disks and the ring. */
import { clusterVariable, type Dashboard, of, query, type Row, rate } from './dashboard.ts';

const chosen = 'instance=~"$instance"';

const processes: Row = {
  ...{ title: 'Processes', width: 8, height: 7 },
  panels: [
    {
      ...{ title: 'Answering', kind: 'stat', unit: 'short' },
      description: 'Processes by role and version. A cluster should be of one version.',
      queries: [
        query(`count by (role, version) (${of('forebay_build_info', chosen)})`, '{{role}} {{version}}'),
      ],
    },
    {
      ...{ title: 'CPU', unit: 'short' },
      description: 'Cores that each process and its workers use.',
      queries: [query(rate('forebay_process_cpu_seconds_total', chosen), '{{instance}}')],
    },
    {
      ...{ title: 'Memory', unit: 'bytes' },
      description: 'All that is in RAM, and the limit of the container or machine.',
      queries: [
        query(of('forebay_process_memory_bytes', 'kind="resident"', chosen), '{{instance}}'),
        query(`min(${of('forebay_process_memory_bytes_max', chosen)})`, 'limit'),
      ],
    },
    {
      ...{ title: 'Event loop delay, 99 %', unit: 's' },
      description: 'Requests wait that long at least. Rising with the load: add workers or nodes.',
      queries: [query(of('forebay_event_loop_delay_seconds', 'stat="p99"', chosen), '{{instance}}')],
    },
    {
      ...{ title: 'Open files', unit: 'short' },
      description: 'Files and sockets, and the limit of the process.',
      queries: [
        query(of('forebay_process_open_files', chosen), '{{instance}}'),
        query(`min(${of('forebay_process_open_files_max', chosen)})`, 'limit'),
      ],
    },
    {
      ...{ title: 'Up for', unit: 's' },
      description: 'Since the process, or the newest of its workers, was started. Falls: the log says why.',
      queries: [query(`time() - ${of('forebay_process_start_time_seconds', chosen)}`, '{{instance}}')],
    },
    {
      ...{ title: 'Workers', unit: 'short' },
      description: 'Worker processes that run, and those that ended by themselves within an hour.',
      queries: [
        query(of('forebay_workers', chosen), '{{instance}}'),
        query(`increase(${of('forebay_worker_restarts_total', chosen)}[1h])`, 'ended: {{instance}}'),
      ],
    },
  ],
};

const cache: Row = {
  ...{ title: 'Cache', width: 8, height: 7 },
  panels: [
    {
      ...{ title: 'Filled', unit: 'percentunit', max: 1 },
      description: 'Of what pages may take, by tier. Full is as it should be.',
      queries: [
        query(
          `${of('forebay_cache_bytes', chosen)} / (${of('forebay_cache_bytes_max', chosen)} > 0)`,
          '{{instance}} {{tier}}',
        ),
      ],
    },
    {
      ...{ title: 'Pages and objects', unit: 'short' },
      description: 'Pages on disk, and objects of which the info is known.',
      queries: [
        query(of('forebay_pages', chosen), '{{instance}} pages'),
        query(of('forebay_info_entries', chosen), '{{instance}} info, {{level}}'),
      ],
    },
    {
      ...{ title: 'Page directories', unit: 'percentunit', max: 1 },
      description: 'Bytes on each disk, of what it may take.',
      queries: [
        query(
          `${of('forebay_directory_bytes', chosen)} / (${of('forebay_directory_bytes_max', chosen)} > 0)`,
          '{{instance}} {{directory}}',
        ),
      ],
    },
    {
      ...{ title: 'State of page directories', unit: 'short', max: 1 },
      description: '1 in use, 0.5 read-only, 0 failed. Below 1: look at the disk.',
      queries: [query(of('forebay_directory_state', chosen), '{{instance}} {{directory}}')],
    },
    {
      ...{ title: 'Disk errors and rotten pages', unit: 'short' },
      description: 'Within five minutes. Any: check the disk. Nothing wrong was served.',
      queries: [
        query(`increase(${of('forebay_disk_errors_total', chosen)}[5m])`, '{{instance}} {{op}}'),
        query(`increase(${of('forebay_page_corruptions_total', chosen)}[5m])`, '{{instance}} rotten'),
      ],
    },
    {
      ...{ title: 'Pages not stored', unit: 'short' },
      description: 'A second, by reason. queue_full: the disk is slower than the UFS.',
      queries: [query(`sum by (reason) (${rate('forebay_pages_not_stored_total', chosen)})`, '{{reason}}')],
    },
    {
      ...{ title: 'Verified in the background', unit: 'Bps' },
      description: 'Against the bytes on disk: how long a round takes.',
      queries: [query(rate('forebay_scrubbed_bytes_total', chosen), '{{instance}}')],
    },
    {
      ...{ title: 'Bytes in flight', unit: 'bytes' },
      description: 'Of pages being filled or on their way to disk, their limit, and memory lent to them.',
      queries: [
        query(of('forebay_fill_bytes_in_flight', chosen), '{{instance}} fills'),
        query(of('forebay_buffers_lent_bytes', chosen), '{{instance}} lent'),
        query(`min(${of('forebay_fill_bytes_in_flight_max', chosen)})`, 'limit'),
      ],
    },
    {
      ...{ title: 'Fills and writes under way', unit: 'short' },
      description: 'UFS requests that bring pages, and writes.',
      queries: [
        query(of('forebay_fills_in_flight', chosen), '{{instance}} fills'),
        query(of('forebay_fences_open', chosen), '{{instance}} writes'),
      ],
    },
  ],
};

const ring: Row = {
  ...{ title: 'Ring', width: 8, height: 7 },
  panels: [
    {
      ...{ title: 'Members', unit: 'short' },
      description: 'As the active registry sees them. Silent: a member without a lease.',
      queries: [
        query(`max by (state) (${of('forebay_registry_members')})`, '{{state}}'),
        query(`max(${of('forebay_registry_leases')})`, 'leases'),
        query(`max(${of('forebay_registry_lost_writers')})`, 'lost writers'),
      ],
    },
    {
      ...{ title: 'Registries', unit: 'short' },
      description: 'Which one is active, and whether the newest epoch is settled.',
      queries: [
        query(of('forebay_registry_active'), '{{instance}} active'),
        query(`max(${of('forebay_registry_epoch_settled')})`, 'settled'),
        query(`sum(increase(${of('forebay_registry_takeovers_total')}[1h]))`, 'takeovers in an hour'),
      ],
    },
    {
      ...{ title: 'Epoch', unit: 'short' },
      description: 'By which each process acts. One behind the others: it is cut off.',
      queries: [query(of('forebay_ring_epoch', chosen), '{{instance}}')],
    },
    {
      ...{ title: 'Leases', unit: 'short' },
      description: 'Held, and in a settled epoch; and how many ran out within an hour.',
      queries: [
        query(of('forebay_lease_held', chosen), '{{instance}} held'),
        query(of('forebay_lease_settled', chosen), '{{instance}} settled'),
        query(`increase(${of('forebay_lease_lapses_total', chosen)}[1h])`, '{{instance}} ran out'),
      ],
    },
    {
      ...{ title: 'Renewals', unit: 'short' },
      description: 'A second, by result. Much of old-epoch: the ring changes all the time.',
      queries: [query(`sum by (result) (${rate('forebay_registry_renewals_total')})`, '{{result}}')],
    },
    {
      ...{ title: 'Requests to cache nodes', unit: 'reqps' },
      description: 'Of gateways, by operation and result.',
      queries: [query(`sum by (op, result) (${rate('forebay_node_requests_total')})`, '{{op}} {{result}}')],
    },
    {
      ...{ title: 'Open at each node', unit: 'short' },
      description: 'Of all gateways, and as the nodes count them. One that grows alone: that node is slow.',
      queries: [
        query(`sum by (node) (${of('forebay_node_requests_in_flight')})`, '{{node}}'),
        query(of('forebay_data_plane_streams', chosen), '{{instance}}'),
      ],
    },
    {
      ...{ title: 'Failovers', unit: 'reqps' },
      description: 'Reads that went on elsewhere. Many: a node is gone, hung or overloaded.',
      queries: [query(`sum by (where) (${rate('forebay_failovers_total')})`, 'to {{where}}')],
    },
    {
      ...{ title: 'Pages from other nodes', unit: 'Bps' },
      description: 'Read by clients, or handed over after a change of the ring.',
      queries: [query(`sum by (use) (${rate('forebay_peer_bytes_total')})`, '{{use}}')],
    },
    {
      ...{ title: 'Questions to other nodes', unit: 'short' },
      description: 'For pages that are missing, and pages offered, a second by result.',
      queries: [
        query(`sum by (result) (${rate('forebay_peer_reads_total')})`, 'asked: {{result}}'),
        query(`sum by (result) (${rate('forebay_hand_off_pages_total')})`, 'offered: {{result}}'),
      ],
    },
    {
      ...{ title: 'Left to hand over', unit: 'bytes' },
      description: 'Bytes of pages that other nodes own by now. Does not fall: see handOffRate.',
      queries: [query(of('forebay_hand_off_left_bytes', chosen), '{{instance}}')],
    },
  ],
};

export const nodes: Dashboard = {
  ...{ uid: 'forebay-nodes', title: 'Forebay / Nodes' },
  description: 'Processes, disks and the ring.',
  variables: [clusterVariable, { name: 'instance', label: 'Process', of: 'forebay_build_info' }],
  rows: [processes, cache, ring],
};
