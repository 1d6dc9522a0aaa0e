/** A Node process that does nothing but tell, when asked, how late its event loop was. */
import { LoopDelayWindow } from 'forebay/event-loop-delay';

const delays = new LoopDelayWindow();
process.on('message', () => process.send?.(delays.read()));
process.send?.('ready');
