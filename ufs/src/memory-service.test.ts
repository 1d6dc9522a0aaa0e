import { memoryService } from './memory-service.ts';
import { ufsServiceContract } from './ufs-service.contract.ts';

ufsServiceContract('memory', async () => ({
  service: memoryService({ pageBuckets: 2 }),
  close: async () => {},
}));
