import js from '@eslint/js';
import jsxA11y from 'eslint-plugin-jsx-a11y';
import reactHooks from 'eslint-plugin-react-hooks';
import globals from 'globals';
import tseslint from 'typescript-eslint';

const SHARED = ['api', 'components', 'format', 'i18n', 'identity', 'privacy', 'reading-list', 'session', 'settings', 'shortcuts', 'slices', 'transfer'];

const inner = { group: ['@/features/*/*'], message: 'enter a feature by its index' };
const imaging = { group: ['@cornerstonejs/*'], message: 'only features/viewer/cornerstone speaks to cornerstone' };
const app = { group: ['@/app/*', '**/app/*'], message: 'shared → features → app: nothing looks up' };
const features = { group: ['@/features/*', '**/features/*'], message: 'shared → features → app: features do not know each other' };

const restrict = (...patterns) => ({ 'no-restricted-imports': ['error', { patterns }] });

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'src/api/schema.d.ts'] },
  js.configs.recommended,
  {
    files: ['src/**/*.{ts,tsx}'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: {
      globals: globals.browser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { 'react-hooks': reactHooks, 'jsx-a11y': jsxA11y },
    rules: {
      ...reactHooks.configs.flat.recommended.rules,
      ...jsxA11y.flatConfigs.strict.rules,
      // A scrolling region must take the focus, or the keyboard cannot scroll it.
      'jsx-a11y/no-noninteractive-tabindex': ['error', { tags: ['main'], roles: ['tabpanel', 'region'] }],
      // The row's own link does the same for the keyboard.
      'jsx-a11y/click-events-have-key-events': 'off',
      'jsx-a11y/no-noninteractive-element-interactions': 'off',
      'jsx-a11y/no-static-element-interactions': 'off',
      // Effects that mirror an outside system (the viewer's library, a fetch) set state by nature.
      'react-hooks/set-state-in-effect': 'off',
      'react-hooks/refs': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // It does not see that a flag changes while something is awaited.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // The compiler is not used; TanStack Table is sound without it.
      'react-hooks/incompatible-library': 'off',
      // cornerstone's enums are values of objects.
      '@typescript-eslint/no-unsafe-enum-comparison': 'off',
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
    },
  },
  { files: ['src/app/**'], rules: restrict(inner, imaging) },
  { files: ['src/features/**'], rules: restrict(features, app, imaging) },
  { files: ['src/features/viewer/cornerstone/**'], rules: restrict(features, app) },
  { files: SHARED.map((folder) => `src/${folder}/**`), rules: restrict(features, app, imaging) },
  {
    files: ['dev/**/*.mjs', 'journey/**/*.mjs', 'scripts/**/*.mjs', '*.js'],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
  },
  { files: ['public/*.js'], languageOptions: { globals: globals.browser, sourceType: 'script' } },
);
