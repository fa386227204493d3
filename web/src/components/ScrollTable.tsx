import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

import pageClasses from './page.module.css';

interface ScrollTableProps {
  /** Of the table, and of the region that a keyboard scrolls. */
  label: string;
  testId?: string;
  /** Head and body. */
  children: ReactNode;
}

/** A table that scrolls by itself where the window is narrow. */
export function ScrollTable({ label, testId, children }: ScrollTableProps) {
  return (
    <div className={pageClasses.scroll} tabIndex={0} role="region" aria-label={label}>
      <table className={pageClasses.table} aria-label={label} data-testid={testId}>
        {children}
      </table>
    </div>
  );
}

/** The head of a column of buttons: only a screen reader needs its name. */
export function ActionsHeading() {
  const { t } = useTranslation();
  return (
    <th scope="col">
      <span className={pageClasses.quiet}>{t('common.actions')}</span>
    </th>
  );
}
