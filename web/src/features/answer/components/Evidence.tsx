import { UnstyledButton } from '@mantine/core';
import { IconAlertTriangle, IconCircleDot } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import type { Ground, Measure, MeasuredFinding, Report } from '@/api/types';
import { formatNumber, formatProbability } from '@/format/numbers';
import { useSliceNames } from '@/slices/slice-names';

import { sliceCount } from '../reading';
import { Section } from './Section';
import classes from './answer.module.css';

interface EvidenceProps {
  report: Report;
  onSlice: ((slice: number) => void) | null;
}

/** What lies beside a lung, not in it. */
const PLEURAL = new Set<MeasuredFinding['pathology']>(['pleural_effusion', 'pneumothorax']);
const IN_PLEURA = new Set<Measure['code']>(['pleural_fluid', 'pleural_gas']);
const KINDS = ['both', 'measured', 'learnt', 'not_looked_for'] as const;

function useEvidenceTexts() {
  const { t, i18n } = useTranslation();
  const value = (number: number, unit: string): string => {
    if (unit === 'fraction') return formatProbability(number, i18n.language);
    return `${formatNumber(number, i18n.language, 0)} ${unit === 'ml' ? t('unit.ml') : t('unit.HU')}`;
  };
  const place = ({ pathology, side, third }: MeasuredFinding): string =>
    PLEURAL.has(pathology)
      ? t(`evidence.pleura.${side}`)
      : t('evidence.place', { side: t(`evidence.side.${side}`), third: t(`evidence.third.${third}`) });
  const finding = (found: MeasuredFinding): string =>
    found.nodule
      ? t('evidence.ground.nodule', {
          density: t(`evidence.density.${found.nodule.density}`),
          place: place(found),
          diameter: formatNumber(found.nodule.diameter_mm, i18n.language, 0),
        })
      : t('evidence.ground.finding', {
          type: t(`evidence.type.${found.pathology}`),
          place: place(found),
          volume: formatNumber(found.volume_ml, i18n.language, 0),
        });
  const range = ({ range, unit }: Measure): string => {
    const low = range?.low ?? null;
    const high = range?.high ?? null;
    if (low !== null && high !== null) return t('evidence.between', { low: value(low, unit), high: value(high, unit) });
    if (high !== null) return t('evidence.atMost', { high: value(high, unit) });
    if (low !== null) return t('evidence.atLeast', { low: value(low, unit) });
    return '';
  };
  const ground = (of: Ground): string => {
    switch (of.kind) {
      case 'finding':
        return finding(of.finding);
      case 'measure':
        return t('evidence.ground.measure', {
          measure: t(`evidence.code.${of.code}`),
          value: value(of.value, of.unit),
          limit: value(of.limit, of.unit),
        });
      case 'score':
        return t('evidence.ground.score', {
          probability: formatProbability(of.probability, i18n.language),
          threshold: formatProbability(of.threshold, i18n.language),
        });
    }
  };
  return { t, value, finding, range, ground };
}

/** What decided, in the words of a report: measured components with their place, measures, the models' probability. */
export function Grounds({ report, onSlice }: EvidenceProps) {
  const { t, ground } = useEvidenceTexts();
  const grounds = report.grounds ?? [];
  if (grounds.length === 0) return null;
  const measures = report.measures ?? [];
  const allWithin = measures.length > 0 && measures.every(({ state }) => state === 'within' || state === 'described');
  const onlyScore = allWithin && grounds.every(({ kind }) => kind === 'score');
  return (
    <Section title={t('evidence.grounds')}>
      <ul className={classes.reasons} data-testid="grounds">
        {grounds.map((of, index) => (
          <li key={index}>
            {ground(of)}{' '}
            {of.kind === 'finding' && <SliceLink report={report} slice={of.finding.key_slice} onSlice={onSlice} />}
          </li>
        ))}
        {onlyScore && <li>{t('evidence.measuresWithin')}</li>}
      </ul>
    </Section>
  );
}

/** Each measure with its range and state, what was found with its place, and what was not looked for. */
export function Measures({ report, onSlice }: EvidenceProps) {
  const { t, value, finding, range } = useEvidenceTexts();
  const measures = report.measures ?? [];
  if (measures.length === 0) return null;
  return (
    <Section title={t('evidence.title')}>
      <ul className={classes.checks} data-testid="measures">
        {measures.map((measure) => {
          const isOutside = measure.state === 'outside' || measure.state === 'not_measurable';
          const StateIcon = isOutside ? IconAlertTriangle : IconCircleDot;
          return (
            <li key={measure.code} data-passed={!isOutside} title={measure.range?.source}>
              <StateIcon size={16} aria-hidden />
              <span className={classes.checkName}>
                {t(`evidence.code.${measure.code}`)}
                <small>
                  {t(`evidence.${measure.state}`)}
                  {measure.why && `: ${t(`evidence.why.${measure.why}`)}`}
                </small>
              </span>
              <span className={classes.checkValue}>
                {typeof measure.value === 'number' ? value(measure.value, measure.unit) : '–'}
                <small>{range(measure)}</small>
                {IN_PLEURA.has(measure.code) && measure.by_side && (
                  <small>
                    {t('evidence.bySide', {
                      right: value(measure.by_side[0] ?? 0, measure.unit),
                      left: value(measure.by_side[1] ?? 0, measure.unit),
                    })}
                  </small>
                )}
              </span>
            </li>
          );
        })}
      </ul>
      {(report.measured_findings ?? []).length > 0 && (
        <ul className={classes.reasons} data-testid="measured-findings">
          {(report.measured_findings ?? []).map((found, index) => (
            <li key={index}>
              {finding(found)}
              {!found.decides && ` – ${t('evidence.toLookAt')}`}{' '}
              <SliceLink report={report} slice={found.key_slice} onSlice={onSlice} />
            </li>
          ))}
        </ul>
      )}
      <Coverage report={report} />
    </Section>
  );
}

function Coverage({ report }: { report: Report }) {
  const { t } = useTranslation();
  const coverage = report.coverage ?? [];
  if (coverage.length === 0) return null;
  return (
    <ul className={classes.reasons} data-testid="coverage" aria-label={t('evidence.coverage')}>
      {KINDS.map((kind) => {
        const types = coverage.filter(({ looked_for }) => looked_for === kind);
        return (
          types.length > 0 && (
            <li key={kind}>
              {t(`evidence.coverageOf.${kind}`)}: {types.map(({ pathology }) => t(`evidence.type.${pathology}`)).join(', ')}
            </li>
          )
        );
      })}
    </ul>
  );
}

function SliceLink({ report, slice, onSlice }: EvidenceProps & { slice: number }) {
  const text = useSliceNames(sliceCount(report)).name(slice);
  return onSlice ? (
    <UnstyledButton className={classes.sliceLink} onClick={() => onSlice(slice)}>
      {text}
    </UnstyledButton>
  ) : (
    <span>{text}</span>
  );
}
