import { DserviceError, type ErrorCode } from '../errors.js';

/** What a status says of what was called: it did not run. */
const refusals: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  400: ['ERR_MALFORMED', 'it cannot read that'],
  401: ['ERR_AUTH', 'the credentials were not accepted'],
  403: ['ERR_AUTH', 'it does not let this caller in'],
  404: ['ERR_METHOD', 'no dnode is spoken there'],
  405: ['ERR_METHOD', 'no dnode is spoken there'],
  413: ['ERR_LIMIT', 'that is more than it takes at once'],
  415: ['ERR_METHOD', 'no dnode is spoken there'],
  421: ['ERR_AUTH', 'it is not served under that name'],
  426: ['ERR_METHOD', 'no dnode is spoken there by HTTP'],
  429: ['ERR_BUSY', 'it takes no more'],
  503: ['ERR_BUSY', 'it takes no more'],
};

/** The error of an answer that is none of ours. */
export function refusalOf(url: string, status: number): DserviceError {
  const [code, text] = refusals[status] ?? [
    'ERR_CONNECTION_LOST',
    `no answer, but status ${status}`,
  ];
  const mayHaveRun = refusals[status] === undefined;
  return new DserviceError(code, `${url}: ${text}`, { mayHaveRun });
}
