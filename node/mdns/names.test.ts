import { describe, expect, test } from 'vitest';
import {
  canonical,
  instanceName,
  isEncodable,
  isInstanceName,
  isTypeName,
  subtypeName,
} from './names.js';

const id = '0123456789abcdef';

test('an instance is labelled with its name, without dots, and its id', () => {
  expect(instanceName('image.resize', id)).toBe(
    'image-resize-0123456789abcdef._dservice._tcp.local',
  );
});

test('a label is at most 63 bytes, however long the name', () => {
  const [label = ''] = instanceName('a'.repeat(63), id).split('.');
  expect(label).toBe(`${'a'.repeat(40)}-${id}`);
  expect(label.length).toBeLessThanOrEqual(63);
});

test('a subtype is the first 16 hex digits of SHA-256 of the name', () => {
  // printf greeter | sha256sum
  expect(subtypeName('greeter')).toMatch(/^_[0-9a-f]{16}\._sub\._dservice\._tcp\.local$/);
  expect(subtypeName('')).toBe('_e3b0c44298fc1c14._sub._dservice._tcp.local');
});

test('only ASCII letters lose their case', () => {
  expect(canonical('A-Ä._DService._TCP.local')).toBe('a-Ä._dservice._tcp.local');
});

test('types, subtypes and instances are told apart', () => {
  expect(isTypeName('_dservice._tcp.local')).toBe(true);
  expect(isTypeName(subtypeName('greeter'))).toBe(true);
  expect(isTypeName('_http._tcp.local')).toBe(false);
  expect(isInstanceName(instanceName('greeter', id))).toBe(true);
  expect(isInstanceName(subtypeName('greeter'))).toBe(false);
  expect(isInstanceName('_dservice._tcp.local')).toBe(false);
});

describe('what can be put into a packet', () => {
  test.each([
    ['a.local', true],
    ['a..local', false],
    ['', false],
    [`${'a'.repeat(63)}.local`, true],
    [`${'a'.repeat(64)}.local`, false],
    [`${'ä'.repeat(32)}.local`, false],
    [Array(50).fill('abcde').join('.'), false],
  ])('%s: %s', (name, is) => expect(isEncodable(name)).toBe(is));
});
