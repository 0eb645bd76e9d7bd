/** The public names of each entry, written out by hand: a name that comes or goes is a change of the API. */
export const publicNames: Readonly<Record<string, readonly string[]>> = {
  dservice: ['DserviceError', 'default', 'dial', 'serve'],
  'dservice/node': ['DserviceError', 'default', 'dial', 'serve'],
  'dservice/browser': ['DserviceError', 'default', 'dial', 'serve'],
  'dservice/dnode': ['default'],
  'dservice/testing': ['DserviceError'],
};
