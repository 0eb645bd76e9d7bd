// A program that knows nothing of dservice: a client made with the original dnode, given an address.
var net = require('node:net');
var dnode = require('dnode');

var address = new URL(process.argv[2]);
// dnode's `weak` does not build on a current Node.
var d = dnode(undefined, { weak: false });
d.on('remote', function (remote) {
  remote.shout('dnode is at home here', function (text) {
    console.log('hears: ' + text);
    d.end();
  });
});
d.pipe(net.connect(address.port, address.hostname)).pipe(d);
