/** The command line of Forebay, for tests, with leases that no clock ends: the checker must notice. */
import { NodeLease } from '@forebay/cluster/node-lease';
import { main } from 'forebay/main';

const isLeased = Object.getOwnPropertyDescriptor(NodeLease.prototype, 'isLeased')!.get!;
const granted = new WeakSet<NodeLease>();
Object.defineProperty(NodeLease.prototype, 'isLeased', {
  get(this: NodeLease): boolean {
    if (granted.has(this)) return true;
    const is = isLeased.call(this) as boolean;
    if (is) granted.add(this);
    return is;
  },
});
await main(process.argv);
