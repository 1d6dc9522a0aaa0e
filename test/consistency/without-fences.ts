/** The command line of Forebay, for tests, with homes whose fences do nothing: the checker must notice. */
import { InfoStore } from '@forebay/cache-node/info-store/info-store';
import { main } from 'forebay/main';

InfoStore.prototype.beginWrite = () => undefined;
InfoStore.prototype.endWrite = () => undefined;
await main(process.argv);
