import { Progress, Text, Tooltip } from '@mantine/core';
import { IconAlertCircle } from '@tabler/icons-react';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import type { StudyRow } from '@/api/types';
import pageClasses from '@/components/page.module.css';
import { ScrollTable } from '@/components/ScrollTable';
import { ProbabilityBar } from '@/components/ProbabilityBar';
import { useNow } from '@/components/use-now';
import { outcomeOf, VerdictBadge } from '@/components/VerdictBadge';
import { formatAge, formatClock, formatDateTime } from '@/format/dates';
import { formatNumber, formatProbability } from '@/format/numbers';
import { useCodeTexts } from '@/i18n/problem-text';
import { MismatchMark } from '@/identity/MismatchMark';
import { identityOfRow } from '@/identity/shown-identity';
import { useIdentityTexts } from '@/identity/use-identity-texts';

import { isIncomplete } from '../incomplete';
import { Contradictions } from './Contradictions';
import classes from './worklist.module.css';

const PROGRESS: Partial<Record<string, number>> = { queued: 5, preparing: 30, analyzing: 70 };

function StateCell({ study }: { study: StudyRow }) {
  const { t, i18n } = useTranslation();
  const { ofCode } = useCodeTexts();
  const status = study.status ?? 'not_analyzed';
  const progress = PROGRESS[status];
  const { failure, waiting_since: since } = study;
  return (
    <div className={classes.state}>
      <span>{t(`status.${status}`)}</span>
      {progress !== undefined && !since && <Progress value={progress} size="xs" animated aria-label={t(`status.${status}`)} />}
      {since && (
        <Text size="xs" c="var(--text-dim)" data-testid="row-waiting">
          {t('worklist.waiting', { since: formatClock(since, i18n.language) })}
        </Text>
      )}
      {study.repeat_of && (
        <Text size="xs" c="var(--text-dim)">
          {t('worklist.repeat')}
        </Text>
      )}
      {failure && (
        <Text size="xs" c="var(--text-dim)">
          {ofCode(failure.code).title}
        </Text>
      )}
    </div>
  );
}

/** Whose study it is: what a reader compares with the PACS. */
function PatientCell({ study, withPatient }: { study: StudyRow; withPatient: boolean }) {
  const { t } = useTranslation();
  const texts = useIdentityTexts();
  const shown = identityOfRow(study);
  return (
    <div className={classes.patient}>
      <div data-identity>
        {withPatient && (shown.name ?? <Text span size="sm" c="var(--text-dim)">{t('common.noPatient')}</Text>)}
        {withPatient && texts.person(shown).length > 0 && (
          <Text size="xs" data-testid="row-identity">
            {texts.person(shown).join(' · ')}
          </Text>
        )}
        <Text size="xs" c="var(--text-dim)" truncate maw={240}>
          {[texts.accession(shown), study.description || study.file_name].filter(Boolean).join(' · ')}
        </Text>
      </div>
      <MismatchMark conflicts={shown.conflicts} />
    </div>
  );
}

function QualityCell({ study }: { study: StudyRow }) {
  const { t } = useTranslation();
  const { ofCode } = useCodeTexts();
  const flags = study.quality_flags;
  if (study.status !== 'completed' && flags.length === 0) {
    return <>–</>;
  }
  if (flags.length === 0) {
    return (
      <Text size="sm" c="var(--text-dim)">
        {t('worklist.qualityOk')}
      </Text>
    );
  }
  const texts = flags.map((code) => ofCode(code).title);
  return (
    <Tooltip label={texts.join(' · ')} multiline maw={320}>
      <span className={classes.flags}>
        <IconAlertCircle size={15} aria-hidden />
        <span>
          {texts[0]}
          {texts.length > 1 && ` +${texts.length - 1}`}
        </span>
      </span>
    </Tooltip>
  );
}

interface StudiesTableProps {
  studies: StudyRow[];
  selected?: number;
  stale?: boolean;
  withPatient?: boolean;
  onOpen: (scanId: string) => void;
  /** The pointer or the focus is on a study that has an answer. */
  onPoint?: (scanId: string) => void;
}

