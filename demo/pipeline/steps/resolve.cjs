// A step as it was written in 2013: it takes a name out of the queue `resolve`, and puts what it found into `store`.
var dns = require('dns');

// oxlint-disable-next-line no-unused-vars -- it is given both, and needs neither
module.exports = function (logger, pipeline) {
  this.input_queue = 'resolve';

  this.execute = function (payload, done) {
    dns.lookup(payload.data.name, function (err, address) {
      if (err) return done(err); // It is tried again; after the last time it is a dead letter.
      payload.data.address = address;
      done(null, payload.data, 'store');
    });
  };
};
