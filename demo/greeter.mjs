// A service. It has a name and a version; where it runs is nobody's concern.
import dservice from 'dservice';

const greeter = dservice('greeter@1.2.0', {
  shout: (text) => `${text.toUpperCase()}!`,
});

await greeter.start();
console.log(`serves at ${greeter.endpoints.join(', ')}`);
console.log(`is instance ${greeter.id}`);
