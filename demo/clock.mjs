// A service that calls back: the function that it is passed is the caller's, wherever that one is.
import dservice, { context } from 'dservice';

const clock = dservice('clock@1.1.0', {
  now: () => new Date(),

  /** Calls `callback` every so many milliseconds, for a minute or until the caller is gone. */
  tick(every, callback) {
    const { session } = context();
    const pause = Math.max(100, Number(every) || 1000);
    const timer = setInterval(() => void callback(new Date()).catch(stop), pause);
    const end = setTimeout(stop, 60_000);
    const forget = session.on('end', stop);
    function stop() {
      clearInterval(timer);
      clearTimeout(end);
      forget();
    }
    return `ticks every ${pause} ms for a minute`;
  },
});

await clock.start();
console.log(`serves at ${clock.endpoints.join(', ')}`);
console.log(`is instance ${clock.id}`);
