/** Settings of the data plane: what a node takes at most. */
import { duration, integer } from '@forebay/core/config';

export const dataPlaneSettings = {
  dataPlaneConnectionsMax: integer({
    env: 'FOREBAY_DATA_PLANE_CONNECTIONS_MAX',
    default: '4096',
    min: '1',
    max: '1000000',
    help: 'Connections of gateways and other nodes. Each of them has up to eight.',
  }),
  dataPlaneStreamsMax: integer({
    env: 'FOREBAY_DATA_PLANE_STREAMS_MAX',
    default: '4096',
    min: '1',
    max: '65536',
    help: 'Requests under way on one of these connections. Over it, they are refused.',
  }),
  dataPlaneHandshakeTimeoutMs: duration({
    env: 'FOREBAY_DATA_PLANE_HANDSHAKE_TIMEOUT',
    default: '5s',
    max: '1m',
    help: 'How long a new connection may take to prove that it has the cluster secret.',
  }),
};
