/** A simulated distance as a process of its own: its one argument is DistanceOptions, as JSON. */
import { Distance } from 'forebay/demo/distance';

const distance = await Distance.open(JSON.parse(process.argv[2]!));
process.send?.({ port: distance.port });
