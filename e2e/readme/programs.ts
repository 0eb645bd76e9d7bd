/** The programs of the README, word for word but for the name, which is a test's own. */

export const serviceModule = (name: string): string => `
import dservice from 'dservice';
const greeter = dservice('${name}@1.2.0', { shout: (s) => s.toUpperCase() });
await greeter.start();
`;

export const callerModule = (name: string): string => `
import dservice from 'dservice';
const remote = await dservice().connect('${name}@^1');
console.log(await remote.shout('hello'));
`;

export const serviceScript = (name: string): string => `
var dservice = require('dservice');
var api = {
  shout: function (s, cb) { cb(s.toUpperCase()); },
};
var s = dservice('${name}', api);
s.start();
`;

export const callerScript = (name: string): string => `
var dservice = require('dservice');
dservice().dnodeFor('${name}', function (err, remote, d) {
  if (err) throw err;
  remote.shout('hello', function (loud) {
    console.log(loud);
    d.end();
  });
});
`;

/** A service that relies on another, and reaches it from inside its api. */
export const relyingScript = (name: string, other: string): string => `
var dservice = require('dservice');
var s = dservice('${name}', {
  welcome: function (who, cb) {
    s.dnodeFor('${other}', function (err, remote, d) {
      if (err) throw err;
      remote.shout('welcome ' + who, function (loud) {
        cb(loud);
        d.end();
      });
    });
  },
});
s.rely('${other}');
s.start();
`;
