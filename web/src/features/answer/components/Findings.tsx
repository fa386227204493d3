import { UnstyledButton } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import type { Finding } from '@/api/types';
import { formatProbability } from '@/format/numbers';
import { useSliceNames } from '@/slices/slice-names';

import { Section } from './Section';
import classes from './answer.module.css';

const SHOWN = 4;

interface FindingsProps {
  findings: Finding[];
  /** Slices of the volume. */
  count: number;
  onSlice: ((slice: number) => void) | null;
}

/** Types of pathology with their probability and a way to their slice. */
export function Findings({ findings, count, onSlice }: FindingsProps) {
  const { t, i18n } = useTranslation();
  const names = useSliceNames(count);
  const [all, setAll] = useState(onSlice === null);
  const present = findings.filter((finding) => finding.present);
  const first = Math.max(SHOWN, present.length);
  const shown = all ? findings : findings.slice(0, first);
  const rest = findings.length - shown.length;
  return (
    <Section title={t('answer.findings')}>
      {findings.length === 0 && <p className={classes.dim}>{t('answer.noFindings')}</p>}
      <ul className={classes.findings}>
        {shown.map((finding) => (
          <li key={finding.label} data-present={finding.present} data-testid="finding">
            <div className={classes.findingText}>
              <span>{i18n.language === 'ru' ? finding.name_ru : finding.name_en}</span>
              <small>{t(finding.present ? 'answer.findingPresent' : 'answer.findingAbsent')}</small>
            </div>
            <div className={classes.findingBar} aria-hidden>
              <div style={{ width: `${finding.probability * 100}%` }} />
            </div>
            <b>{formatProbability(finding.probability, i18n.language)}</b>
            {onSlice ? (
              <UnstyledButton className={classes.sliceLink} onClick={() => onSlice(finding.key_slice)}>
                {names.name(finding.key_slice)}
              </UnstyledButton>
            ) : (
              <span>{names.name(finding.key_slice)}</span>
            )}
          </li>
        ))}
      </ul>
      {rest > 0 && (
        <UnstyledButton className={classes.sliceLink} onClick={() => setAll(true)}>
          {t('answer.otherFindings', { count: rest })}
        </UnstyledButton>
      )}
    </Section>
  );
}
