// The same in the style of 2013: require, callbacks, and a connection that is given back.
var dservice = require('dservice');

console.log('looks for greeter');
dservice().dnodeFor('greeter', function (err, remote, d) {
  if (err) throw err;
  remote.shout('callbacks are welcome', function (text) {
    console.log('hears: ' + text);
    d.end();
  });
});
