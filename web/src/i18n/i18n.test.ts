import { existsSync, readdirSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { UNITS } from '@/format/units';

import { DISCLAIMER } from './disclaimer';
import type { AllTexts } from './all-texts';
import i18next, { type Language, PARTS } from './i18n';

const PLURAL = /_(zero|one|two|few|many|other)$/;

function leaves(node: object, path = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(node) as [string, unknown][]) {
    const name = path ? `${path}.${key}` : key;
    if (typeof value === 'object' && value !== null) {
      leaves(value, name).forEach((text, leaf) => found.set(leaf, text));
    } else {
      found.set(name, String(value));
    }
  }
  return found;
}

/** With the texts of every part: the tests' set-up brings them. */
const textsOf = (language: Language): AllTexts =>
  Object.assign({}, ...Object.values(i18next.getDataByLanguage(language) ?? {})) as AllTexts;

const en = textsOf('en');
const english = leaves(en);
const russian = leaves(textsOf('ru'));
const names = (texts: Map<string, string>): string[] => [...new Set([...texts.keys()].map((key) => key.replace(PLURAL, '')))].sort();
const placeholders = (text: string): string[] => [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name ?? '').sort();

const MODULE_ENDS = ['.ts', '.tsx', '/index.ts'];

/** Whether whoever loads the file loads the part's texts: it, its feature, or what one of them imports. */
function brings(file: string, part: string, seen = new Set<string>()): boolean {
  const index = /^src\/features\/[\w-]+\//.exec(file)?.[0];
  return [file, ...(index ? [`${index}index.ts`] : [])].some((name) => {
    if (seen.has(name)) {
      return false;
    }
    seen.add(name);
    const imports = [...readFileSync(name, 'utf8').matchAll(/^(?:import|export) (?!type)(?:[^;]* from )?'(@\/[^']+)';$/gm)].map(([, path]) => path ?? '');
    return imports.some((path) => {
      const found = MODULE_ENDS.map((end) => path.replace('@/', 'src/') + end).find((module) => existsSync(module));
      return path === `@/i18n/${part}` || (found !== undefined && brings(found, part, seen));
    });
  });
}

/** Only a machine's requests get them: sign-in by OpenID, DICOMweb. Nor does the page ask for what `workitem_problem.rs` names. */
const NOT_ON_PAGE = /^(openid_not_configured|stores_deidentified|dicom_object_not_found|too_many_listeners)$/;

it('every refusal that the page can get has its words', () => {
  const folder = '../services/gateway/src/problem/';
  const files = readdirSync(folder).filter((name) => name !== 'workitem_problem.rs');
  const sources = files.map((name) => readFileSync(folder + name, 'utf8')).join('');
  const codes = [...sources.matchAll(/\bS::[A-Z_]+,\s*"([a-z_]+)"/g)].map(([, code]) => code ?? '');
  expect(codes.length).toBeGreaterThan(80);
  const hasWords = (code: string): boolean => english.has(`problem.${code}.title`) || english.has(`reason.${code}.title`);
  expect(codes.filter((code) => !NOT_ON_PAGE.test(code) && !hasWords(code))).toEqual([]);
});

