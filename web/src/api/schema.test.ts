import { readFileSync } from 'node:fs';

import openapiTS, { astToString } from 'openapi-typescript';
import { expect, it } from 'vitest';

// Fresh: the client's types are those of the gateway's document. `npm run generate` renews them.
it('the generated types fit openapi.json', async () => {
  const document = JSON.parse(readFileSync('openapi.json', 'utf8')) as object;
  const nodes = await openapiTS(document as never, { alphabetize: true, rootTypes: false });
  const written = readFileSync('src/api/schema.d.ts', 'utf8');
  expect(written.replace(/^\/\*\*[\s\S]*?\*\/\n+/, '').trim()).toBe(astToString(nodes).trim());
}, 30_000);
