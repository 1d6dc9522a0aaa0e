/** Settings of the data plane: what a node takes at most, and how others reach it. */
import { duration, integer, type Values } from '@forebay/core/config';

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

/** Of each process that asks cache nodes. */
export const nodeClientSettings = {
  nodeConnectionsMax: integer({
    env: 'FOREBAY_NODE_CONNECTIONS_MAX',
    default: '8',
    min: '1',
    max: '256',
    help: 'Connections of each process to each cache node. They are opened as requests need them.',
  }),
  nodeStreamsMax: integer({
    env: 'FOREBAY_NODE_STREAMS_MAX',
    default: '1024',
    min: '1',
    max: '65536',
    help: 'Requests under way on one of these connections. Where all are full, a read goes to another node or the store.',
  }),
  nodeConnectTimeoutMs: duration({
    env: 'FOREBAY_NODE_CONNECT_TIMEOUT',
    default: '2s',
    min: '10ms',
    max: '1m',
    help: 'How long a connection to a cache node may take until it can be used.',
  }),
  nodeSilenceTimeoutMs: duration({
    env: 'FOREBAY_NODE_SILENCE_TIMEOUT',
    default: '3s',
    min: '100ms',
    max: '1m',
    help: 'Without a word from a cache node for so long while something is asked of it, the connection is given up. Others are asked long before.',
  }),
};

export type NodeClientConfig = Values<typeof nodeClientSettings>;