describe('the two languages', () => {
  it('have the same keys', () => {
    expect(names(russian)).toEqual(names(english));
  });

  it('have every plural form that the language needs', () => {
    const counted = [...new Set([...english.keys()].filter((key) => PLURAL.test(key)).map((key) => key.replace(PLURAL, '')))];
    expect(counted.length).toBeGreaterThan(3);
    for (const key of counted) {
      for (const [texts, language] of [
        [english, 'en'],
        [russian, 'ru'],
      ] as const) {
        for (const form of new Intl.PluralRules(language).resolvedOptions().pluralCategories) {
          expect(texts.has(`${key}_${form}`), `${language}: ${key}_${form}`).toBe(true);
        }
      }
    }
  });

  it('say nothing twice: of two parts with one key, one would never be read', () => {
    const keys = Object.values(i18next.getDataByLanguage('en') ?? {}).flatMap((texts) => Object.keys(texts));
    expect(keys).toHaveLength(new Set(keys).size);
    expect(keys).toEqual(expect.arrayContaining(['app', 'site', 'users', 'pulls', 'deliveries']));
  });

  it('come along with every file that takes a text of a part', () => {
    const all = readdirSync('src', { recursive: true, encoding: 'utf8' }).map((name) => `src/${name}`);
    const files = all.filter((name) => /\.tsx?$/.test(name) && !/\.test\.|\.d\.ts$|^src\/i18n\//.test(name));
    const takers = PARTS.flatMap((part) => {
      const keys = Object.keys(i18next.getResourceBundle('en', part) as object).join('|');
      const taken = new RegExp(`['"\`](?:${keys})\\.`);
      return files.filter((file) => taken.test(readFileSync(file, 'utf8'))).map((file) => [part, file] as const);
    });
    expect(takers.length).toBeGreaterThan(25);
    expect(takers.filter(([part, file]) => !brings(file, part)).map(([part, file]) => `${file} without @/i18n/${part}`)).toEqual([]);
  });

  it('leave no text empty and fill the same placeholders', () => {
    for (const [key, text] of english) {
      const other = russian.get(key);
      if (other !== undefined && !PLURAL.test(key)) {
        expect(placeholders(other), key).toEqual(placeholders(text));
      }
      if (!key.startsWith('unit.')) {
        expect(text.trim(), key).not.toBe('');
        expect((other ?? 'plural').trim(), key).not.toBe('');
      }
    }
  });

  it('are written in their own script', () => {
    const untranslated = [...russian].filter(([key, text]) => /[A-Za-z]{4,}/.test(text) && text === english.get(key));
    // Names, abbreviations, and texts that are nothing but placeholders.
    const same = ['app.name', 'audit.json', 'feedback.by', 'settings.bundleText', 'study.json', 'viewer.image', 'viewer.position', 'viewer.windowText'];
    expect(untranslated.map(([key]) => key).sort()).toEqual(same);
  });

  it('count as their grammar wants', async () => {
    await i18next.changeLanguage('ru');
    expect([1, 3, 5].map((count) => i18next.t('upload.files', { count }))).toEqual(['1 файл', '3 файла', '5 файлов']);
    await i18next.changeLanguage('en');
    expect(i18next.t('upload.files', { count: 1 })).toBe('1 file');
  });

  it('know the disclaimer that every report carries', () => {
    const source = readFileSync('../crates/pipeline/src/merge.rs', 'utf8');
    expect(/DISCLAIMER: &str =\s*"([^"]+)"/.exec(source)?.[1]).toBe(en.report.disclaimer);
    expect(DISCLAIMER).toBe(en.report.disclaimer);
  });

  it('have words for every reason of a delivery', () => {
    const source = readFileSync('../services/gateway/src/deliveries/schema.rs', 'utf8');
    const told = /Why the last attempt failed:([^]*?)or the code of a problem/.exec(source)?.[1] ?? '';
    const codes = [...told.matchAll(/`(\w+)`/g)].map(([, code]) => code ?? '');
    expect(codes.sort()).toEqual(Object.keys(en.deliveries.reason).sort());
  });

  it('have words for every reason of a pull', () => {
    const source = readFileSync('../services/gateway/src/pulls/schema.rs', 'utf8');
    const told = /Why the last attempt failed:([^]*?)or the code of a/.exec(source)?.[1] ?? '';
    const codes = [...told.matchAll(/`(\w+)`/g)].map(([, code]) => code ?? '');
    expect(codes.sort()).toEqual(Object.keys(en.pulls.reason).sort());
  });

  it('have words for every reason code of the domain', () => {
    const source = readFileSync('../crates/domain/src/reason.rs', 'utf8');
    const codes = [...source.matchAll(/^ {4}\w+ = "(\w+)",$/gm)].map(([, code]) => code ?? '');
    expect(codes.length).toBeGreaterThan(30);
    for (const code of codes) {
      expect(english.has(`reason.${code}.title`), code).toBe(true);
      expect(english.has(`reason.${code}.advice`), code).toBe(true);
    }
  });

  it('name every quality check and every unit that one measures in', () => {
    const folder = '../crates/pipeline/src';
    const files = readdirSync(`${folder}/quality`).filter((name) => name !== 'tests.rs');
    const sources = ['quality.rs', ...files.map((name) => `quality/${name}`)].map((name) => readFileSync(`${folder}/${name}`, 'utf8'));
    const source = sources.join('\n');
    const domain = readFileSync('../crates/domain/src/reason.rs', 'utf8');
    const codes = new Map([...domain.matchAll(/^ {4}(\w+) = "(\w+)",$/gm)].map(([, name, code]) => [name ?? '', code ?? '']));
    const checks = [...new Set([...source.matchAll(/ReasonCode::([A-Z]\w+)/g)].map(([, name]) => name ?? ''))];
    expect(checks.length).toBeGreaterThan(20);
    for (const name of checks) {
      expect(english.has(`check.${codes.get(name) ?? name}`), name).toBe(true);
    }
    const units = [...source.matchAll(/Measurement::at_(?:most|least)\([^;]*?"(\w+)",?\s*\)/g)].map(([, unit]) => unit ?? '');
    expect(units.length).toBeGreaterThan(15);
    const shown: readonly string[] = UNITS;
    for (const unit of units) {
      expect(shown, unit).toContain(unit);
    }
  });
});
