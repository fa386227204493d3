import { Text } from '@mantine/core';
import { IconUserExclamation } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import type { IdentityAttribute } from '@/api/types';

import classes from './identity.module.css';

/** Says that the files name another patient than the record that the study is in. */
export function MismatchMark({ conflicts }: { conflicts: IdentityAttribute[] }) {
  const { t } = useTranslation();
  if (conflicts.length === 0) {
    return null;
  }
  const differing = conflicts.map((attribute) => t(`identity.attribute.${attribute}`)).join(', ');
  return (
    <Text size="xs" component="span" className={classes.mismatch} data-testid="patient-mismatch">
      <IconUserExclamation size={15} aria-hidden />
      <span>{t('identity.mismatchMark', { differing })}</span>
    </Text>
  );
}
