// A service that relies on another one: it is up when a greeter is, in a version that it can use.
import dservice from 'dservice';

const welcome = dservice('welcome@1.0.0', {
  async welcome(name) {
    const greeter = await welcome.connect('greeter@^1');
    return greeter.shout(`welcome, ${name}`);
  },
});

welcome.rely('greeter@^1');
welcome.on('state', (state) => console.log(`is ${state}`));
await welcome.start();
console.log(`is instance ${welcome.id}`);
