import { act, render, screen } from '@testing-library/react';
import { expect, it } from 'vitest';

import { toggleIdentity, useHiddenIdentity } from './hidden-identity';

function Probe() {
  return <p>{useHiddenIdentity() ? 'hidden' : 'shown'}</p>;
}

it('marks the whole page, tells who asks, and outlives a reload of the tab', () => {
  render(<Probe />);
  expect(screen.getByText('shown')).toBeTruthy();
  act(toggleIdentity);
  expect(screen.getByText('hidden')).toBeTruthy();
  expect(document.documentElement.hasAttribute('data-hide-identity')).toBe(true);
  expect(window.sessionStorage.getItem('norma-hide-identity')).toBe('true');
  act(toggleIdentity);
  expect(document.documentElement.hasAttribute('data-hide-identity')).toBe(false);
});