export function StudiesTable({ studies, selected = -1, stale = false, withPatient = true, onOpen, onPoint }: StudiesTableProps) {
  const { t, i18n } = useTranslation();
  const language = i18n.language;
  const now = useNow();
  const texts = useIdentityTexts();
  const body = useRef<HTMLTableSectionElement>(null);

  const scrolledTo = useRef(selected);
  useEffect(() => {
    // Only where somebody went there: a list that scrolls as it opens would be where the first Tab begins.
    if (scrolledTo.current !== selected) {
      scrolledTo.current = selected;
      body.current?.querySelector('[data-selected=true]')?.scrollIntoView({ block: 'nearest' });
    }
  }, [selected]);

  return (
    <ScrollTable label={t('worklist.table')}>
      <thead>
        <tr>
          <th scope="col">{t('worklist.verdict')}</th>
          <th scope="col">{t('worklist.probability')}</th>
          <th scope="col">{t('worklist.finding')}</th>
          <th scope="col">{t(withPatient ? 'worklist.patient' : 'identity.study')}</th>
          <th scope="col">{t('worklist.studyDate')}</th>
          <th scope="col" className={pageClasses.number}>
            {t('worklist.slices')}
          </th>
          <th scope="col">{t('worklist.quality')}</th>
          <th scope="col">{t('worklist.state')}</th>
          <th scope="col">{t('worklist.age')}</th>
        </tr>
      </thead>
      <tbody ref={body}>
        {studies.map((study, row) => {
          const outcome = outcomeOf(study.status, study.verdict);
          const asked = study.requested_at ?? study.uploaded_at;
          const shown = identityOfRow(study);
          const name = shown.name ?? t('common.noPatient');
          const finding = outcome === 'norm' ? null : study.top_finding;
          const open = t('worklist.openStudy', { patient: name });
          return (
            <tr
              key={study.scan_id}
              data-link
              data-scan={study.scan_id}
              data-outcome={outcome}
              data-selected={row === selected}
              data-stale={stale}
              onClick={() => onOpen(study.scan_id)}
              onPointerEnter={() => study.status === 'completed' && onPoint?.(study.scan_id)}
            >
              <td>
                <Link
                  to={`/studies/${study.scan_id}`}
                  className={classes.link}
                  aria-label={`${open}: ${t(`verdict.${outcome}`)}`}
                  onClick={(event) => {
                    event.preventDefault();
                    event.stopPropagation();
                    onOpen(study.scan_id);
                  }}
                >
                  <VerdictBadge outcome={outcome} />
                </Link>
              </td>
              <td>
                {outcome === 'none' || outcome === 'failed' ? (
                  '–'
                ) : (
                  <ProbabilityBar probability={study.probability_of_pathology} threshold={study.threshold} outcome={outcome} />
                )}
                {isIncomplete(study) && (
                  <Text size="xs" data-testid="row-incomplete">
                    {t('worklist.incomplete')}
                  </Text>
                )}
              </td>
              <td>
                {finding ? (
                  <>
                    {language === 'ru' ? finding.name_ru : finding.name_en}{' '}
                    <Text span size="sm" c="var(--text-dim)">
                      {formatProbability(finding.probability, language)}
                    </Text>
                  </>
                ) : (
                  '–'
                )}
                {study.contradictions.length > 0 && <Contradictions words={study.contradictions} />}
              </td>
              <td>
                <PatientCell study={study} withPatient={withPatient} />
              </td>
              <td className={classes.nowrap}>{texts.moment(shown) ?? '–'}</td>
              <td className={pageClasses.number}>{formatNumber(study.slices, language, 0)}</td>
              <td>
                <QualityCell study={study} />
              </td>
              <td>
                <StateCell study={study} />
              </td>
              <td className={classes.nowrap}>
                <time dateTime={asked} title={formatDateTime(asked, language)}>
                  {formatAge(asked, now, language)}
                </time>
              </td>
            </tr>
          );
        })}
      </tbody>
    </ScrollTable>
  );
}
