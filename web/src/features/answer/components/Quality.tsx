import { IconAlertTriangle, IconCircleDot } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import type { QualityCheck } from '@/api/types';
import { formatNumber } from '@/format/numbers';
import { UNITS } from '@/format/units';
import { useCodeTexts } from '@/i18n/problem-text';

import { Section } from './Section';
import classes from './answer.module.css';

/** Each check with what it measured. Passed is plain, not green: it says nothing about the patient. */
export function Quality({ checks }: { checks: QualityCheck[] }) {
  const { t, i18n } = useTranslation();
  const { ofCheck, ofCode } = useCodeTexts();
  const unitOf = (number: number, unit: string): string => {
    const known = UNITS.find((candidate) => candidate === unit);
    return known ? t(`unit.${known}`, { count: number }) : unit;
  };
  const value = (number: number, unit: string): string => `${formatNumber(number, i18n.language, 2)} ${unitOf(number, unit)}`.trim();
  const sorted = [...checks].sort((a, b) => Number(a.passed) - Number(b.passed));
  return (
    <Section title={t('answer.quality')}>
      <ul className={classes.checks}>
        {sorted.map((check, place) => {
          const CheckIcon = check.passed ? IconCircleDot : IconAlertTriangle;
          return (
            <li key={`${check.code}-${place}`} data-passed={check.passed} title={i18n.language === 'en' ? check.message : undefined}>
              <CheckIcon size={16} aria-hidden />
              <span className={classes.checkName}>
                {ofCheck(check.code, check.unit)}
                {!check.passed && (
                  <small>
                    {ofCode(check.code).title}: {t(`answer.consequence.${check.consequence}`)}
                  </small>
                )}
              </span>
              <span className={classes.checkValue}>
                {typeof check.measured === 'number'
                  ? value(check.measured, check.unit)
                  : t(check.passed ? 'answer.passed' : 'answer.notPassed')}
                {typeof check.limit === 'number' && typeof check.measured === 'number' && (
                  <small>{t('answer.limit', { limit: value(check.limit, check.unit) })}</small>
                )}
              </span>
            </li>
          );
        })}
      </ul>
    </Section>
  );
}
