import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { hostOf } from '../cli/lesson-host.ts';
import { lintLesson } from '../course/lint.ts';
import { PAGE_NAMES } from '../course/page-names.ts';
import { readLesson } from '../course/read.ts';

const folder = fileURLToPath(new URL('course/', import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith('.md'));

describe('the lessons of the course', () => {
  test.each(files)(
    '%s: exercises begin failing, pass with their solution, and meet typical mistakes as promised',
    { timeout: 180_000 },
    async (file) => {
      const { lesson, problems } = readLesson(readFileSync(`${folder}${file}`, 'utf8'), file, PAGE_NAMES);
      expect(problems).toEqual([]);
      expect(lesson!.id).toBe(file.slice(0, -'.md'.length));
      expect(await lintLesson(lesson!, hostOf(lesson!))).toEqual([]);
    },
  );
});
