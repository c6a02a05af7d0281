import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { hostOf } from '../cli/lesson-host.ts';
import { lintLesson } from '../course/lint.ts';
import { readLesson } from '../course/read.ts';
import type { Stage } from '../course/scene.ts';
import { WIDGET_KEYS } from '../ui/learn/widget-names.ts';
import { DESKS } from '../ui/shell/desks.ts';
import { PANELS } from '../ui/shell/panels.ts';
import { SAMPLES } from '../workbench/samples.ts';

const folder = fileURLToPath(new URL('course/', import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith('.md'));

/** What the page really has. */
const STAGE: Stage = {
  samples: new Set(SAMPLES.map(({ id }) => id)),
  desks: new Set(DESKS.map(({ id }) => id)),
  panels: new Set(PANELS.keys()),
  widgets: new Map(Object.entries(WIDGET_KEYS)),
};

describe('the lessons of the course', () => {
  test.each(files)(
    '%s: exercises begin failing, pass with their solution, and meet typical mistakes as promised',
    { timeout: 180_000 },
    async (file) => {
      const { lesson, problems } = readLesson(readFileSync(`${folder}${file}`, 'utf8'), file, STAGE);
      expect(problems).toEqual([]);
      expect(lesson!.id).toBe(file.slice(0, -'.md'.length));
      expect(await lintLesson(lesson!, hostOf(lesson!))).toEqual([]);
    },
  );
});
