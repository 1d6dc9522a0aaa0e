/** Nodes in the OpenAPI document. */
import { answer, count, error, objectOf, ref, text } from './openapi-parts.ts';

const node = {
  id: text,
  role: { enum: ['serve', 'gateway', 'cache-node', 'registry'] },
  address: { ...text, description: 'HOST:PORT of the data plane, or of the S3 endpoint.' },
  adminAddress: text,
  state: {
    enum: ['active', 'draining', 'joining', 'silent'],
    description:
      'draining: owns nothing any more; joining: leased, and no member yet; silent: its lease has run out in the last hour',
  },
  leaseLeftMs: { ...count, description: 'Left out where there is no lease.' },
  silentMs: { ...count, description: 'Since its lease ran out.' },
  epoch: { ...count, description: 'The newest that it has acknowledged.' },
  ringShare: { type: 'number', description: 'Its expected part of all objects, from 0 to 1.' },
  cacheBytes: count,
  cacheBytesMax: count,
  handOff: {
    ...objectOf({
      state: { enum: ['off', 'waiting', 'moving', 'done', 'drained'] },
      epoch: { ...count, description: 'By whose owners it goes.' },
      ...{ objects: count, objectsTotal: count, bytes: count, bytesTotal: count },
    }),
    description: 'How far it is with handing over what others own: gone through so far, and all of it.',
  },
  version: text,
};

export const nodeSchemas = { Node: objectOf(node, ['id', 'role', 'address', 'state', 'ringShare']) };

const drained = {
  parameters: [{ name: 'id', in: 'path', required: true, schema: text }],
};

export const nodePaths = {
  '/api/v1/nodes': {
    get: {
      summary: 'Cache nodes and gateways',
      responses: { 200: answer('Nodes.', { type: 'array', items: ref('Node') }) },
    },
  },
  '/api/v1/nodes/{id}/drain': {
    post: {
      ...drained,
      summary: 'Have a cache node own nothing any more, until it is started anew',
      responses: {
        202: answer('It is draining.', ref('Node')),
        404: error('There is no such cache node with a lease.'),
      },
    },
    delete: {
      ...drained,
      summary: 'Have it own its share again',
      responses: {
        200: answer('It is active.', ref('Node')),
        404: error('There is no such cache node with a lease.'),
      },
    },
  },
};
