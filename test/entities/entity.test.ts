import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { id, integer, nullable, text, time, version } from '../../src/entities/columns.ts';
import { entity } from '../../src/entities/entity.ts';

const boats = entity({
  table: 'boats',
  schema: 'Boat',
  fields: {
    id: { column: id('group') },
    harbour: { create: z.string() },
    name: { column: text, create: z.string(), audited: true },
    note: {
      column: nullable(text),
      meaning: 'What the crew wrote.',
      example: 'Leaks',
      create: z.string().nullable().default(null),
      change: z.string().nullable().meta({ description: 'Replaces the note.' }),
    },
    berth: { column: nullable(integer), create: z.int().optional() },
    secret: { column: text, answer: null },
    path: { answer: z.string(), meaning: 'Where it lies.' },
    sunk_at: { column: nullable(time) },
    created_at: { column: time },
    version: { column: version, hasDefault: true },
  },
  createFirst: ['name'],
});

const at = new Date(1_800_000_000_000);
const row = {
  id: 'grp_1',
  name: 'Ada',
  note: null,
  berth: null,
  secret: 's',
  sunk_at: null,
  created_at: at,
  version: 3,
};

describe('an entity', () => {
  test('has the columns of its stored fields, in their order', () => {
    expect(boats.columns).toEqual(['id', 'name', 'note', 'berth', 'secret', 'sunk_at', 'created_at', 'version']);
  });

  test('takes in a request what the fields allow, and nothing else', () => {
    expect(boats.create.parse({ name: 'Ada', harbour: 'x' })).toEqual({ name: 'Ada', harbour: 'x', note: null });
    expect(Object.keys(boats.create.shape)).toEqual(['name', 'harbour', 'note', 'berth']);
    expect(boats.create.safeParse({ name: 'Ada', harbour: 'x', version: 1 }).success).toBe(false);
    expect(Object.keys(boats.change.shape)).toEqual(['note']);
    expect(boats.change.safeParse({ note: 'y', name: 'Bob' }).success).toBe(false);
  });

  test('presents what its answer names, with times as text and without a column that is hidden', () => {
    const shown = boats.present({ ...row, path: 'north/Ada', ...{ lineage: ['x'] } });
    expect(JSON.stringify(shown)).toBe(
      '{"id":"grp_1","name":"Ada","note":null,"berth":null,"path":"north/Ada","sunk_at":null,"created_at":"2027-01-15T08:00:00.000Z","version":3}',
    );
    expect(Object.keys(shown)).toEqual(Object.keys(boats.answer.shape));
    expect(boats.answer.shape.path.meta()).toEqual({ description: 'Where it lies.' });
  });

  test('describes a field in answers and requests, unless the schema of the request does so itself', () => {
    const described = { description: 'What the crew wrote.', examples: ['Leaks'] };
    expect(boats.answer.shape.note.meta()).toEqual(described);
    expect(boats.create.shape.note.meta()).toEqual(described);
    expect(boats.change.shape.note.meta()).toEqual({ description: 'Replaces the note.', examples: ['Leaks'] });
    expect(boats.answer.shape.created_at.meta()).toMatchObject({ description: 'The time of its creation.' });
  });

  test('gives a new row the columns of the request, and null for one that was left out', () => {
    const input = { harbour: 'x', name: 'Ada', note: 'y', berth: 4 };
    expect(boats.given(input)).toMatchObject({ name: 'Ada', note: 'y', berth: 4 });
    expect(boats.given({ name: 'Ada', note: null })).toMatchObject({ name: 'Ada', note: null, berth: null });
    expect(boats.given(input)).not.toHaveProperty('harbour');
  });

  test('records its audited fields alone', () => {
    expect(boats.recorded(row)).toEqual({ name: 'Ada' });
  });
});
