/** Cache nodes and gateways of a cluster in the admin API. */
import type { Context, Hono } from 'hono';
import type { NodeView } from '../cluster/node-views.ts';
import { AdminError } from './admin-error.ts';
import { changed } from './audit.ts';

export interface NodesDeps {
  list(): readonly NodeView[];
  /**
   * Has a node own nothing any more, or own its share again.
   * @returns false where no such node holds a lease
   */
  drain(nodeId: string, wish: 'draining' | 'active'): Promise<boolean>;
}

export function nodeRoutes(app: Hono, { list, drain }: NodesDeps): void {
  app.get('/api/v1/nodes', (c) => c.json(list()));
  const ask = async (c: Context, nodeId: string, wish: 'draining' | 'active') => {
    const before = list().find(({ id }) => id === nodeId)?.state;
    if (!(await drain(nodeId, wish)))
      throw new AdminError('NotFound', `there is no cache node ${nodeId} with a lease`);
    const action = wish === 'draining' ? 'node.drain' : 'node.undrain';
    changed(c, { action, target: nodeId, before, after: wish });
    return list().find(({ id }) => id === nodeId);
  };
  app.post('/api/v1/nodes/:id/drain', async (c) => c.json(await ask(c, c.req.param('id'), 'draining'), 202));
  app.delete('/api/v1/nodes/:id/drain', async (c) => c.json(await ask(c, c.req.param('id'), 'active')));
}

/** Of a Forebay that is one process: there is nobody to drain it to. */
export function soleNode(member: Pick<NodeView, 'id' | 'address' | 'adminAddress' | 'version'>): NodesDeps {
  return {
    list: () => [{ ...member, role: 'serve', state: 'active', ringShare: 1 }],
    drain: () =>
      Promise.reject(
        new AdminError('Conflict', 'this is the only node: there is no other to take its place'),
      ),
  };
}
