import { Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

import type { ErasureStatement } from '@/api/types';
import pageClasses from '@/components/page.module.css';
import { formatMoment } from '@/format/dates';
import { formatBytes, formatNumber } from '@/format/numbers';

import classes from './erasure.module.css';

/** What a deletion left, as the audit trail has it. */
export function Statement({ erasure }: { erasure: ErasureStatement }) {
  const { t, i18n } = useTranslation();
  const count = (of: number): string => formatNumber(of, i18n.language, 0);
  const code = (text: string): ReactNode => <code className={classes.code}>{text}</code>;
  const left = erasure.scans_with_files;
  const facts: [name: string, value: ReactNode, detail?: string][] = [
    [t('personalData.recordNumber'), code(erasure.patient_id)],
    [t('personalData.at'), formatMoment(erasure.erased_at, i18n.language)],
    [t('personalData.by'), erasure.erased_by],
    [t('personalData.studies'), count(erasure.scans.length)],
    [t('personalData.analyses'), count(erasure.analyses)],
    [t('personalData.size'), formatBytes(erasure.size_bytes, i18n.language)],
    [t('personalData.files'), left === 0 ? t('personalData.filesGone') : t('personalData.filesLeft', { count: left })],
    [t('personalData.hash'), code(erasure.originals_sha256), t('personalData.hashDetail')],
    [t('personalData.auditSequence'), count(erasure.audit_sequence)],
    [t('personalData.auditHash'), code(erasure.audit_hash)],
    [t('personalData.auditPreviousHash'), code(erasure.audit_previous_hash)],
  ];
  return (
    <article className={`${pageClasses.padded ?? ''} ${classes.statement ?? ''}`} data-testid="erasure" data-files={left}>
      <Text fw={600}>{t('personalData.erased')}</Text>
      <dl className={classes.facts}>
        {facts.map(([name, value, detail]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              {value}
              {detail && <p>{detail}</p>}
            </dd>
          </div>
        ))}
      </dl>
      <Text size="sm">{t('personalData.notCovered')}</Text>
      {erasure.scans.length > 0 && (
        <section aria-label={t('personalData.studiesList')}>
          <Text size="sm" fw={600} mt="md">
            {t('personalData.studiesList')}
          </Text>
          <ol className={classes.scans}>
            {erasure.scans.map((scan) => (
              <li key={scan}>{code(scan)}</li>
            ))}
          </ol>
        </section>
      )}
    </article>
  );
}
