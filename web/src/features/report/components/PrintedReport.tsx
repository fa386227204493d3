import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

import { usePatient } from '@/api/patients';
import { checkSession } from '@/api/session';
import type { KeySlice, Report, Scan } from '@/api/types';
import { formatDateTime } from '@/format/dates';
import { DISCLAIMER } from '@/i18n/disclaimer';
import { MismatchMark } from '@/identity/MismatchMark';
import { shownIdentity } from '@/identity/shown-identity';
import { useIdentityTexts } from '@/identity/use-identity-texts';
import { useSliceNames } from '@/slices/slice-names';

import classes from './report.module.css';

interface PrintedReportProps {
  report: Report;
  scan: Scan;
  /** The slices that are shown as pictures. */
  pictures: KeySlice[];
  /** The answer itself. */
  children: ReactNode;
}

/** A picture does not tell why it did not come: it may be for want of a session. */
const onPictureError = (): void => void checkSession();

/** The answer on paper; the browser's print makes the PDF. */
export function PrintedReport({ report, scan, pictures, children }: PrintedReportProps) {
  const { t, i18n } = useTranslation();
  const patient = usePatient(scan.patient_id);
  const texts = useIdentityTexts();
  const shown = shownIdentity(patient.data, scan.identity, scan.study_date, scan.patient_mismatch);
  const name = scan.patient_id && !patient.data ? t('common.patientLoading') : (shown.name ?? t('common.noPatient'));
  const facts: [string, string | null][] = [
    [t('report.patient'), name],
    [t('identity.attribute.patient_id'), shown.patientId],
    [t('identity.attribute.birth_date'), texts.date(shown.birthDate)],
    [t('identity.attribute.sex'), texts.sex(shown.sex)],
    [t('identity.accession'), shown.accessionNumber],
    [t('identity.studyTime'), texts.moment(shown)],
  ];
  const names = useSliceNames(report.study?.geometry.shape[0] ?? 0);
  // The x axis of the pictures, in LPS: towards the patient's left or right.
  const leftward = (report.study?.geometry.direction[2]?.[0] ?? 1) >= 0;
  const base = `/api/scans/${report.scan_id}`;
  const age = report.study?.patient_age_years;
  const version = `analysis_id=${report.analysis_id}`;
  return (
    <article className={classes.paper} lang={i18n.language}>
      {/* Repeated on every sheet: a page that went astray still says whose it is. */}
      <div className={classes.running} aria-hidden data-testid="running-identity">
        <div>
          <b data-identity>{name}</b>
          <span data-identity>{texts.person(shown).join(' · ')}</span>
          <span data-identity>{texts.accession(shown)}</span>
          <span>{texts.moment(shown)}</span>
          <span>{report.analysis_id}</span>
        </div>
      </div>
      <div className={classes.sheet}>
      <header className={classes.head}>
        <div>
          <h1>{t('report.title')}</h1>
          <p>{t('report.created', { date: formatDateTime(new Date().toISOString(), i18n.language) })}</p>
        </div>
        <div className={classes.brand}>
          <img src="/icon.svg" width={26} height={26} alt="" />
          <b>Norma</b>
        </div>
      </header>
      <p className={classes.research}>{t('app.research')}</p>
      <dl className={classes.identity}>
        {facts.map(([fact, value]) => (
          <div key={fact}>
            <dt>{fact}</dt>
            <dd data-identity>{value ?? '–'}</dd>
          </div>
        ))}
        {typeof age === 'number' && (
          <div>
            <dt>{t('report.age')}</dt>
            <dd>{t('common.age', { count: age })}</dd>
          </div>
        )}
        <div>
          <dt>{t('report.analysis')}</dt>
          <dd>{report.analysis_id}</dd>
        </div>
      </dl>
      <MismatchMark conflicts={shown.conflicts} />
      {pictures.length > 0 && (
        <section className={classes.pictures} aria-label={t('report.keySlices')}>
          {pictures.map(({ slice, stage }) => (
            <figure key={`${stage}-${slice}`}>
              <div>
                <img src={`${base}/slices/${slice}.png?window=lung&${version}`} alt={names.name(slice)} onError={onPictureError} />
                {report.maps.some((map) => map.stage === stage) && (
                  <img className={classes.map} src={`${base}/heatmaps/${stage}/${slice}.png?${version}`} alt="" onError={onPictureError} />
                )}
                <span data-side="left">{leftward ? 'R' : 'L'}</span>
                <span data-side="right">{leftward ? 'L' : 'R'}</span>
              </div>
              <figcaption>
                {names.name(slice)}
                {(stage === 'anomaly' || stage === 'classifier') && ` · ${t('report.withMap', { map: t(`map.${stage}`).toLocaleLowerCase(i18n.language) })}`}
              </figcaption>
            </figure>
          ))}
        </section>
      )}
      {children}
      <footer className={classes.foot}>{report.disclaimer === DISCLAIMER ? t('report.disclaimer') : report.disclaimer}</footer>
      </div>
    </article>
  );
}
