// A program that calls: no address, no configuration. It ends by itself when it has nothing left to do.
import dservice from 'dservice';

console.log('looks for welcome@^1');
const remote = await dservice().connect('welcome@^1');
console.log(`hears: ${await remote.welcome('Ada')}`);
